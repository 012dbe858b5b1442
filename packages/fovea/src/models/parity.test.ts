import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sizeOf, type Shape } from "../base/shape.ts";
import { concat, init, models, noGrad, withEngine, type Tensor } from "../index.ts";
import { skipInit } from "../nn/init.ts";
import { fromHost } from "../tensor/create.ts";

/** 24 elements of a tensor from the first to the last, the sum of all, the largest |element|. */
interface Facts {
  readonly some: readonly number[];
  readonly sum: number;
  readonly largest: number;
}

interface Parity {
  readonly name: models.ModelName;
  readonly options: object;
  readonly input: Shape;
  readonly shape: Shape;
  readonly output: Facts;
  /** Of Σ c · output by the image. */
  readonly gradient?: Facts;
  /** Sorted names and shapes of the state. */
  readonly keys?: Keys;
}

/** Lines `name [shape]` of a state dict. */
interface Keys {
  readonly count: number;
  readonly sha256: string;
}

function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../test/fixtures/${name}.json`, import.meta.url), "utf8")) as T;
}

/** Made by models.py beside it, which says how: torchvision's networks. */
const fixture = readFixture<{
  readonly keys: Readonly<Partial<Record<models.ModelName, Keys>>>;
  readonly parity: readonly Parity[];
}>("models");

/** Made by published.py: networks written after their published definitions, which torchvision does not have. */
const published = readFixture<{ readonly parity: readonly Parity[] }>("published");

/** The fingerprint of a state dict's names and shapes. */
function keysOf(state: ReadonlyMap<string, Tensor>, sorted = false): Keys {
  const lines = Array.from(state, ([key, { shape }]) => `${key} [${shape.join(",")}]`);
  if (sorted) lines.sort();
  return { count: lines.length, sha256: createHash("sha256").update(lines.join("\n")).digest("hex") };
}

/** Numbers in [−0.5, 0.5) from a hash of a name (FNV-1a) and a position (MurmurHash3's last step), scaled. */
function uniform(name: string, shape: Shape, scale = 1, offset = 0): Tensor {
  const seed = Array.from(name).reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5 | 0);
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) {
    let h = (i + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    values[i] = offset + scale * ((h >>> 0) / 2 ** 32 - 0.5);
  }
  return fromHost(values, shape, "float32");
}

/** What an entry of a state dict holds; the same as `formula` of models.py. */
function formula(name: string, { shape, dtype }: Tensor): Tensor {
  if (dtype === "int32") return fromHost(new Int32Array(1), shape, "int32"); // num_batches_tracked
  if (shape.length > 1) return uniform(name, shape, 2 * Math.sqrt(6 / sizeOf(shape.slice(1))));
  if (name.endsWith("running_var") || name.endsWith("weight")) return uniform(name, shape, 0.5, 1);
  return uniform(name, shape, 0.2);
}

/** Logits, and behind them those of the auxiliary heads. torchvision returns them in this order too, but calls the first one 2. */
function outputs(model: models.ModelOf<models.ModelName>, options: object, x: Tensor): Tensor {
  if (model instanceof models.GoogLeNet && "auxHeads" in options) {
    const { logits, aux1, aux2 } = model.forwardWithAux(x);
    return concat([logits, aux1, aux2], 1);
  }
  if (model instanceof models.InceptionV3 && "auxHead" in options) {
    const { logits, aux } = model.forwardWithAux(x);
    return concat([logits, aux], 1);
  }
  return model.forward(x);
}

/** Everything known of a tensor, within `tolerance` of its largest element. */
async function agree(x: Tensor, { some, sum, largest }: Facts, tolerance: number): Promise<void> {
  const values = Float64Array.from((await x.data()) as Float32Array);
  const errors = some.map((v, k) => Math.abs(v - values[Math.floor((k * (values.length - 1)) / 23)]!));
  expect(Math.max(...errors) / largest).toBeLessThan(tolerance);
  const total = values.reduce((s, v) => s + v, 0);
  // Errors of single elements add up as a random walk.
  expect(Math.abs(total - sum) / largest / Math.sqrt(values.length)).toBeLessThan(tolerance);
}

describe("networks equal torchvision's, or their published definitions", () => {
  for (const name of models.list()) {
    const theirs = fixture.keys[name];
    if (theirs === undefined) continue;
    it(`${name}: names and shapes of ${theirs.count} entries of the state dict`, () => {
      const aux = { auxHead: true, auxHeads: true };
      const state = skipInit(() => models.create(name, aux as models.ModelOptions<typeof name>)).stateDict();
      expect(keysOf(state)).toEqual(theirs);
    });
  }

  for (const { name, options, input, shape, output, gradient, keys } of [...fixture.parity, ...published.parity]) {
    const what = gradient === undefined ? "outputs" : "outputs and the image's gradient";
    it(`${name} ${JSON.stringify(options)}: ${what}`, { timeout: 180_000 }, async () => {
      await init();
      const model = skipInit(() => models.create(name, options as models.ModelOptions<typeof name>));
      model.loadStateDict(new Map(Array.from(model.stateDict(), ([key, x]) => [key, formula(key, x)])));
      if (keys !== undefined) expect(keysOf(model.stateDict(), true)).toEqual(keys);
      model.eval().freeze();
      const x = uniform("image", input, 2).requireGrad();
      const y = noGrad(() => outputs(model, options, x));
      expect(y.shape).toEqual(shape);
      await agree(y, output, 1e-4);
      if (gradient === undefined) return;
      // In double precision: in single precision some ReLU is so near 0 that it falls on the other side.
      const exact = withEngine("reference", () => {
        const logits = outputs(model, options, x);
        logits.mul(uniform("loss", shape)).sum().backward();
        return logits;
      });
      await agree(exact, output, 1e-6);
      await agree(x.grad!, gradient, 1e-6);
    });
  }
});
