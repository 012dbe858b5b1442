import { readFileSync } from "node:fs";
import { join } from "node:path";
import { models, optim } from "fovea";
import { cifar10, folderSource, ImageDataset, parseCifar, readImage, transforms } from "fovea/data";
import { argument } from "./_arguments.ts";
import { trainClassifier, type ClassifierRecipe } from "./_classifier.ts";

const classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

interface Split {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
}

/** All of CIFAR-10: the binary version's folder. */
export async function allPictures(): Promise<Split> {
  const folder = argument("data");
  if (folder === undefined) throw new Error("give --data <folder of CIFAR-10's binary version>");
  return { train: await cifar10(folderSource(folder), "train"), test: await cifar10(folderSource(folder), "test") };
}

/** 10,000 pictures for training and 1,000 for testing, without loss: `FOVEA_SHARED/data/cifar10`. */
export async function somePictures(): Promise<Split> {
  const folder = argument("data") ?? `${process.env["FOVEA_SHARED"] ?? "../shared"}/data/cifar10`;
  // A row of 1,024 pixels is a picture, and a file has 1,000 rows.
  const images = new Uint8Array(10_000 * 3072);
  for (let file = 0; file < 10; file++) {
    const { pixels } = await readImage(join(folder, `cifar10_batch_${file}.png`));
    for (let i = 0; i < 1000 * 1024; i++) {
      const at = (file * 1000 + Math.floor(i / 1024)) * 3072 + (i % 1024);
      for (let c = 0; c < 3; c++) images[at + 1024 * c] = pixels[3 * i + c]!;
    }
  }
  const labels = readFileSync(join(folder, "labels_0-9999.bin"));
  const test = readFileSync(join(folder, "test_first1000.bin.gz"));
  return {
    train: new ImageDataset({ name: "cifar10 train", images, labels, shape: [3, 32, 32], classes }),
    test: await parseCifar(test, { name: "cifar10 test", classes }),
  };
}

/**
 * As in the ResNet paper (He et al., 2015, section 4.2) but for the schedule, which is a cosine, and the weight decay.
 * ResNet-20 unless another `model` is given; `cutout` is the side of the square that is erased.
 */
export async function trainCifar10(
  split: Split,
  recipe: Pick<ClassifierRecipe, "epochs" | "target"> &
    Partial<Pick<ClassifierRecipe, "model" | "labelSmoothing">> & { readonly cutout?: number },
): Promise<void> {
  const { cutout = 0, ...rest } = recipe;
  await trainClassifier({
    model: () => models.create("resnet20.cifar", { numClasses: 10 }),
    ...split,
    ...rest,
    transform: [
      transforms.randomCrop({ size: 32, padding: 4 }),
      transforms.horizontalFlip(),
      ...(cutout > 0 ? [transforms.cutout({ size: cutout, fill: [125, 123, 114] })] : []),
    ],
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
    batchSize: 64,
    optimizer: (parameters, steps) =>
      new optim.SGD(parameters, {
        lr: optim.warmup(steps / 20, optim.cosine(0.1, { steps })),
        momentum: 0.9,
        nesterov: true,
        weightDecay: 5e-4,
      }),
  });
}
