import { describe, expect, it } from "vitest";
import { classifierFixture as fixture } from "../testing/classifierFixture.ts";
import { accuracyScore, LinearSVC } from "./index.ts";

describe("LinearSVC", () => {
  it("finds the widest margin", () => {
    // (±1, ±1) are the closest: w = (½, ½), so that y (w·x + b) = 1 there, and the margin 2 / ‖w‖ is the distance 2√2.
    const x = [[1, 1], [2, 2], [3, 1], [-1, -1], [-2, -3]]; // prettier-ignore
    const svm = new LinearSVC({ C: 1000, loss: "hinge", tol: 1e-8 }).fit(x, [7, 7, 7, 3, 3]);
    expect(svm.classes).toEqual(Int32Array.of(3, 7));
    expect(svm.coef.values[0]).toBeCloseTo(0.5, 6);
    expect(svm.coef.values[1]).toBeCloseTo(0.5, 6);
    expect(svm.intercept[0]).toBeCloseTo(0, 6);
    expect(2 / Math.hypot(...svm.coef.values)).toBeCloseTo(2 * Math.SQRT2, 5);
    expect(svm.predict(x)).toEqual(Int32Array.of(7, 7, 7, 3, 3));
  });

  it.each(["hinge", "squaredHinge"] as const)(
    "reaches the optimum of the %s loss, and knows how near it is",
    (loss) => {
      const svm = new LinearSVC({ C: 0.5, loss, tol: 1e-9, maxIter: 100_000 }).fit(fixture.x, fixture.y);
      expect(svm.converged).toBe(true);
      fixture[loss].forEach(({ weights, objective }, k) => {
        const found = [...svm.coef.values.subarray(3 * k, 3 * k + 3), svm.intercept[k]!];
        found.forEach((w, i) => expect(w).toBeCloseTo(weights[i]!, 4));
        const { primal, dual } = svm.objectives[k]!;
        expect(primal).toBeCloseTo(objective, 6);
        expect(dual).toBeLessThanOrEqual(primal + 1e-9); // weak duality
        expect((primal - dual) / primal).toBeLessThan(1e-6);
      });
    },
  );

  it("has the same numbers each time, and the same optimum by any order of the samples", () => {
    const fit = (randomState: number) =>
      new LinearSVC({ C: 0.5, tol: 1e-9, randomState, maxIter: 100_000 }).fit(fixture.x, fixture.y).coef.values;
    expect(fit(3)).toEqual(fit(3));
    const other = fit(4);
    fit(3).forEach((w, i) => expect(w).toBeCloseTo(other[i]!, 6));
  });

  it("counts rare classes as much as frequent ones when asked", () => {
    const x = Array.from({ length: 100 }, (_, i) => [i < 95 ? (i % 10) / 10 : 0.6 + (i % 5) / 10]);
    const y = x.map((_, i) => (i < 95 ? 0 : 1));
    const rare = (classWeight?: "balanced") =>
      new LinearSVC(classWeight ? { classWeight } : {}).fit(x, y).predict(x).subarray(95);
    expect(accuracyScore([1, 1, 1, 1, 1], rare())).toBeLessThan(0.5);
    expect(accuracyScore([1, 1, 1, 1, 1], rare("balanced"))).toBeGreaterThan(0.5);
  });

  it("says what is wrong with its samples", () => {
    const svm = new LinearSVC();
    expect(() => svm.predict([[1]])).toThrow("call fit(x, y) first");
    expect(() => svm.fit([[1], [2]], [0, 0])).toThrow("got only class 0");
    expect(() => svm.fit([[1], [2]], [0])).toThrow("x has 2 rows, but y 1 labels");
    expect(() => svm.fit([[1], [2, 3]], [0, 1])).toThrow("row 1 of x has 2 numbers, row 0 has 1");
    expect(() => svm.fit([[1], [NaN]], [0, 1])).toThrow("x holds NaN in row 1, column 0");
    expect(() => svm.fit([], [])).toThrow("no numbers");
    expect(() => svm.fit([[1], [2]], [0, 1]).predict([[1, 2]])).toThrow("x has 2 numbers a row, but 1");
    expect(() => new LinearSVC({ C: 0 })).toThrow("C must be above 0");
  });
});
