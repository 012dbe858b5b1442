import { describe, expect, it } from "vitest";
import { withEngine } from "../backend/engines.ts";
import type { TypedArray } from "../base/dtype.ts";
import { matmulOp } from "../ops/matmul.ts";
import { reduceOps } from "../ops/reduce.ts";
import { unaryOps } from "../ops/unary.ts";
import { applyOp } from "../tensor/apply.ts";
import "../tensor.ts";
import type { Op } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { allowedErrors } from "./allowedErrors.ts";
import { makeInputs, type OpCase } from "./cases.ts";

const forward = (op: Op, c: OpCase, inputs: (Tensor | undefined)[]): TypedArray[] => [
  applyOp(op, inputs, c.attrs).storage.values(),
];
const evaluate = (op: Op, c: OpCase): TypedArray[] => forward(op, c, makeInputs(c));
const allowed = (op: Op, c: OpCase) =>
  withEngine("reference", () => allowedErrors(op, c, evaluate(op, c), forward)[0]!);

/** Keeps 8 bits of the significand, as bfloat16 does. */
function bfloat16(x: number): number {
  const word = new Uint32Array(Float32Array.of(x).buffer);
  word[0] = ((word[0]! + 0x8000) & 0xffff0000) >>> 0;
  return new Float32Array(word.buffer)[0]!;
}

describe("the allowed error", () => {
  const product: OpCase = {
    name: "",
    inputs: [
      [1, 1024],
      [1024, 1],
    ],
    attrs: { transposeA: false, transposeB: false },
  };

  it("of a product is (2 + 4√K)·2⁻²⁴·Σ|a||b|", () => {
    const [a, b] = makeInputs(product).map((t) => t!.storage.values());
    let magnitude = 0;
    for (let i = 0; i < 1024; i++) magnitude += Math.abs(a![i]! * b![i]!);
    expect(allowed(matmulOp, product)(0)).toBeCloseTo((2 + 4 * 32) * 2 ** -24 * magnitude, 10);
  });

  it("is passed by a sum in float32 and not by one that rounds its inputs to 8 bits", () => {
    const [a, b] = makeInputs(product).map((t) => t!.storage.values());
    let [exact, single, coarse] = [0, 0, 0];
    for (let i = 0; i < 1024; i++) {
      exact += a![i]! * b![i]!;
      single = Math.fround(single + Math.fround(a![i]! * b![i]!));
      coarse += bfloat16(a![i]!) * bfloat16(b![i]!);
    }
    const limit = allowed(matmulOp, product)(0);
    expect(Math.abs(single - exact)).toBeLessThan(limit);
    expect(Math.abs(coarse - exact)).toBeGreaterThan(limit);
  });

  it("grows with the terms of a sum, and with the size of each sum alone", () => {
    const sum = (columns: number) =>
      allowed(reduceOps.sum, {
        name: "",
        inputs: [
          { values: Array.from({ length: 2 * columns }, (_, i) => (i < columns ? 1 : 100)), shape: [2, columns] },
        ],
        attrs: { axes: [1], keepDims: false },
      });
    expect(sum(64)(0)).toBeCloseTo((2 + 4 * 8) * 2 ** -24 * 64, 12);
    expect(sum(64)(1) / sum(64)(0)).toBeCloseTo(100, 5);
  });

  it("of an elementwise function is a few ulp of its largest value", () => {
    const limit = allowed(unaryOps.exp, { name: "", inputs: [{ values: [0, 3] }], attrs: {} });
    expect(limit(0)).toBeCloseTo(20 * 2 ** -24 * Math.exp(3), 10);
  });
});
