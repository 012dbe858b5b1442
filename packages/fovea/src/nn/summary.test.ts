import { describe, expect, it } from "vitest";
import { models, nn } from "../index.ts";
import { skipInit } from "./init.ts";

function summary(name: models.ModelName): nn.Summary {
  const model = skipInit(() => models.create(name));
  return nn.summarize(model, [1, ...models.inputShape(name)]);
}

/** Size, stride and padding along one axis, of the last map that a module gives. */
function field({ rows }: nn.Summary, path: string): number[] {
  const { size, stride, padding } = rows.find((row) => row.path === path)!.receptiveField!;
  expect([size[1], stride[1], padding[1]]).toEqual([size[0], stride[0], padding[0]]);
  return [size[0], stride[0], padding[0]];
}

describe("summarize", () => {
  it("receptive fields of VGG-16 are those that are published", () => {
    // https://github.com/google-research/receptive_field, RECEPTIVE_FIELD_TABLE.md: vgg_16
    const vgg16 = summary("vgg16");
    const layers = { 0: 3, 4: 6, 5: 10, 9: 16, 10: 24, 12: 32, 16: 44, 17: 60, 19: 76, 23: 100, 24: 132, 26: 164 };
    for (const [layer, size] of Object.entries(layers)) expect(field(vgg16, `features.${layer}`)[0]).toBe(size);
    expect(field(vgg16, "features.30")).toEqual([212, 32, 90]);
    expect(field(summary("vgg11"), "features.20")).toEqual([150, 32, 59]);
  });

  it("receptive fields of AlexNet are those that are published, but for the padding of torchvision's first layer", () => {
    // the same table: alexnet_v2, whose first convolution has no padding
    const alexnet = summary("alexnet.torchvision");
    const layers = { 0: [11, 4, 0], 2: [19, 8, 0], 3: [51, 8, 16], 6: [99, 16, 32], 8: [131, 16, 48], 10: [163, 16, 64], 12: [195, 32, 64] }; // prettier-ignore
    for (const [layer, [size, stride, padding]] of Object.entries(layers)) {
      expect(field(alexnet, `features.${layer}`)).toEqual([size, stride, padding! + 2]);
    }
  });

  // The same table, and for other variants the recurrence of Araujo, Norris, Sim (Distill 2019).
  const last = {
    "inception-resnet-v2.keras": ["conv2d_7b", 3039],
    "inceptionv3.torchvision": ["Mixed_7c", 1311],
    "mobilenetv1.keras": ["features", 315],
    "resnet18.torchvision": ["layer4", 435],
    "resnet34.torchvision": ["layer4", 899],
    "resnet50.keras": ["conv5", 483],
    "resnet50.torchvision": ["layer4", 427],
    "resnet50v2.keras": ["conv5", 483],
    "resnet101.keras": ["conv5", 1027],
    "resnet101.torchvision": ["layer4", 971],
    "resnet152.keras": ["conv5", 1507],
    "resnet152.torchvision": ["layer4", 1451],
    vgg19: ["features", 268],
  } as const;
  for (const [name, [path, size]] of Object.entries(last)) {
    it(`${name}: a unit of ${path} sees ${size} pixels, 32 apart`, () => {
      expect(field(summary(name as models.ModelName), path).slice(0, 2)).toEqual([size, 32]);
    });
  }

  for (const [depth, size] of [
    [20, 81],
    [32, 137],
    [44, 193],
    [56, 249],
    [110, 501],
  ] as const) {
    // prettier-ignore
    it(`CIFAR ResNet-${depth}: a unit of the last map sees ${size} pixels`, () => {
      expect(field(summary(`resnet${depth}.cifar`), "layer3")[0]).toBe(size);
    });
  }

  it("3×3 layers see 3, 9, 27, … pixels with stride 3, and 3, 5, 7, … with stride 1", () => {
    const sizes = (stride: number) => {
      const net = new nn.Sequential(...Array.from({ length: 6 }, () => new nn.Conv2d(1, 1, 3, { stride })));
      const { rows } = nn.summarize(net, [1, 1, 729, 729]);
      return rows.slice(1).map(({ receptiveField }) => receptiveField!.size[0]);
    };
    expect(sizes(3)).toEqual([3, 9, 27, 81, 243, 729]);
    expect(sizes(1)).toEqual([3, 5, 7, 9, 11, 13]);
  });

  it("through transposed convolutions: the most that a unit sees, by hand", () => {
    const around = (up: nn.ConvTranspose2d) => {
      const down = new nn.Conv2d(1, 1, 4, { stride: 2, padding: 1 }); // unit i sees pixels 2i − 1 … 2i + 2
      return field(nn.summarize(new nn.Sequential(down, up), [1, 1, 32, 32]), "1");
    };
    // Unit o is made of units ⌈(o − 2) / 2⌉ … ⌊(o + 1) / 2⌋: pixels o − 3 … o + 2, where o is even.
    expect(around(new nn.ConvTranspose2d(1, 1, 4, { stride: 2, padding: 1 }))).toEqual([6, 1, 3]);
    // Unit o is made of unit ⌊o / 2⌋.
    expect(around(new nn.ConvTranspose2d(1, 1, 2, { stride: 2 }))).toEqual([4, 1, 1]);
    // Units with odd o are made of two.
    expect(around(new nn.ConvTranspose2d(1, 1, 3, { stride: 2, padding: 1 }))).toEqual([6, 1, 1]);
    expect(field(summary("unet.milesial"), "outc")[1]).toBe(1);
  });

  it("a row per module: shapes, parameters, work; the network's are the sums", () => {
    const { rows, ...all } = summary("lenet5");
    expect(
      rows.map(({ path, outputShape, parameters, macs }) => [path, outputShape?.join("×"), parameters, macs]),
    ).toEqual([
      ["", "1×10", 61_706, 416_520],
      ["conv1", "1×6×28×28", 156, 117_600],
      ["conv2", "1×16×10×10", 2_416, 240_000],
      ["fc1", "1×120", 48_120, 48_000],
      ["fc2", "1×84", 10_164, 10_080],
      ["fc3", "1×10", 850, 840],
    ]);
    expect(rows[3]!.receptiveField).toBeNull();
    expect(all).toMatchObject({
      parameters: 61_706,
      trainable: 61_706,
      statistics: 0,
      macs: 416_520,
      flops: 833_040,
      depth: 5,
    });
    expect(all.memory.weights).toBe(4 * 61_706);
  });

  it("frozen parameters, running statistics, and no change of the network's mode", () => {
    const model = skipInit(() => models.create("resnet50.keras")).train();
    model.conv2.freeze();
    const { rows, parameters, trainable, statistics } = nn.summarize(model, [2, 3, 64, 64]);
    expect([parameters, statistics]).toEqual([25_583_592, 53_120]); // Keras' table
    expect(parameters - trainable).toBe(rows.find(({ path }) => path === "conv2")!.parameters);
    expect(model.training && model.conv2.training).toBe(true);
  });

  it("memory: the most that is wanted at one time is less than all of it", () => {
    const { memory } = summary("vgg16");
    expect(memory.weights).toBe(4 * 138_357_544);
    // Two maps of 64×224×224 around the second convolution
    expect(memory.peak).toBe(2 * 64 * 224 * 224 * 4);
    expect(memory.activations).toBeGreaterThan(memory.peak);
  });

  it("every network of the zoo", () => {
    for (const name of models.list()) {
      const { rows, macs, parameters } = summary(name);
      expect(rows[0]).toMatchObject({ path: "", macs, parameters });
      const silent = rows.filter(({ outputShape }) => outputShape === null).map(({ path }) => path);
      // Auxiliary heads and skipped blocks belong to training; HRNet's modules give lists.
      expect(silent.filter((path) => !/^aux|^AuxLogits|stochastic_depth$|^stage\d/.test(path))).toEqual([]);
    }
  });
});
