import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { init, withEngine } from "../backend/engines.ts";
import { compile } from "../graph/compile.ts";
import type { Module } from "../nn/module.ts";
import { boxIou } from "../ops/nms.ts";
import { noGrad } from "../tensor/apply.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { detectObjects } from "./darknet/detect.ts";
import type { DarknetNetwork } from "./darknet/network.ts";
import { readWeights } from "./weights.ts";

// Expected results: SOURCES.md beside the files, computed with other frameworks.
const data = join(process.env["FOVEA_SHARED"] ?? join(import.meta.dirname, "../../../../../shared"), "data");
const pretrained = join(data, "pretrained");

/** How many of `count` images a classifier gets right, 100 at a time. */
async function countRight(
  model: Module<[x: Tensor], Tensor>,
  images: Float32Array,
  shape: readonly number[],
  labels: ArrayLike<number>,
): Promise<number> {
  const size = shape.reduce((n, d) => n * d, 1);
  const forward = compile((x: Tensor) => noGrad(() => model.forward(x)));
  let right = 0;
  for (let from = 0; from < labels.length; from += 100) {
    const batch = tensor(images.subarray(from * size, (from + 100) * size), { shape: [100, ...shape] });
    const logits = await forward(batch).data();
    const classes = logits.length / 100;
    for (let i = 0; i < 100; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      if (row.indexOf(Math.max(...row)) === labels[from + i]) right++;
    }
  }
  return right;
}

describe.skipIf(!existsSync(pretrained))("networks of others (../shared/data/pretrained)", () => {
  beforeAll(() => init());

  it("MLPerf-Tiny's ResNet-8 (.h5): 881 ± 2 of 1,000 CIFAR-10 images", async () => {
    const { architecture, format } = await readWeights(join(pretrained, "mlperf-tiny/pretrainedResnet.h5"));
    expect(format).toBe("HDF5");
    const { model, report } = architecture!.build();
    expect(report).toContain("conv2d: kernel [3, 3, 3, 16] → [16, 3, 3, 3]");
    const raw = gunzipSync(readFileSync(join(data, "cifar10/test_first1000.bin.gz")));
    const images = new Float32Array(1000 * 3072); // [32, 32, 3], 0 … 255
    const labels = Array.from({ length: 1000 }, (_, i) => raw[i * 3073]!);
    for (let i = 0; i < 1000; i++) {
      for (let k = 0; k < 3072; k++) images[i * 3072 + (k % 1024) * 3 + Math.floor(k / 1024)] = raw[i * 3073 + 1 + k]!;
    }
    const right = await countRight(model as unknown as Module, images, [32, 32, 3], labels);
    expect(Math.abs(right - 881)).toBeLessThanOrEqual(2);
  });

  it("MLPerf-Tiny's MobileNet for wake words (.h5) loads and runs", async () => {
    const { architecture } = await readWeights(join(pretrained, "mlperf-tiny/vww_96.h5"));
    const { model, inputShapes } = architecture!.build();
    expect(inputShapes).toEqual([[null, 96, 96, 3]]);
    const photo = await picture("person", 96, 96);
    const x = tensor(
      Float32Array.from(photo, (v) => v / 255),
      { shape: [1, 96, 96, 3] },
    );
    const run = () => noGrad(() => (model as unknown as Module).forward(x)).data();
    const y = await run();
    expect(y.length).toBe(2);
    expect(y[0]! + y[1]!).toBeCloseTo(1, 5);
    const slow = await withEngine("reference", run);
    expect(Math.abs(y[0]! - slow[0]!)).toBeLessThan(1e-4);
  });

  it("Yolo-Fastest (Darknet): 346,062 weights; person, dog and eagle at their places", async () => {
    const { tensors, architecture, format } = await readWeights(join(pretrained, "yolo-fastest/yolo-fastest-1.1.cfg"));
    expect(format).toBe("Darknet");
    expect([...tensors.values()].reduce((n, t) => n + t.data.length, 0)).toBe(346_062);
    const model = architecture!.build().model as unknown as DarknetNetwork;
    const names = readFileSync(join(data, "photos/coco.names"), "utf8").trim().split("\n");
    // Boxes drawn by hand, as shares of width and height.
    const places = {
      person: { person: [0.3, 0.23, 0.42, 0.89], dog: [0.1, 0.62, 0.32, 0.81] },
      dog: { dog: [0.17, 0.39, 0.41, 0.94], car: [0.61, 0.13, 0.89, 0.29] },
      eagle: { bird: [0.18, 0.16, 0.78, 0.88] },
    };
    for (const [photo, objects] of Object.entries(places)) {
      const pixels = await picture(photo, 320, 320);
      const x = new Float32Array(3 * 320 * 320);
      for (let i = 0; i < x.length; i++) x[(i % 3) * 320 * 320 + Math.floor(i / 3)] = pixels[i]! / 255;
      const [found] = await noGrad(() => detectObjects(model, tensor(x, { shape: [1, 3, 320, 320] })));
      for (const [name, place] of Object.entries(objects)) {
        const object = found!.find(({ label }) => names[label] === name); // the best of its class
        expect(object?.score, `${name} in ${photo}.jpg`).toBeGreaterThan(0.5);
        const overlap = await boxIou(tensor([place]), tensor([[...object!.box]])).data();
        expect(overlap[0], `${name} in ${photo}.jpg`).toBeGreaterThan(0.6);
      }
      expect(found![0]!.box.every((side) => side > 0 && side < 1)).toBe(true);
    }
  });
});

/** A photo stretched to a size, RGB, 0 … 255. */
async function picture(name: string, width: number, height: number): Promise<Uint8Array> {
  return sharp(join(data, `photos/${name}.jpg`))
    .resize(width, height, { fit: "fill" })
    .removeAlpha()
    .raw()
    .toBuffer();
}
