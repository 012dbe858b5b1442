import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { init, interpolate, models, tensor, type Tensor } from "../src/index.ts";
import { parseSafetensors, toHostTensor } from "../src/io/index.ts";
import { readTar } from "../src/io/tar.ts";
import { sharedFolder } from "./workspace.ts";

const weights = sharedFolder("data/pretrained/squeezenet-deep-compression");
const photos = sharedFolder("data/imagenet-samples");

const SIDE = 227;
/** Means that Caffe's networks subtract, in its order: blue, green, red. */
const MEAN = [104, 117, 123] as const;

/** Our names of Caffe's layers: `fire2/conv1x1_1.weight` → `features.3.squeeze.weight`. */
function renamed(key: string): string {
  const [layer, parameter] = key.split(".") as [string, string];
  if (layer === "conv1") return `features.0.${parameter}`;
  if (layer === "conv_final") return `classifier.1.${parameter}`;
  const [fire, part] = layer.split("/") as [string, string];
  const position = [3, 4, 5, 7, 8, 9, 10, 12][Number(fire.slice(4)) - 2]!;
  const name = { conv1x1_1: "squeeze", conv1x1_2: "expand1x1", conv3x3_2: "expand3x3" }[part]!;
  return `features.${position}.${name}.${parameter}`;
}

/** Resized to 256×256 as Pillow does, the middle 227×227, BGR, means subtracted: as SOURCES.md beside the photos says. */
async function prepare(jpeg: Uint8Array): Promise<Tensor> {
  const { data, info } = await sharp(jpeg)
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const planes = new Float32Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) planes[c * height * width + i] = data[channels * i + (channels === 1 ? 0 : 2 - c)]!;
  }
  const image = tensor(planes, { shape: [1, 3, height, width] });
  // Pillow resizes rows first, and rounds to bytes between the passes.
  const resize = (x: Tensor, size: readonly [number, number]) =>
    interpolate(x, { size, mode: "bilinear", antialias: true }).add(0.5).floor();
  const small = await resize(resize(image, [height, 256]), [256, 256]).data();
  const x = new Float32Array(3 * SIDE * SIDE);
  for (let c = 0, i = 0; c < 3; c++) {
    for (let row = 14; row < 14 + SIDE; row++) {
      for (let column = 14; column < 14 + SIDE; column++) {
        x[i++] = small[(c * 256 + row) * 256 + column]! - MEAN[c]!;
      }
    }
  }
  return tensor(x, { shape: [1, 3, SIDE, SIDE] });
}

describe.skipIf(weights === null || photos === null)("SqueezeNet 1.0 with published weights (../shared/data)", () => {
  // By onnxruntime 1.30.0 with the same weights (SOURCES.md beside them).
  it("top-1 70 ± 1 and top-5 87 ± 1 of 100 photos", async () => {
    await init();
    const file = join(weights!, "squeezenet_v1.0_decoded.safetensors");
    const state = new Map<string, Tensor>();
    for (const [key, stored] of parseSafetensors(new Uint8Array(readFileSync(file)), file).tensors) {
      const { data, shape, dtype } = toHostTensor(stored, key);
      state.set(renamed(key), tensor(data, { shape, dtype }));
    }
    const model = models.create("squeezenet1.0.caffe");
    model.loadStateDict(state);
    const predict = model.compile();

    const archive = gunzipSync(readFileSync(join(photos!, "images100.tar.gz")));
    const files = readTar(archive, "images100.tar.gz");
    const manifest = files.find(({ path }) => path.endsWith("MANIFEST.tsv"))!;
    const classes = new Map(
      new TextDecoder()
        .decode(manifest.bytes)
        .trim()
        .split("\n")
        .map((line) => line.split("\t"))
        .map(([name, index]) => [name!, Number(index)]),
    );
    const counts = { top1: 0, top5: 0, photos: 0 };
    for (const { path, bytes } of files) {
      const wanted = classes.get(path.split("/").at(-1)!);
      if (wanted === undefined || !/jpe?g$/i.test(path)) continue;
      const scores = Array.from((await predict(await prepare(bytes)).data()) as Float32Array);
      const better = scores.filter((score) => score > scores[wanted]!).length;
      counts.photos++;
      if (better < 1) counts.top1++;
      if (better < 5) counts.top5++;
    }
    expect(counts.photos).toBe(100);
    expect(Math.abs(counts.top1 - 70), `top-1 ${counts.top1}`).toBeLessThanOrEqual(1);
    expect(Math.abs(counts.top5 - 87), `top-5 ${counts.top5}`).toBeLessThanOrEqual(1);
  });
});
