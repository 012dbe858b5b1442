import { describe, expect, it } from "vitest";
import type { TypedArray } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { EngineName } from "../backend/contract.ts";
import { CpuBackend } from "../backend/cpu/backend.ts";
import { currentEngine, engineNames, engineState, withEngine } from "../backend/engines.ts";
import { compile } from "../graph/compile.ts";
import { grad } from "../tensor/autograd.ts";
import { applyOp, noGrad } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import type { Op } from "../tensor/op.ts";
import { Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor.ts";
import { allowedErrors, beforeActivation, mayBeWinograd, winogradErrors } from "./allowedErrors.ts";
import { withExact } from "./engines.ts";
import { makeInputs, testNumbers, type OpCase, type OpCases } from "./cases.ts";

/** The five checks that every op passes in every case, on every engine that is there. */
export function describeOp({ op, cases }: OpCases): void {
  describe(op.name, () => {
    it("has cases", () => expect(cases.length).toBeGreaterThan(0));
    for (const c of cases) {
      describe(c.name, () => {
        checkReference(op, c);
        if (op.vjp !== null && c.differentiable !== false) checkGradient(op, c);
        for (const engine of ["native", "wasm"] as const) checkEngine(op, c, engine);
      });
    }
  });
}

const run = (op: Op, inputs: readonly (Tensor | undefined)[], c: OpCase): Tensor => applyOp(op, inputs, c.attrs);

function checkReference(op: Op, c: OpCase): void {
  it(`reference gives the inferred shape${c.expected ? ` and the numbers of ${c.expected.origin}` : ""}`, () => {
    withEngine("reference", () => {
      const inputs = makeInputs(c);
      const spec = op.shape(inputs, c.attrs);
      const y = run(op, inputs, c);
      expect(y.storage.values().length).toBe(sizeOf(spec.shape));
      if (c.expected === undefined) return;
      const want = ([c.expected.values] as unknown[]).flat(Infinity) as number[];
      // Expected numbers are written in decimals or computed by others in float32: half an ulp of the largest, doubled.
      const largest = want.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
      expectClose(y.storage.values(), want, () => 2 ** -23 * 2 * largest);
    });
  });
}

/** A case's inputs, those that can have a gradient marked. */
function leaves(c: OpCase): (Tensor | undefined)[] {
  return makeInputs(c).map((x) => (x?.dtype === "float32" ? x.requireGrad() : x));
}

/** Gradients of ⟨op(inputs), weights⟩ for fixed seeded weights; null where the op has none. */
function gradients(
  op: Op,
  c: OpCase,
  inputs: readonly (Tensor | undefined)[],
  weight: (y: Tensor) => Tensor = weightsFor,
): (Tensor | null)[] {
  const y = run(op, inputs, c);
  if (!y.requiresGrad) return inputs.map(() => null);
  const wanted = inputs.map((x) => (x?.requiresGrad ? x : null));
  const found = grad(
    y,
    wanted.filter((x) => x !== null),
    { gradient: weight(y) },
  );
  return wanted.map((x) => (x === null ? null : (found.shift() ?? null)));
}

function weightsFor(y: Tensor): Tensor {
  const next = testNumbers(99);
  return fromHost(Float32Array.from({ length: y.size }, next), y.shape, "float32");
}

function checkGradient(op: Op, c: OpCase): void {
  it("gradient agrees with finite differences", () => {
    withEngine("reference", () => {
      const inputs = leaves(c);
      const y = run(op, inputs, c);
      if (!y.requiresGrad || y.size === 0) return;
      const analytic = gradients(op, c, inputs);
      const weights = weightsFor(y).storage.values();
      inputs.forEach((x, k) => {
        const g = analytic[k];
        if (!x?.requiresGrad || !g) return;
        expect(g.shape).toEqual(x.shape);
        // The directional derivative along a random direction, so that every element takes part in one number.
        const next = testNumbers(7 + k);
        const direction = Float64Array.from({ length: x.size }, next);
        const at = (t: number) =>
          noGrad(() => {
            const values = Float64Array.from(x.storage.values(), (v, i) => v + t * direction[i]!);
            const moved = inputs.map((v, i) => (i === k ? fromHost(values, x.shape, "float32") : v));
            const out = run(op, moved, c).storage.values();
            let sum = 0;
            for (let i = 0; i < out.length; i++) sum += out[i]! * weights[i]!;
            return sum;
          });
        const h = 1e-4;
        const numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
        const values = g.storage.values();
        let exact = 0;
        let scale = 1;
        for (let i = 0; i < values.length; i++) {
          exact += values[i]! * direction[i]!;
          scale += Math.abs(values[i]! * direction[i]!);
        }
        expect(Math.abs(exact - numeric) / scale, `input ${k}: ${exact} against ${numeric}`).toBeLessThan(1e-6);
      });
    });
  });
}

function checkEngine(op: Op, c: OpCase, name: EngineName): void {
  const state = engineState(name);
  const there = "engine" in state;
  const title = there ? name : `${name} (${state.reason})`;

  it.skipIf(!there)(`${title}: result and gradients equal the reference, in both layouts`, () => {
    const want = withEngine("reference", () => evaluate(op, c, leaves(c)));
    const allowed = withEngine("reference", () => allowedErrors(op, c, want, evaluate));
    withEngine(name, () => {
      const inBothLayouts = (errors: typeof allowed) => {
        compare(evaluate(op, c, leaves(c)), want, errors);
        compare(evaluate(op, c, leaves(c).map(channelsLast)), want, errors);
      };
      if (!mayBeWinograd(op, c)) return inBothLayouts(allowed);
      withExact(() => inBothLayouts(allowed));
      const sums = withEngine("reference", () => evaluate(op, beforeActivation(c), leaves(c)));
      inBothLayouts(winogradErrors(sums));
    });
  });

  // An in-place op changes its input, so a second run would start elsewhere; see assign.test.ts.
  if (op.inPlace) return;
  it.skipIf(!there)(`${title}: compiled equals eager, bit for bit`, () => {
    withEngine(name, () => {
      const inputs = leaves(c);
      const eager = evaluate(op, c, inputs);
      const present = inputs.filter((x) => x !== undefined);
      const step = compile((...xs: Tensor[]) => {
        const args = inputs.map((x) =>
          x === undefined ? undefined : xs[present.indexOf(x)]!.requireGrad(x.requiresGrad),
        );
        const y = run(op, args, c);
        return [y, ...gradients(op, c, args).filter((g) => g !== null)];
      });
      for (let replay = 0; replay < 2; replay++) {
        const outputs = step(...present);
        outputs.forEach((t, i) => expect(t.storage.values()).toEqual(eager[i]));
      }
      step.dispose();
    });
  });
}

function evaluate(
  op: Op,
  c: OpCase,
  inputs: readonly (Tensor | undefined)[],
  weight: (y: Tensor) => Tensor = weightsFor,
): TypedArray[] {
  const y = run(op, inputs, c);
  // Read first: a gradient may free what led to it.
  const values = y.storage.values().slice();
  const grads = op.vjp === null ? [] : gradients(op, c, inputs, weight);
  return [values, ...grads.filter((g) => g !== null).map((g) => g.storage.values().slice())];
}

/** The same tensor stored channels-last, as a convolution would leave it. */
function channelsLast(x: Tensor | undefined): Tensor | undefined {
  if (x === undefined || x.rank < 3) return x;
  const engine = currentEngine() as CpuBackend;
  const spec = { shape: x.shape, dtype: x.dtype };
  const plain = engine.upload(x.storage.values(), spec);
  const device = engine.inLayout(plain, "channelsLast");
  if (device !== plain) {
    device.retain();
    plain.release();
  }
  return new Tensor(spec, new Storage(spec, { device, engine })).requireGrad(x.requiresGrad);
}

function compare(
  got: readonly TypedArray[],
  want: readonly TypedArray[],
  allowed: readonly ((i: number) => number)[],
): void {
  expect(got.length).toBe(want.length);
  got.forEach((values, i) => expectClose(values, want[i]!, allowed[i]!));
}

/** |got − want| ≤ what is allowed for that element, with equal NaNs and infinities. */
function expectClose(got: TypedArray, want: ArrayLike<number>, allowed: (i: number) => number): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < got.length; i++) {
    const w = Math.fround(want[i]!);
    if (Object.is(got[i], w) || got[i] === w) continue;
    const error = Math.abs(got[i]! - want[i]!);
    if (!(error <= allowed(i)))
      expect.fail(`element ${i}: got ${got[i]}, want ${want[i]} (error ${error}, allowed ${allowed(i)})`);
  }
}

export const cpuEngines = engineNames.filter((n) => n !== "reference");
