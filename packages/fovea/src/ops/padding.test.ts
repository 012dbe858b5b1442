import { describe, expect, it } from "vitest";
import { arange, conv2d, gradCheck, padMode, tensor, type PaddingMode, type Tensor } from "../index.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (x: Tensor): number[] => Array.from(x.storage.values());
const line = (mode: PaddingMode, before: number, after: number): number[] =>
  values(padMode(tensor([1, 2, 3, 4, 5]), [[before, after]], mode));

describeEngines("padMode", () => {
  it("pads a line in every mode (NumPy's documentation of np.pad)", () => {
    expect(line("zeros", 2, 3)).toEqual([0, 0, 1, 2, 3, 4, 5, 0, 0, 0]);
    expect(line("reflect", 2, 3)).toEqual([3, 2, 1, 2, 3, 4, 5, 4, 3, 2]);
    expect(line("symmetric", 2, 3)).toEqual([2, 1, 1, 2, 3, 4, 5, 5, 4, 3]);
    expect(line("circular", 2, 3)).toEqual([4, 5, 1, 2, 3, 4, 5, 1, 2, 3]);
    expect(line("replicate", 2, 3)).toEqual([1, 1, 1, 2, 3, 4, 5, 5, 5, 5]);
  });

  it("pads a picture in every mode (PyTorch's documentation of ReflectionPad2d, ReplicationPad2d, CircularPad2d)", () => {
    const x = arange(9).reshape([1, 1, 3, 3]);
    const rows = (mode: PaddingMode) => {
      const y = padMode(
        x,
        [
          [2, 2],
          [2, 2],
        ],
        mode,
      );
      expect(y.shape).toEqual([1, 1, 7, 7]);
      return [0, 1, 2, 3].map((i) => values(y.narrow(2, i, 1)).join(" "));
    };
    expect(rows("reflect")).toEqual(["8 7 6 7 8 7 6", "5 4 3 4 5 4 3", "2 1 0 1 2 1 0", "5 4 3 4 5 4 3"]);
    expect(rows("replicate")).toEqual(["0 0 0 1 2 2 2", "0 0 0 1 2 2 2", "0 0 0 1 2 2 2", "3 3 3 4 5 5 5"]);
    expect(rows("circular")).toEqual(["4 5 3 4 5 3 4", "7 8 6 7 8 6 7", "1 2 0 1 2 0 1", "4 5 3 4 5 3 4"]);
  });

  it("goes on mirroring and repeating where there is more padding than signal (NumPy)", () => {
    const pad = (mode: PaddingMode) => values(padMode(tensor([1, 2, 3]), [[5, 4]], mode)).join(" ");
    expect(pad("reflect")).toBe("2 1 2 3 2 1 2 3 2 1 2 3");
    expect(pad("symmetric")).toBe("2 3 3 2 1 1 2 3 3 2 1 1");
    expect(pad("circular")).toBe("2 3 1 2 3 1 2 3 1 2 3 1");
  });

  it("cuts off where a number is negative, keeps integers, and leaves other axes alone", () => {
    expect(line("zeros", -1, 2)).toEqual([2, 3, 4, 5, 0, 0]);
    expect(line("reflect", -1, 2)).toEqual([2, 3, 4, 5, 4, 3]);
    expect(line("replicate", -5, 0)).toEqual([]);
    const whole = padMode(tensor(Int32Array.of(1, 2, 3)), [[1, 1]], "reflect");
    expect([whole.dtype, ...values(whole)]).toEqual(["int32", 2, 1, 2, 3, 2]);
    expect(padMode(arange(6).reshape([3, 2]), [[1, 1]], "circular").shape).toEqual([3, 4]);
  });
});

describe("padMode", () => {
  it("has gradients in every mode", () => {
    const next = testNumbers(8);
    const x = tensor(Float32Array.from({ length: 24 }, next), { shape: [1, 2, 3, 4] });
    for (const mode of ["zeros", "reflect", "symmetric", "replicate", "circular"] as const) {
      const padding = [
        [2, 1],
        [3, -1],
      ] as const;
      expect(gradCheck((a) => padMode(a!, padding, mode).square(), [x]).passed).toBe(true);
    }
  });

  it("says what is wrong", () => {
    const x = arange(3);
    expect(() => padMode(x, [[1, 1]], "mirror" as "reflect")).toThrow(
      'padMode: padding mode "mirror" is not known; use zeros, reflect, symmetric, replicate, circular',
    );
    expect(() =>
      padMode(x, [
        [1, 1],
        [1, 1],
      ]),
    ).toThrow("padMode: x [3] with padding [[1,1],[1,1]]: there are more pairs than axes");
    expect(() => padMode(x, [[-2, -2]])).toThrow("cut off no more than the 3 elements");
    expect(() => padMode(arange(1), [[1, 1]], "reflect")).toThrow(
      'reflect padding needs at least 2 elements along an axis, there is 1; use "replicate" or "symmetric"',
    );
    const [a, w] = [arange(4).reshape([1, 1, 1, 4]), arange(9).reshape([1, 1, 3, 3])];
    expect(() => conv2d(a, w, null, { padding: 1, paddingMode: "reflect" })).toThrow(
      "reflect padding needs at least 2",
    );
  });
});
