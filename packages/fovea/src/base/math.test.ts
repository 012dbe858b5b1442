import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cos, exp, log, pow, sin, tanh } from "./math.ts";

/** Distance in units in the last place of the expected number. */
function ulps(got: number, wanted: number): number {
  if (Object.is(got, wanted) || got === wanted) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(wanted)) return Infinity;
  const exponent = Math.max(-1022, Math.floor(Math.log2(Math.abs(wanted) || 5e-324)));
  return Math.abs(got - wanted) / 2 ** Math.max(-1074, exponent - 52);
}

function worst(f: (x: number) => number, g: (x: number) => number, from: number, to: number, steps = 60_000): number {
  let most = 0;
  for (let i = 0; i <= steps; i++) {
    const x = from + ((to - from) * i) / steps;
    most = Math.max(most, ulps(f(x), g(x)));
  }
  return most;
}

// The expectation is the host's Math, itself right to about 1 ulp.
describe("elementary functions stay within 2 ulp of the host's", () => {
  it.each<[string, (x: number) => number, (x: number) => number, number, number]>([
    ["exp, around 0", exp, Math.exp, -2, 2],
    ["exp, its whole range", exp, Math.exp, -745, 709.7],
    ["log, around 1", log, Math.log, 0.5, 2],
    ["log, small", log, Math.log, 1e-12, 1e-3],
    ["log, large", log, Math.log, 1, 1e15],
    ["cos, one turn", cos, Math.cos, -7, 7],
    ["cos, many turns", cos, Math.cos, 1e5, 1e6],
    ["sin, one turn", sin, Math.sin, -7, 7],
    ["sin, many turns", sin, Math.sin, -1e6, -1e5],
    ["pow 2.5", (x) => pow(x, 2.5), (x) => x ** 2.5, 0.001, 100],
    ["pow 0.1^y", (y) => pow(0.1, y), (y) => 0.1 ** y, -10, 10],
    ["pow 0.96^n", (y) => pow(0.96, Math.floor(y)), (y) => 0.96 ** Math.floor(y), 0, 1000],
  ])("%s", (_, own, host, from, to) => {
    expect(worst(own, host, from, to)).toBeLessThanOrEqual(2);
  });

  it("tanh is within 3e-16 absolute", () => {
    for (let x = -25; x < 25; x += 0.0011) expect(Math.abs(tanh(x) - Math.tanh(x))).toBeLessThan(3e-16);
  });
});

describe("special values are those of IEEE 754", () => {
  it.each<[string, number, number]>([
    ["exp(−∞)", exp(-Infinity), 0],
    ["exp(∞)", exp(Infinity), Infinity],
    ["exp(NaN)", exp(NaN), NaN],
    ["exp(0)", exp(0), 1],
    ["exp(710)", exp(710), Infinity],
    ["exp(−745)", exp(-745), 5e-324],
    ["log(0)", log(0), -Infinity],
    ["log(−1)", log(-1), NaN],
    ["log(∞)", log(Infinity), Infinity],
    ["log(5e-324)", log(5e-324), Math.log(5e-324)],
    ["cos(∞)", cos(Infinity), NaN],
    ["sin(−0)", sin(-0), -0],
    ["0^0", pow(0, 0), 1],
    ["0^2", pow(0, 2), 0],
    ["0^−1", pow(0, -1), Infinity],
    ["(−2)^3", pow(-2, 3), -8],
    ["(−2)^−2", pow(-2, -2), 0.25],
    ["(−2)^0.5", pow(-2, 0.5), NaN],
    ["2^10", pow(2, 10), 1024],
    ["10^22", pow(10, 22), 1e22],
    ["2^1024", pow(2, 1024), Infinity],
    ["2^−1074", pow(2, -1074), 5e-324],
    ["0.5^∞", pow(0.5, Infinity), 0],
    ["2^∞", pow(2, Infinity), Infinity],
    ["∞^−1", pow(Infinity, -1), 0],
  ])("%s", (_, got, wanted) => expect(got).toBe(wanted));

  it("an angle too large to be reduced is refused", () => {
    expect(() => cos(1e7)).toThrow("|x| ≤ 10⁶");
  });
});

// Origin: this implementation. The same hash must come out on every host: the arithmetic is fixed by IEEE 754.
it("every host computes the same bits", () => {
  const values = new Float64Array(7 * 4000);
  for (let i = 0, at = 0; i < 4000; i++) {
    const x = (i - 2000) * 0.317;
    for (const value of [exp(x), log(i + 0.1), cos(x), sin(x), pow(i / 999, 2.2), pow(0.97, i), tanh(x / 99)]) {
      values[at++] = value;
    }
  }
  expect(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex").slice(0, 16)).toBe(
    "71594cb68856ecc8",
  );
});
