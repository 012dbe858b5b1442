import { describe, expect, it } from "vitest";
import { elementary, isaEngines, sweep, ulpError, type Elementary } from "./accuracy.ts";

// The dense sweep is `npm run accuracy`; this one takes about 500 numbers of each binade.
describe("elementary functions on every ISA", () => {
  const engines = isaEngines();
  for (const name of Object.keys(elementary) as Elementary[]) {
    it(`${name} is within ${elementary[name].aim} ulp over all exponents`, () => {
      const [measured] = sweep([name], { step: 16_411, pairs: 60_000, engines });
      for (const [isa, worst] of Object.entries(measured!.worst)) {
        expect(worst, `${isa}, at ${measured!.at.join(", ")}`).toBeLessThanOrEqual(elementary[name].aim);
      }
    });
  }

  it("is measured on at least one engine", () => expect(engines.length).toBeGreaterThan(0));
});

describe("ulpError", () => {
  it("counts neighbours of a float32", () => {
    expect(ulpError(1, 1)).toBe(0);
    expect(ulpError(1 + 2 ** -23, 1)).toBe(1);
    expect(ulpError(2 ** -149, 2 ** -148)).toBe(1);
    expect(ulpError(1, 1 + 2 ** -25)).toBe(0.25);
  });

  it("has no mercy with zeros of the wrong sign, lost NaNs and false infinities", () => {
    expect(ulpError(0, -0)).toBe(Infinity);
    expect(ulpError(0, NaN)).toBe(Infinity);
    expect(ulpError(1, Infinity)).toBe(Infinity);
    expect(ulpError(Infinity, 1)).toBeGreaterThan(1e6);
    expect(ulpError(Infinity, 3.5e38)).toBe(0);
  });
});
