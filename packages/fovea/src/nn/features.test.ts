import { describe, expect, it } from "vitest";
import { featureNames, features, init, models, nn, noGrad, tensor, UsageError, type Tensor } from "../index.ts";
import { skipInit } from "./initFill.ts";

await init();

const image = (side: number, channels = 3) =>
  tensor(
    Float32Array.from({ length: channels * side * side }, (_, i) => ((i * 7919) % 255) / 255 - 0.5),
    { shape: [1, channels, side, side] },
  );

const close = async (got: Tensor, want: Tensor): Promise<void> => {
  expect(got.shape).toEqual(want.shape);
  const [a, b] = [await got.data(), await want.data()];
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  expect(largest).toBeLessThan(1e-4);
};

/** Two branches, a layer that runs twice, ops between layers, and a layer for another output. */
class Net extends nn.Module {
  readonly stem = new nn.Conv2d(1, 4, 3, { padding: 1 });
  readonly twice = new nn.Conv2d(4, 4, 3, { padding: 1 });
  readonly left = new nn.Conv2d(4, 2, 1);
  readonly right = new nn.Sequential(new nn.Conv2d(4, 2, 1), new nn.BatchNorm2d(2));
  readonly head = new nn.Linear(2, 3);
  calls = 0;

  forward(x: Tensor): Tensor {
    this.calls++;
    x = this.stem.forward(x).relu();
    x = this.twice.forward(this.twice.forward(x)).relu();
    const y = this.left.forward(x).add(this.right.forward(x));
    return this.head.forward(y.mean([2, 3]));
  }
}

describe("features", () => {
  it("names layers by their paths, and ops by the layer that runs them, counted", () => {
    const names = "stem relu twice twice_1 relu_1 left right.0 right.1 right add sum mul head";
    expect(featureNames(new Net()).join(" ")).toBe(names);
  });

  it("gives several outputs in one forward, eagerly and compiled", async () => {
    const net = new Net().eval();
    const x = image(6, 1);
    const part = features(net, "relu_1", "twice_1", "stem", { input: [1, 1, 6, 6] });
    const eager = part.forward(x);
    expect(Object.keys(eager)).toEqual(["relu_1", "twice_1", "stem"]);
    await close(eager.stem, net.stem.forward(x));
    await close(eager.twice_1, net.twice.forward(net.twice.forward(net.stem.forward(x).relu())));
    await close(eager.relu_1, eager.twice_1.relu());
    const compiled = part.compile()(x);
    await close(compiled.relu_1, eager.relu_1);
    await close(compiled.stem, eager.stem);
  });

  it("leaves out what no wanted layer needs: later layers and other branches", () => {
    const net = new Net();
    const part = features(net, "left");
    expect([...part.namedParameters().keys()]).toEqual(
      "stem.weight stem.bias twice.weight twice.bias left.weight left.bias".split(" "),
    );
    expect(models.countParameters(part)).toBe(40 + 148 + 10);
    expect([...features(net, "right.1").stateDict().keys()].slice(4)).toEqual(
      "right.0.weight right.0.bias right.1.weight right.1.bias right.1.running_mean right.1.running_var".split(" "),
    );
  });

  it("lets gradients through, and follows the mode of the network", () => {
    const net = new Net();
    const part = features(net, "right");
    expect(net.training).toBe(true);
    part.forward(image(6, 1)).right.sum().backward();
    expect(net.stem.weight.grad).not.toBe(null);
    expect(net.head.weight.grad).toBe(null);
    part.eval();
    expect(net.right.training).toBe(false);
  });

  it("says which names there are", () => {
    expect(() => features(new Net(), "rigth")).toThrow(UsageError);
    expect(() => features(new Net(), "rigth")).toThrow(/nothing named "rigth"; did you mean "right"\?/);
    expect(() => features(models.create("lenet5"), "classifier")).toThrow(/tell features the shape of an input/);
    expect(() => features(new Net(), ...([] as unknown as ["a"]))).toThrow("name at least one layer");
  });
});

// Shapes and counts: torchvision 0.14's create_feature_extractor on the same networks.
describe("features of networks of the zoo", () => {
  it("ResNet-50: ops by PyTorch's names, counts of what is left exact", async () => {
    const model = skipInit(() => models.create("resnet50.torchvision")).eval();
    const part = features(model, "layer3.1.relu", "layer1.0.relu_2", "layer2");
    expect(models.countParameters(part)).toBe(3_220_032);
    const out = noGrad(() => part.forward(image(64)));
    expect(Object.values(out).map(({ shape }) => shape)).toEqual([
      [1, 256, 4, 4],
      [1, 256, 16, 16],
      [1, 512, 8, 8],
    ]);
  });

  it("all five scales", () => {
    const model = skipInit(() => models.create("resnet50.torchvision")).eval();
    const part = features(model, "relu", "layer1", "layer2", "layer3", "layer4");
    const shapes = Object.values(noGrad(() => part.forward(image(224)))).map(({ shape }) => shape.slice(1).join("@"));
    expect(shapes).toEqual(["64@112@112", "256@56@56", "512@28@28", "1024@14@14", "2048@7@7"]);
    expect(models.countParameters(part)).toBe(25_557_032 - 2_049_000);
  });

  it("VGG-19's block4_pool and VGG-16 without its top, as in Keras' examples", () => {
    const vgg19 = skipInit(() => models.create("vgg19"));
    const part = features(vgg19, "features.27");
    expect(noGrad(() => part.forward(image(224))["features.27"].shape)).toEqual([1, 512, 14, 14]);
    // The first twelve convolutions.
    expect(models.countParameters(part)).toBe(10_585_152);
    const vgg16 = skipInit(() => models.create("vgg16", { includeTop: false }));
    expect(noGrad(() => vgg16.forward(image(224)).shape)).toEqual([1, 512, 7, 7]);
    expect(models.countParameters(vgg16)).toBe(14_714_688);
  });
});
