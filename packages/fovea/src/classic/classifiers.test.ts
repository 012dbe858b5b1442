import { describe, expect, it } from "vitest";
import { RandomStream } from "../base/random.ts";
import { classifierFixture as fixture } from "../testing/classifierFixture.ts";
import {
  accuracyScore,
  KMeans,
  KNeighborsClassifier,
  LinearSVC,
  LogisticRegression,
  OneVsOneClassifier,
  OneVsRestClassifier,
  PCA,
  StandardScaler,
  SVC,
} from "./index.ts";
import { symmetricEigen } from "./symmetricEigen.ts";

const pair = fixture.y.map((_, i) => i).filter((i) => fixture.y[i]! < 2);

describe("SVC", () => {
  it("reaches the optimum of the Gaussian kernel", () => {
    const { C, scores, objective, intercept } = fixture.rbf;
    const svm = new SVC({ C, tol: 1e-8 }).fit(pair.map((i) => fixture.x[i]!), pair.map((i) => fixture.y[i]!)); // prettier-ignore
    const [machine] = svm.pairs;
    expect(machine!.converged).toBe(true);
    expect(machine!.dual).toBeCloseTo(objective, 6);
    expect(machine!.intercept).toBeCloseTo(intercept, 4);
    svm.decisionFunction(fixture.test).values.forEach((score, i) => expect(score).toBeCloseTo(scores[i]!, 4));
  });

  it("separates what no line separates", () => {
    const random = new RandomStream(5);
    const x = Array.from({ length: 120 }, () => [random.normal(), random.normal()]);
    const y = x.map(([a, b]) => (a! * a! + b! * b! < 1 ? 1 : 0));
    expect(accuracyScore(y, new LinearSVC().fit(x, y).predict(x))).toBeLessThan(0.75);
    expect(accuracyScore(y, new SVC({ C: 100 }).fit(x, y).predict(x))).toBeGreaterThan(0.97);
    expect(accuracyScore(y, new SVC({ C: 100, kernel: "poly", degree: 2 }).fit(x, y).predict(x))).toBeGreaterThan(0.97);
  });

  it("is one machine for each pair of classes", () => {
    const svm = new SVC({ tol: 1e-8 }).fit(fixture.x, fixture.y);
    const pairs = new OneVsOneClassifier(() => new SVC({ tol: 1e-8, gamma: 1 / 3 })).fit(fixture.x, fixture.y);
    const same = new SVC({ tol: 1e-8, gamma: "auto" }).fit(fixture.x, fixture.y); // 1 / 3 columns
    expect(svm.pairs.length).toBe(3);
    same
      .decisionFunction(fixture.test)
      .values.forEach((score, i) => expect(score).toBeCloseTo(pairs.decisionFunction(fixture.test).values[i]!, 10));
  });

  it("keeps its results when the kernel does not fit the cache", () => {
    const scores = (cacheSize: number) =>
      new SVC({ cacheSize }).fit(fixture.x, fixture.y).decisionFunction(fixture.test);
    expect(scores(0).values).toEqual(scores(200).values);
  });
});

describe("several classes", () => {
  it("are told apart one against the rest as LinearSVC does", () => {
    const rest = new OneVsRestClassifier(() => new LinearSVC({ C: 0.5, tol: 1e-8, maxIter: 10_000 }));
    const all = new LinearSVC({ C: 0.5, tol: 1e-8, maxIter: 10_000 }).fit(fixture.x, fixture.y);
    rest.fit(fixture.x, fixture.y);
    expect(rest.predict(fixture.test)).toEqual(all.predict(fixture.test));
  });

  it("are told apart one against one, with labels as they were given", () => {
    const one = new OneVsOneClassifier(() => new LinearSVC());
    const labels = fixture.y.map((label) => [40, -7, 11][label]!);
    const right = accuracyScore(labels, one.fit(fixture.x, labels).predict(fixture.x));
    expect(one.estimators.length).toBe(3);
    expect(right).toBeGreaterThan(0.75);
    expect([...one.classes]).toEqual([-7, 11, 40]);
  });
});

describe("LogisticRegression", () => {
  it("reaches the optimum", () => {
    const { C, objective, coef, probabilities } = fixture.logistic;
    const model = new LogisticRegression({ C, tol: 1e-6 }).fit(fixture.x, fixture.y);
    expect(model.converged).toBe(true);
    expect(model.objective).toBeCloseTo(objective, 8);
    model.coef.values.forEach((w, i) => expect(w).toBeCloseTo(coef.flat()[i]!, 5));
    model.predictProba(fixture.test).values.forEach((p, i) => expect(p).toBeCloseTo(probabilities.flat()[i]!, 5));
    expect(model.predict(fixture.test)).toEqual(Int32Array.from(probabilities, (p) => p.indexOf(Math.max(...p))));
  });

  it("takes two classes", () => {
    const model = new LogisticRegression().fit([[0], [1], [2], [3]], [5, 5, 9, 9]);
    expect([...model.predict([[-1], [4]])]).toEqual([5, 9]);
    expect(model.decisionFunction([[1.5]]).values[0]).toBeCloseTo(0, 3); // by symmetry
  });
});

describe("KNeighborsClassifier", () => {
  const x = [[0, 0], [0, 1], [1, 0], [5, 5], [6, 5], [5, 6]]; // prettier-ignore
  const y = [1, 1, 1, 2, 2, 2];

  it("takes the label of most neighbours", async () => {
    const model = new KNeighborsClassifier({ nNeighbors: 3 }).fit(x, y);
    expect([...(await model.predict([[1, 1], [4, 5]]))]).toEqual([1, 2]); // prettier-ignore
    const { indices, distances } = await model.kneighbors([[5, 5]]);
    expect([...indices]).toEqual([3, 4, 5]);
    expect([...distances.values]).toEqual([0, 1, 1]);
  });

  it("lets a sample itself decide by distance", async () => {
    const model = new KNeighborsClassifier({ nNeighbors: 3, weights: "distance" }).fit([[0], [1], [1.1]], [0, 1, 1]);
    expect([...(await model.predict([[0], [0.9]]))]).toEqual([0, 1]);
    expect(() => new KNeighborsClassifier({ nNeighbors: 7 }).fit(x, y)).toThrow("7 neighbours of 6 samples");
  });
});

describe("transformers", () => {
  it("scale columns to mean 0 and variance 1, a constant one to 0", () => {
    // [1, 3, 5]: mean 3, variance over the three samples (4 + 0 + 4) / 3, so ±√1.5.
    const { values } = new StandardScaler().fitTransform([[1, 0.1], [3, 0.1], [5, 0.1]]); // prettier-ignore
    [-Math.sqrt(1.5), 0, 0, 0, Math.sqrt(1.5), 0].forEach((v, i) => expect(values[i]).toBeCloseTo(v, 12));
  });

  it("only centre columns when asked", () => {
    const centred = new StandardScaler({ withStd: false }).fit([[1, 0], [5, 2]]).transform([[1, 4]]); // prettier-ignore
    expect([...centred.values]).toEqual([-2, 3]);
  });

  it("find principal components", () => {
    const pca = new PCA().fit(fixture.x);
    const { components, explainedVariance, transformed } = fixture.pca;
    pca.components.values.forEach((v, i) => expect(v).toBeCloseTo(components.flat()[i]!, 10));
    pca.explainedVariance.forEach((v, i) => expect(v).toBeCloseTo(explainedVariance[i]!, 10));
    pca.transform(fixture.test).values.forEach((v, i) => expect(v).toBeCloseTo(transformed.flat()[i]!, 10));
    const half = new PCA({ nComponents: 0.5 }).fit(fixture.x); // the first has 57 % of the variance
    expect(half.explainedVariance.length).toBe(1);
  });

  it("find the same components when there are fewer samples than columns", () => {
    const random = new RandomStream(2);
    const x = Array.from({ length: 5 }, () => Array.from({ length: 9 }, () => random.normal()));
    const { components, explainedVariance } = new PCA({ nComponents: 4 }).fit(x);
    for (let a = 0; a < 4; a++) {
      for (let b = 0; b < 4; b++) {
        let product = 0;
        for (let c = 0; c < 9; c++) product += components.values[a * 9 + c]! * components.values[b * 9 + c]!;
        expect(product).toBeCloseTo(a === b ? 1 : 0, 10);
      }
    }
    const total = x[0]!
      .map((_, c) => x.map((row) => row[c]!))
      .reduce((sum, column) => {
        const mean = column.reduce((p, q) => p + q) / 5;
        return sum + column.reduce((p, q) => p + (q - mean) ** 2, 0) / 4;
      }, 0);
    expect(explainedVariance.reduce((p, q) => p + q)).toBeCloseTo(total, 10); // rank 4: nothing is left
  });

  it("give eigenvectors that are", () => {
    const n = 24;
    const random = new RandomStream(8);
    const a = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = random.normal();
    const { values, vectors } = symmetricEigen(a, n);
    for (let k = 0; k < n; k++) {
      for (let i = 0; i < n; i++) {
        let product = 0;
        for (let j = 0; j < n; j++) product += a[i * n + j]! * vectors[k * n + j]!;
        expect(product).toBeCloseTo(values[k]! * vectors[k * n + i]!, 10);
      }
    }
    expect([...symmetricEigen([3], 1).values]).toEqual([3]);
    expect([...symmetricEigen([2, 0, 0, 5], 2).values]).toEqual([5, 2]);
  });

  it("find clusters", () => {
    const x = [[0, 0], [0, 1], [10, 10], [10, 11], [20, 0], [21, 0]]; // prettier-ignore
    const model = new KMeans({ nClusters: 3 }).fit(x);
    const [a, b, c, d, e, f] = model.predict(x);
    expect(new Set([a, c, e]).size).toBe(3);
    expect([b, d, f]).toEqual([a, c, e]);
    expect(model.inertia).toBeCloseTo(1.5, 12); // three pairs at distance 1: ½ each
    expect(() => new KMeans({ nClusters: 9 }).fit(x)).toThrow("9 clusters of 6 samples");
  });
});
