import { expect } from "vitest";
import { withEngine } from "../backend/engines.ts";
import { noGrad } from "../tensor/apply.ts";
import { grad } from "../tensor/autograd.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { testNumbers } from "./cases.ts";

/**
 * Expects the gradients of ⟨f(inputs), weights⟩ to be the slopes measured by finite differences, in double precision on
 * the reference engine. One random direction per input, so that every element takes part.
 */
export function expectGradients(
  f: (...inputs: Tensor[]) => Tensor,
  make: () => readonly Tensor[],
  tolerance = 1e-6,
): void {
  withEngine("reference", () => {
    const inputs = make().map((x) => (x.dtype === "float32" ? x.requireGrad() : x));
    const y = f(...inputs);
    const weights = numbers(99, y.size);
    const leaves = inputs.filter((x) => x.requiresGrad);
    const gradients = grad(y, leaves, { gradient: fromHost(weights, y.shape, "float32") });
    leaves.forEach((x, k) => {
      const values = x.storage.values();
      const direction = numbers(7 + k, x.size);
      const at = (t: number): number =>
        noGrad(() => {
          const moved = fromHost(
            Float64Array.from(values, (v, i) => v + t * direction[i]!),
            x.shape,
            "float32",
          );
          const out = f(...inputs.map((v) => (v === x ? moved : v))).storage.values();
          return weights.reduce((sum, w, i) => sum + w * out[i]!, 0);
        });
      const h = 1e-4;
      const measured = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      // No path to an input is a slope of 0.
      const slopes = gradients[k]?.storage.values() ?? new Float64Array(x.size);
      let exact = 0;
      let scale = 1;
      slopes.forEach((v: number, i: number) => {
        exact += v * direction[i]!;
        scale += Math.abs(v * direction[i]!);
      });
      expect(Math.abs(exact - measured) / scale, `input ${k}: ${exact} against ${measured}`).toBeLessThan(tolerance);
    });
  });
}

function numbers(seed: number, length: number): Float64Array {
  return Float64Array.from({ length }, testNumbers(seed));
}
