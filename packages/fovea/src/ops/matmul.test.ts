import { describe, expect, it } from "vitest";
import "../tensor.ts";
import { withEngine } from "../backend/engines.ts";
import { tensor, zeros } from "../tensor/create.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";
import { cpuEngines } from "../testing/suite.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";

const values = (f: () => { storage: { values(): ArrayLike<number> } }) =>
  withEngine("reference", () => Array.from(f().storage.values()));

describe("matmul", () => {
  it("takes a vector on the left as a row and on the right as a column", () => {
    const a = tensor([
      [1, 2],
      [3, 4],
    ]);
    const v = tensor([10, 100]);
    expect(values(() => matmul(a, v))).toEqual([210, 430]);
    expect(values(() => matmul(v, a))).toEqual([310, 420]);
    const dot = matmul(v, v);
    expect(dot.shape).toEqual([]);
    expect(values(() => dot)).toEqual([10100]);
  });

  it("broadcasts leading axes", () => {
    expect(matmul(zeros([2, 1, 3, 4]), zeros([5, 4, 6])).shape).toEqual([2, 5, 3, 6]);
    expect(matmul(zeros([7, 3, 4]), zeros([4, 6])).shape).toEqual([7, 3, 6]);
  });

  it("names both shapes and the sizes that differ", () => {
    expect(() => matmul(zeros([2, 3]), zeros([4, 5]))).toThrow(
      "matmul: a [2, 3] and b [4, 5]: a has 3 columns, b has 4 rows; they must be equal",
    );
    expect(() => matmul(zeros([2, 3]), zeros([3, 5]), { transposeB: true })).toThrow(
      "b [3, 5] transposed: a has 3 columns, b has 5 rows",
    );
  });
});

describe("linear", () => {
  it("is x · weightᵀ + bias along the last axis, whatever comes before", () => {
    const weight = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const bias = tensor([100, 200, 300]);
    expect(values(() => linear(tensor([1, 10]), weight, bias))).toEqual([121, 243, 365]);
    expect(linear(zeros([4, 7, 2]), weight).shape).toEqual([4, 7, 3]);
  });

  it("says which axis must fit", () => {
    expect(() => linear(zeros([4, 3]), zeros([5, 2]))).toThrow(
      "linear: x [4, 3] with weight [5, 2]: the last axis of x (3) must be the weight's inFeatures (2)",
    );
  });
});

describeEngines(
  "matrix products",
  () => {
    // Many rows take another kernel than few (over 4, under 256).
    it.each([
      [300, 1100, 290],
      [257, 33, 70],
    ])("a row is the same, bit for bit, however many there are: %i×%i by %i columns", (m, k, n) => {
      const next = testNumbers(m);
      const numbers = (size: number) => Float32Array.from({ length: size }, next);
      const [a, b, bias] = [numbers(m * k), numbers(k * n), numbers(n)];
      const product = (from: number, rows: number) => {
        const part = tensor(a.subarray(from * k, (from + rows) * k), { shape: [rows, k] });
        const y = matmul(part, tensor(b, { shape: [k, n] }));
        const z = linear(part, tensor(b, { shape: [n, k] }), tensor(bias));
        return [y, z].map((t) => Float32Array.from(t.storage.values()));
      };
      const all = product(0, m);
      for (const from of [0, 100, m - 20]) {
        product(from, 20).forEach((some, i) => {
          const expected = all[i]!.slice(from * n, (from + 20) * n);
          expect(Buffer.compare(Buffer.from(some.buffer), Buffer.from(expected.buffer))).toBe(0);
        });
      }
    });
  },
  cpuEngines,
);
