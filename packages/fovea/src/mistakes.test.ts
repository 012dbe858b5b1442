import { describe, expect, it } from "vitest";
import { ImageDataset } from "./data/dataset.ts";
import { Trainer } from "./train/trainer.ts";
import * as f from "./index.ts";
import { FoveaError, models, nn, tensor, zeros } from "./index.ts";

/** An ordinary mistake: what its message must say, and its suggestion, which is then followed. */
interface Mistake {
  readonly name: string;
  readonly wrong: () => unknown;
  /** All of these occur in the message: the layer, both shapes, the law with its numbers. */
  readonly says: readonly string[];
  /** The suggestion in the message; what its groups say is what `right` is given. */
  readonly suggests: RegExp;
  readonly right: (...found: string[]) => unknown;
}

const int = (values: number[] | number[][]) => tensor(values, { dtype: "int32" });
const numbers = (text: string) => JSON.parse(text) as number[];
const logits = () => zeros([4, 10]);
const seq = (parts: Record<string, nn.Module>) => new nn.Sequential(parts);

const mistakes: Mistake[] = [
  {
    name: "a colour picture for a convolution that takes grey ones",
    wrong: () => seq({ stem: new nn.Conv2d(1, 6, 5) }).forward(zeros([2, 3, 28, 28])),
    says: ["layer stem (Conv2d(1, 6, kernelSize=5))", "3 channels", "expects 1", "[2, 3, 28, 28]", "[6, 1, 5, 5]"],
    suggests: /inChannels should be (\d+)$/,
    right: (n) => seq({ stem: new nn.Conv2d(+n!, 6, 5) }).forward(zeros([2, 3, 28, 28])),
  },
  {
    name: "channels that do not continue the layer before",
    wrong: () => seq({ a: new nn.Conv2d(3, 16, 3), b: new nn.Conv2d(32, 8, 3) }).forward(zeros([1, 3, 9, 9])),
    says: ["layer b (Conv2d(32, 8, kernelSize=3))", "16 channels", "expects 32", "[1, 16, 7, 7]", "[8, 32, 3, 3]"],
    suggests: /inChannels should be (\d+)$/,
    right: (n) => seq({ a: new nn.Conv2d(3, 16, 3), b: new nn.Conv2d(+n!, 8, 3) }).forward(zeros([1, 3, 9, 9])),
  },
  {
    name: "pictures as [N, H, W, C]",
    wrong: () => seq({ conv: new nn.Conv2d(3, 4, 3) }).forward(zeros([2, 32, 32, 3])),
    says: ["layer conv (Conv2d(3, 4, kernelSize=3))", "[2, 32, 32, 3]", "[4, 3, 3, 3]", "looks like [N, H, W, C]"],
    suggests: /use permute\((\[.*?\])\)/,
    right: (axes) => new nn.Conv2d(3, 4, 3).forward(zeros([2, 32, 32, 3]).permute(numbers(axes!))),
  },
  {
    name: "signals as [N, L, C]",
    wrong: () => seq({ conv: new nn.Conv1d(8, 4, 3) }).forward(zeros([2, 50, 8])),
    says: ["layer conv (Conv1d(8, 4, kernelSize=3))", "[2, 50, 8]", "[4, 8, 3]", "looks like [N, L, C]"],
    suggests: /use permute\((\[.*?\])\)/,
    right: (axes) => new nn.Conv1d(8, 4, 3).forward(zeros([2, 50, 8]).permute(numbers(axes!))),
  },
  {
    name: "volumes as [N, D, H, W, C]",
    wrong: () => seq({ conv: new nn.Conv3d(2, 4, 3) }).forward(zeros([1, 5, 6, 7, 2])),
    says: ["layer conv (Conv3d(2, 4, kernelSize=3))", "[1, 5, 6, 7, 2]", "[4, 2, 3, 3, 3]", "[N, D, H, W, C]"],
    suggests: /use permute\((\[.*?\])\)/,
    right: (axes) => new nn.Conv3d(2, 4, 3).forward(zeros([1, 5, 6, 7, 2]).permute(numbers(axes!))),
  },
  {
    name: "one picture without the batch axis",
    wrong: () => seq({ conv: new nn.Conv2d(3, 4, 3) }).forward(zeros([3, 32, 32])),
    says: ["layer conv (Conv2d(3, 4, kernelSize=3))", "needs [N, C, H, W]", "got [3, 32, 32]"],
    suggests: /unsqueeze\((\d)\) adds a missing batch axis/,
    right: (axis) => new nn.Conv2d(3, 4, 3).forward(zeros([3, 32, 32]).unsqueeze(+axis!)),
  },
  {
    name: "grey pictures without the channel axis",
    wrong: () => seq({ pool: new nn.MaxPool2d(2) }).forward(zeros([16, 28, 28])),
    says: ["layer pool (MaxPool2d(kernelSize=2))", "needs [N, C, H, W]", "got [16, 28, 28]"],
    suggests: /unsqueeze\((\d)\) a missing channel axis/,
    right: (axis) => new nn.MaxPool2d(2).forward(zeros([16, 28, 28]).unsqueeze(+axis!)),
  },
  {
    name: "flattened pictures for a convolution",
    wrong: () => seq({ conv: new nn.Conv2d(1, 6, 5) }).forward(zeros([8, 784])),
    says: ["layer conv (Conv2d(1, 6, kernelSize=5))", "needs [N, C, H, W]", "got [8, 784]"],
    suggests: /reshape\((\[.*?\])\)/,
    right: (shape) => new nn.Conv2d(1, 6, 5).forward(zeros([8, 784]).reshape(numbers(shape!))),
  },
  {
    name: "a kernel larger than the picture",
    wrong: () => seq({ conv: new nn.Conv2d(3, 4, 7) }).forward(zeros([1, 3, 5, 5])),
    says: ["layer conv (Conv2d(3, 4, kernelSize=7))", "[1, 3, 5, 5]", "[4, 3, 7, 7]", "(5 + 2·0 − 7)/1 + 1 = −1"],
    suggests: /a kernel of at most (\d+) there/,
    right: (k) => new nn.Conv2d(3, 4, +k!).forward(zeros([1, 3, 5, 5])),
  },
  {
    name: "a kernel larger than the picture, helped by padding",
    wrong: () => seq({ conv: new nn.Conv2d(3, 4, 7, { stride: 2 }) }).forward(zeros([1, 3, 4, 4])),
    says: ["layer conv", "[1, 3, 4, 4]", "[4, 3, 7, 7]", "(4 + 2·0 − 7)/2 + 1 = −1"],
    suggests: /padding of at least (\d+) on both sides/,
    right: (padding) => new nn.Conv2d(3, 4, 7, { stride: 2, padding: +padding! }).forward(zeros([1, 3, 4, 4])),
  },
  {
    name: "a dilated kernel that reaches beyond the picture",
    wrong: () => seq({ conv: new nn.Conv2d(3, 4, 3, { dilation: 4 }) }).forward(zeros([1, 3, 8, 8])),
    says: ["layer conv", "[1, 3, 8, 8]", "[4, 3, 3, 3]", "(8 + 2·0 − (4·(3 − 1) + 1))/1 + 1 = 0"],
    suggests: /a kernel of at most (\d+) there/,
    right: (k) => new nn.Conv2d(3, 4, +k!, { dilation: 4 }).forward(zeros([1, 3, 8, 8])),
  },
  {
    name: "one pooling too many",
    wrong: () => seq({ a: new nn.MaxPool2d(4), b: new nn.MaxPool2d(3) }).forward(zeros([1, 2, 8, 8])),
    says: ["layer b (MaxPool2d(kernelSize=3))", "[1, 2, 2, 2]", "[3, 3]", "(2 + 2·0 − 3)/3 + 1 = 0"],
    suggests: /a kernel of at most (\d+) there/,
    right: (k) => seq({ a: new nn.MaxPool2d(4), b: new nn.MaxPool2d(+k!) }).forward(zeros([1, 2, 8, 8])),
  },
  {
    name: "Linear after a flatten of another size",
    wrong: () =>
      seq({ conv: new nn.Conv2d(1, 16, 5), flat: new nn.Flatten(), fc: new nn.Linear(256, 10) }).forward(
        zeros([2, 1, 9, 9]),
      ),
    says: ["layer fc (Linear(256, 10))", "[2, 400]", "[10, 256]"],
    suggests: /inFeatures should be (\d+)$/,
    right: (n) =>
      seq({ conv: new nn.Conv2d(1, 16, 5), flat: new nn.Flatten(), fc: new nn.Linear(+n!, 10) }).forward(
        zeros([2, 1, 9, 9]),
      ),
  },
  {
    name: "Linear without a flatten",
    wrong: () => seq({ fc: new nn.Linear(400, 10) }).forward(zeros([2, 16, 5, 5])),
    says: ["layer fc (Linear(400, 10))", "[2, 16, 5, 5]", "[10, 400]"],
    suggests: /flatten\((\d)\) makes x \[2, 400\]/,
    right: (start) => new nn.Linear(400, 10).forward(zeros([2, 16, 5, 5]).flatten(+start!)),
  },
  {
    name: "Linear without a flatten, and of another size",
    wrong: () => seq({ fc: new nn.Linear(256, 10) }).forward(zeros([2, 16, 5, 5])),
    says: ["layer fc (Linear(256, 10))", "[2, 16, 5, 5]", "[10, 256]"],
    suggests: /after flatten\((\d)\), x is \[2, 400\] and inFeatures should be (\d+)/,
    right: (start, n) => new nn.Linear(+n!, 10).forward(zeros([2, 16, 5, 5]).flatten(+start!)),
  },
  {
    name: "a flatten that takes the batch with it",
    wrong: () => seq({ flat: new nn.Flatten(0), fc: new nn.Linear(400, 10) }).forward(zeros([2, 16, 5, 5])),
    says: ["layer fc (Linear(400, 10))", "[800]", "[10, 400]"],
    suggests: /flatten\((\d)\) keeps it/,
    right: (start) => seq({ flat: new nn.Flatten(+start!), fc: new nn.Linear(400, 10) }).forward(zeros([2, 16, 5, 5])),
  },
  {
    name: "a picture of another size for LeNet-5",
    wrong: () => models.lenet5().forward(zeros([1, 1, 32, 32])),
    says: ["layer fc1 (Linear(400, 120))", "[1, 576]", "[120, 400]"],
    suggests: /inFeatures should be (\d+)/,
    right: (n) => {
      const model = models.lenet5() as models.LeNet5;
      (model as { fc1: nn.Linear }).fc1 = new nn.Linear(+n!, 120);
      return model.forward(zeros([1, 1, 32, 32]));
    },
  },
  {
    name: "batch norm for another number of channels",
    wrong: () => seq({ conv: new nn.Conv2d(3, 16, 3), bn: new nn.BatchNorm2d(32) }).forward(zeros([2, 3, 8, 8])),
    says: ["layer bn (BatchNorm2d(32))", "wanted [N, 32, H, W]", "got [2, 16, 6, 6]"],
    suggests: /it should be BatchNorm2d\((\d+)\)/,
    right: (n) => seq({ conv: new nn.Conv2d(3, 16, 3), bn: new nn.BatchNorm2d(+n!) }).forward(zeros([2, 3, 8, 8])),
  },
  {
    name: "BatchNorm2d after Linear",
    wrong: () => seq({ fc: new nn.Linear(8, 16), bn: new nn.BatchNorm2d(16) }).forward(zeros([2, 8])),
    says: ["layer bn (BatchNorm2d(16))", "wanted [N, 16, H, W]", "got [2, 16]"],
    suggests: /BatchNorm(1)d takes such an x/,
    right: () => seq({ fc: new nn.Linear(8, 16), bn: new nn.BatchNorm1d(16) }).forward(zeros([2, 8])),
  },
  {
    name: "one picture through batch norm without eval()",
    wrong: () => seq({ bn: new nn.BatchNorm2d(4) }).forward(zeros([1, 4, 1, 1])),
    says: ["layer bn (BatchNorm2d(4))", "one value per channel has no variance", "[1, 4, 1, 1]"],
    suggests: /call (eval\(\)) for inference/,
    right: () =>
      seq({ bn: new nn.BatchNorm2d(4) })
        .eval()
        .forward(zeros([1, 4, 1, 1])),
  },
  {
    name: "bytes for a convolution",
    wrong: () => seq({ conv: new nn.Conv2d(1, 2, 3) }).forward(zeros([1, 1, 4, 4], "uint8")),
    says: ["layer conv (Conv2d(1, 2, kernelSize=3))", "needs float32", "[1, 1, 4, 4] uint8", "[2, 1, 3, 3]"],
    suggests: /cast\("(float32)"\)/,
    right: () => new nn.Conv2d(1, 2, 3).forward(zeros([1, 1, 4, 4], "uint8").cast("float32")),
  },
  {
    name: "labels as float",
    wrong: () => new nn.CrossEntropyLoss().forward(logits(), tensor([1, 2, 3, 4])),
    says: ["CrossEntropyLoss()", "int32 class numbers", "float32 [4]", "[4, 10]"],
    suggests: /cast\("(int32)"\)/,
    right: () => new nn.CrossEntropyLoss().forward(logits(), tensor([1, 2, 3, 4]).cast("int32")),
  },
  {
    name: "labels that count from 1",
    wrong: () => new nn.CrossEntropyLoss().forward(zeros([3, 3]), int([1, 2, 3])),
    says: ["CrossEntropyLoss()", "label 3 is no class", "[3, 3]", "0 … 2", "from 1 to 3"],
    suggests: /use labels\.sub\((\d)\)/,
    right: (one) => new nn.CrossEntropyLoss().forward(zeros([3, 3]), int([1, 2, 3]).sub(+one!)),
  },
  {
    name: "labels of more classes than the network has",
    wrong: () => new nn.CrossEntropyLoss().forward(logits(), int([0, 3, 99, 5])),
    says: ["CrossEntropyLoss()", "label 99 is no class", "[4, 10]", "0 … 9", "[4]"],
    suggests: /at least (\d+) scores/,
    right: (n) => new nn.CrossEntropyLoss().forward(zeros([4, +n!]), int([0, 3, 99, 5])),
  },
  {
    name: "labels of −1 where nothing is labelled",
    wrong: () => new nn.CrossEntropyLoss().forward(logits(), int([0, -1, 3, 5])),
    says: ["CrossEntropyLoss()", "label -1 is no class", "[4, 10]", "[4]"],
    suggests: /ignoreIndex: (-\d+)/,
    right: (ignoreIndex) => f.crossEntropy(logits(), int([0, -1, 3, 5]), { ignoreIndex: +ignoreIndex! }),
  },
  {
    name: "labels with an axis too many",
    wrong: () => new nn.CrossEntropyLoss().forward(logits(), int([[1], [2], [3], [4]])),
    says: ["CrossEntropyLoss()", "[4, 10]", "want labels [4]", "got [4, 1] int32"],
    suggests: /use labels\.reshape\((\[.*?\])\)/,
    right: (shape) => f.crossEntropy(logits(), int([[1], [2], [3], [4]]).reshape(numbers(shape!))),
  },
  {
    name: "one-hot labels as integers",
    wrong: () =>
      new nn.CrossEntropyLoss().forward(
        zeros([2, 3]),
        int([
          [0, 1, 0],
          [0, 0, 1],
        ]),
      ),
    says: ["CrossEntropyLoss()", "logits [2, 3]", "want labels [2]", "got [2, 3] int32"],
    suggests: /one-hot labels use labels\.argmax\((\d)\)/,
    right: (axis) =>
      f.crossEntropy(
        zeros([2, 3]),
        int([
          [0, 1, 0],
          [0, 0, 1],
        ]).argmax(+axis!),
      ),
  },
  {
    name: "one-hot labels of another number of classes",
    wrong: () =>
      new nn.CrossEntropyLoss().forward(
        zeros([2, 10]),
        tensor([
          [0, 1, 0],
          [0, 0, 1],
        ]),
      ),
    says: ["CrossEntropyLoss()", "logits [2, 10]", "got [2, 3] float32", "3 classes"],
    suggests: /the last layer should give (\d+)$/,
    right: (n) =>
      f.crossEntropy(
        zeros([2, +n!]),
        tensor([
          [0, 1, 0],
          [0, 0, 1],
        ]),
      ),
  },
  {
    name: "a target without the last axis",
    wrong: () => new nn.MSELoss().forward(zeros([5, 1]), zeros([5])),
    says: ["MSELoss()", "prediction [5, 1]", "target [5]"],
    suggests: /use target\.reshape\((\[.*?\])\)/,
    right: (shape) => new nn.MSELoss().forward(zeros([5, 1]), zeros([5]).reshape(numbers(shape!))),
  },
  {
    name: "a number per channel added to a picture",
    wrong: () => zeros([2, 3, 8, 8]).add(zeros([3])),
    says: ["add", "[2, 3, 8, 8]", "[3]", "axis -1 has 8 against 3"],
    suggests: /reshape \[3\] to (\[.*?\])/,
    right: (shape) => zeros([2, 3, 8, 8]).add(zeros([3]).reshape(numbers(shape!))),
  },
  {
    name: "a weight the other way round in a product",
    wrong: () => zeros([4, 7]).matmul(zeros([5, 7])),
    says: ["matmul", "a [4, 7]", "b [5, 7]", "7 columns", "5 rows"],
    suggests: /\{ (transposeB): true \}/,
    right: (option) => zeros([4, 7]).matmul(zeros([5, 7]), { [option!]: true }),
  },
  {
    name: "a reshape that does not fit",
    wrong: () => zeros([32, 16, 5, 5]).reshape([32, 256]),
    says: ["reshape", "[32, 16, 5, 5] has 12800 elements", "[32, 256] has room for 8192"],
    suggests: /(\[32, 400\]) would fit/,
    right: (shape) => zeros([32, 16, 5, 5]).reshape(numbers(shape!)),
  },
  {
    name: "branches joined along the wrong axis",
    wrong: () => f.concat([zeros([2, 8, 5, 5]), zeros([2, 4, 5, 5])]),
    says: ["concat", "[2, 4, 5, 5]", "[2, 8, 5, 5]", "along axis 0"],
    suggests: /concat\(xs, (\d)\)/,
    right: (axis) => f.concat([zeros([2, 8, 5, 5]), zeros([2, 4, 5, 5])], +axis!),
  },
  {
    name: "a state dict with renamed keys",
    wrong: () =>
      seq({ fc: new nn.Linear(2, 3) }).loadStateDict(
        new Map([
          ["fc1.weight", zeros([3, 2])],
          ["fc1.bias", zeros([3])],
        ]),
      ),
    says: [
      "Sequential.loadStateDict",
      "missing 2: fc.weight (near: fc1.weight)",
      "unexpected 2",
      "fc.bias (near: fc1.bias)",
    ],
    suggests: /fc\.weight \(near: (fc1)\.weight\).*; rename them/,
    right: (old) => {
      const saved = new Map([
        ["fc1.weight", zeros([3, 2])],
        ["fc1.bias", zeros([3])],
      ]);
      const renamed = new Map([...saved].map(([name, value]) => [name.replace(old!, "fc"), value]));
      return seq({ fc: new nn.Linear(2, 3) }).loadStateDict(renamed);
    },
  },
  {
    name: "a Keras kernel, stored [in, out], as a Linear's weight",
    wrong: () =>
      new nn.Linear(2, 3).loadStateDict(
        new Map([
          ["weight", zeros([2, 3])],
          ["bias", zeros([3])],
        ]),
      ),
    says: ["Linear.loadStateDict", "weight", "wanted [3, 2]", "got [2, 3]"],
    suggests: /: (transpose) it/,
    right: () =>
      new nn.Linear(2, 3).loadStateDict(
        new Map([
          ["weight", zeros([2, 3]).transpose()],
          ["bias", zeros([3])],
        ]),
      ),
  },
  {
    name: "a loss per element for backward",
    wrong: () => new nn.Linear(2, 3).forward(zeros([4, 2])).backward(),
    says: ["backward", "[4, 3]"],
    suggests: /\((x\.mean\(\))\)/,
    right: () =>
      new nn.Linear(2, 3)
        .forward(zeros([4, 2]))
        .mean()
        .backward(),
  },
];

/** Eight noise pictures of three classes. */
const pictures = () =>
  new ImageDataset({
    name: "noise",
    images: Uint8Array.from({ length: 8 * 36 }, (_, i) => (i * 37) % 256),
    labels: Int32Array.from({ length: 8 }, (_, i) => i % 3),
    shape: [1, 6, 6],
    classes: ["a", "b", "c"],
  });

const train = (outputs: number) => {
  const model = seq({ flat: new nn.Flatten(), fc: new nn.Linear(36, outputs) });
  const data = pictures();
  const trainer = new Trainer(model, { loss: "crossEntropy" });
  return trainer.fit(data, { validationData: data, validationBatchSize: 8, batchSize: 4, verbose: 0 });
};

describe("training a network with another number of outputs than classes", () => {
  it("is stopped before the first step, and the suggestion works", async () => {
    const error = await train(10).catch((e: unknown) => e);
    const { message } = error as Error;
    for (const part of ["Sequential", "[8, 10]", "[8, 1, 6, 6]", "noise has 3 classes"])
      expect(message).toContain(part);
    const found = /the last layer should give (\d+)$/.exec(message);
    expect((await train(Number(found![1]))).finished).toBe(true);
  });
});

describe("ordinary mistakes", () => {
  it("are at least thirty", () => expect(mistakes.length).toBeGreaterThanOrEqual(30));

  for (const { name, wrong, says, suggests, right } of mistakes) {
    it(`${name}: the message names layer, shapes and law, and its suggestion works`, () => {
      let message = "";
      try {
        wrong();
      } catch (error) {
        expect(error).toBeInstanceOf(FoveaError);
        ({ message } = error as Error);
      }
      for (const part of says) expect(message).toContain(part);
      const found = suggests.exec(message);
      expect(found, message).not.toBeNull();
      expect(() => right(...found!.slice(1))).not.toThrow();
    });
  }
});
