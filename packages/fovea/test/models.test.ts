import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { availableEngines, compile, init, models, noGrad, tensor, withEngine, type Tensor } from "fovea";
import { parseNpz, parseTorch, toHostTensor } from "fovea/io";
import { sharedFolder } from "./workspace.ts";

const pretrained = sharedFolder("data/pretrained/cifar10-resnet");
const cifar = sharedFolder("data/cifar10");

describe.skipIf(pretrained === null || cifar === null)("CIFAR ResNets with published weights (../shared/data)", () => {
  /** The first 1,000 test images, (x / 255 − mean) / deviation of ImageNet per channel, and their labels. */
  function images(): { x: Float32Array; labels: Uint8Array } {
    const raw = gunzipSync(readFileSync(join(cifar!, "test_first1000.bin.gz")));
    const [mean, deviation] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ];
    const x = new Float32Array(1000 * 3072);
    const labels = new Uint8Array(1000);
    for (let i = 0; i < 1000; i++) {
      labels[i] = raw[i * 3073]!;
      for (let k = 0; k < 3072; k++) {
        const channel = Math.floor(k / 1024);
        x[i * 3072 + k] = (raw[i * 3073 + 1 + k]! / 255 - mean[channel]!) / deviation[channel]!;
      }
    }
    return { x, labels };
  }

  // Right answers and logits: onnxruntime 1.30.0 with the same weights (SOURCES.md beside them).
  for (const [name, file, wanted, ways] of [
    ["resnet20.cifar", "resnet20-12fca82f", 915, ["eager", "compiled"]],
    ["resnet32.cifar", "resnet32-d509ac18", 928, ["compiled"]],
  ] as const) {
    for (const engine of availableEngines().filter((e) => e !== "reference")) {
      for (const way of ways) {
        it(`${name} on ${engine}, ${way}: ${wanted} ± 1 of 1,000 right, logits within 1e-3`, async () => {
          await init();
          const stored = parseTorch(new Uint8Array(readFileSync(join(pretrained!, `${file}.th`))), file);
          const model = models.create(name).eval();
          const weights = new Map<string, Tensor>();
          for (const [key, value] of stored) {
            const { data, shape, dtype } = toHostTensor(value, key);
            weights.set(key.replace("state_dict.module.", ""), tensor(data, { shape, dtype }));
          }
          // Saved before PyTorch counted batches; everything else is there.
          const { missing, unexpected } = model.loadStateDict(weights, { strict: false });
          expect(unexpected).toEqual([]);
          expect(missing.filter((key) => !key.endsWith("num_batches_tracked"))).toEqual([]);

          const reference = parseNpz(
            new Uint8Array(readFileSync(join(pretrained!, `${file}.reference_logits_first1000.npz`))),
            file,
          );
          const logits = [...reference.values()].find(({ shape }) => shape.join() === "1000,10")!.data;
          const { x, labels } = images();
          const run = (batch: Tensor) => noGrad(() => model.forward(batch));
          const forward = way === "compiled" ? compile(run) : run;
          let right = 0;
          let error = 0;
          for (let from = 0; from < 1000; from += 100) {
            const batch = tensor(x.subarray(from * 3072, (from + 100) * 3072), { shape: [100, 3, 32, 32] });
            const ours = (await withEngine(engine, () => forward(batch)).data()) as Float32Array;
            for (let i = 0; i < 100; i++) {
              const row = ours.subarray(i * 10, i * 10 + 10);
              if (row.indexOf(Math.max(...row)) === labels[from + i]) right++;
              row.forEach((v, k) => (error = Math.max(error, Math.abs(v - logits[(from + i) * 10 + k]!))));
            }
          }
          expect(error).toBeLessThan(1e-3);
          expect(Math.abs(right - wanted)).toBeLessThanOrEqual(1);
        });
      }
    }
  }
});
