import { expect, it } from "vitest";
import type { TypedArray } from "../base/dtype.ts";
import { engineState, withEngine } from "../backend/engines.ts";
import { compile } from "../graph/compile.ts";
import { noGrad } from "../tensor/apply.ts";
import { grad } from "../tensor/autograd.ts";
import { fromHost, tensor } from "../tensor/create.ts";
import type { NestedArray, Tensor } from "../tensor/tensor.ts";
import { testNumbers } from "./cases.ts";

/** An input of a composite: a shape to be filled with seeded normal numbers, or a tensor made anew each time. */
export type CompositeInput = readonly number[] | (() => Tensor);

export interface CompositeOptions {
  /** Largest |engine − reference| relative to max(1, largest |reference|); default 1e-5. */
  tolerance?: number;
  /** Largest error of the directional derivative; default 1e-6. */
  gradientTolerance?: number;
  /** Seed of the numbers; default 1. */
  seed?: number;
  /** False where a kink is near, or nothing is differentiable. */
  differentiable?: boolean;
}

const isShape = (input: CompositeInput): input is readonly number[] => typeof input !== "function";

function make(inputs: readonly CompositeInput[], seed: number): Tensor[] {
  const next = testNumbers(seed);
  return inputs.map((input) => {
    const t = isShape(input)
      ? tensor(Float32Array.from({ length: input.reduce((a, d) => a * d, 1) }, next), { shape: input })
      : input();
    return t.dtype === "float32" ? t.requireGrad() : t;
  });
}

const weightsFor = (y: Tensor): Tensor => {
  const next = testNumbers(99);
  return fromHost(Float32Array.from({ length: y.size }, next), y.shape, "float32");
};

/** y and the gradients of ⟨y, weights⟩. */
function evaluate(fn: (...xs: Tensor[]) => Tensor, xs: readonly Tensor[], differentiable: boolean): Tensor[] {
  const y = fn(...xs);
  if (!differentiable || !y.requiresGrad) return [y];
  const wanted = xs.filter((x) => x.requiresGrad);
  const found = grad(y, wanted, { gradient: weightsFor(y), retainGraph: true });
  return [y, ...found.filter((g) => g !== null)];
}

/**
 * Three tests of a function made of ops: its gradient against finite differences in float64, native and wasm against
 * the reference, compiled against eager bit for bit.
 */
export function checkComposite(
  name: string,
  fn: (...xs: Tensor[]) => Tensor,
  inputs: readonly CompositeInput[],
  { tolerance = 1e-5, gradientTolerance = 1e-6, seed = 1, differentiable = true }: CompositeOptions = {},
): void {
  if (differentiable) {
    it(`${name}: the gradient agrees with finite differences`, () => {
      withEngine("reference", () => {
        const xs = make(inputs, seed);
        const y = fn(...xs);
        const weights = weightsFor(y).storage.values();
        const wanted = xs.filter((x) => x.requiresGrad);
        const exact = grad(y, wanted, { gradient: weightsFor(y) });
        wanted.forEach((x, k) => {
          const next = testNumbers(7 + k);
          const direction = Float64Array.from({ length: x.size }, next);
          const at = (t: number): number =>
            noGrad(() => {
              const values = Float64Array.from(x.storage.values(), (v, i) => v + t * direction[i]!);
              const out = fn(...xs.map((v) => (v === x ? fromHost(values, x.shape, "float32") : v))).storage.values();
              let sum = 0;
              for (let i = 0; i < out.length; i++) sum += out[i]! * weights[i]!;
              return sum;
            });
          const h = 1e-4;
          const numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
          const g = exact[k]?.storage.values() ?? new Float64Array(x.size);
          let sum = 0;
          let scale = 1;
          for (let i = 0; i < g.length; i++) {
            sum += g[i]! * direction[i]!;
            scale += Math.abs(g[i]! * direction[i]!);
          }
          const error = Math.abs(sum - numeric) / scale;
          expect(error, `input ${k}: ${sum} against ${numeric}`).toBeLessThan(gradientTolerance);
        });
      });
    });
  }
  for (const engine of ["native", "wasm"] as const) {
    const state = engineState(engine);
    const there = "engine" in state;
    const title = there ? engine : `${engine} (${state.reason})`;
    it.skipIf(!there)(`${name}: ${title} equals the reference, compiled equals eager bit for bit`, () => {
      const want = withEngine("reference", () =>
        evaluate(fn, make(inputs, seed), differentiable).map((t) => t.storage.values()),
      );
      withEngine(engine, () => {
        const xs = make(inputs, seed);
        const eager = evaluate(fn, xs, differentiable).map((t) => t.storage.values().slice());
        expect(eager.length).toBe(want.length);
        eager.forEach((values, i) => expectClose(values, want[i]!, tolerance));
        const step = compile((...args: Tensor[]) => {
          args.forEach((x, i) => x.requireGrad(xs[i]!.requiresGrad));
          return evaluate(fn, args, differentiable);
        });
        for (let replay = 0; replay < 2; replay++) {
          step(...xs).forEach((t, i) => expect(t.storage.values()).toEqual(eager[i]));
        }
        step.dispose();
      });
    });
  }
}

function expectClose(got: TypedArray, want: TypedArray, tolerance: number): void {
  expect(got.length).toBe(want.length);
  let scale = 1;
  for (const w of want) if (Number.isFinite(w)) scale = Math.max(scale, Math.abs(w));
  for (let i = 0; i < got.length; i++) {
    const w = Math.fround(want[i]!);
    if (Object.is(got[i], w) || got[i] === w) continue;
    const error = Math.abs(got[i]! - want[i]!) / scale;
    if (!(error <= tolerance)) expect.fail(`element ${i}: got ${got[i]}, want ${want[i]} (error ${error})`);
  }
}

/** Checks values to half a unit of the digit given, relative to the value where it is above 1. */
export function expectValues(got: Tensor, want: NestedArray, digits = 5): void {
  const flat = ([want] as unknown[]).flat(Infinity) as number[];
  const values = got.storage.values();
  expect(values.length).toBe(flat.length);
  flat.forEach((w, i) => {
    const close = Math.abs(values[i]! - w) <= 0.5 * 10 ** -digits * Math.max(1, Math.abs(w));
    if (!close && !Object.is(values[i], w)) expect.fail(`element ${i}: got ${values[i]}, want ${w}`);
  });
}
