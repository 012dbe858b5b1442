import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../src/base/random.ts";
import { repository, sharedFolder, temporaryFolder } from "./workspace.ts";

const { path: work, remove } = temporaryFolder();
const cli = join(repository, "packages/fovea/dist/cli/main.js");

interface Comparison {
  readonly data: string;
  readonly train: number;
  readonly test: number;
  readonly results: readonly {
    readonly method: string;
    readonly accuracy: number;
    readonly parameters: number;
    readonly confusion: number[][];
  }[];
}

function compare(...args: string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, [cli, "compare", ...args], { cwd: work, encoding: "utf8" });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** Pictures of 8 × 8 in UCI's format: class 0 has bright columns, class 1 bright rows, somewhere. */
function records(count: number, random: RandomStream): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const at = random.int(8);
    const pixels = Array.from(
      { length: 64 },
      (_, p) => ((i % 2 === 0 ? p % 8 : p >> 3) === at ? 15 : 1) + random.int(2),
    );
    return [...pixels, i % 2].join(",");
  });
  return ["# bars", ...lines].join("\n");
}

beforeAll(() => {
  mkdirSync(join(work, "bars"));
  const random = new RandomStream(1);
  writeFileSync(join(work, "bars/optdigits.tra"), records(200, random));
  writeFileSync(join(work, "bars/optdigits.tes"), records(60, random));
});
afterAll(remove);

describe("fovea compare", () => {
  it("puts methods side by side, and writes a page", () => {
    const methods = [
      "raw+linear",
      "pca+knn",
      "hog+svm",
      "lbp+logistic",
      "bow+linear",
      "gabor+linear",
      "deep+svm",
      "cnn",
      "lenet5",
    ];
    const { code, out, err } = compare(
      "bars",
      "--methods",
      methods.join(),
      "--epochs",
      "2",
      "--json",
      "--out",
      "page.html",
    );
    expect(err).toBe("");
    expect(code).toBe(0);
    const { train, test, results } = JSON.parse(out) as Comparison;
    expect([train, test]).toEqual([200, 60]);
    expect(results.map(({ method }) => method)).toEqual(methods);
    for (const { confusion, parameters } of results) {
      expect(confusion.flat().reduce((a, b) => a + b)).toBe(60);
      expect(parameters).toBeGreaterThan(0);
    }
    // Bars may be anywhere: direction tells the classes apart, single pixels do not.
    const of = (method: string) => results.find((r) => r.method === method)!.accuracy;
    expect(of("hog+svm")).toBeGreaterThan(0.95);
    expect(of("gabor+linear")).toBeGreaterThan(0.95);
    expect(of("raw+linear")).toBeLessThan(of("hog+svm"));
    expect(of("deep+svm")).toBeGreaterThan(0.9);
    const page = readFileSync(join(work, "page.html"), "utf8");
    for (const method of methods) expect(page).toContain(method);
    expect(page).toContain("<svg");
  });

  it("prints the same numbers each time", () => {
    const accuracies = () => {
      const { out } = compare("bars", "--methods", "bow+svm,cnn", "--epochs", "1", "--json");
      return (JSON.parse(out) as Comparison).results.map(({ confusion }) => confusion);
    };
    expect(accuracies()).toEqual(accuracies());
  });

  it("takes a folder of photos by class, and keeps a fifth for testing", async () => {
    const random = new RandomStream(4);
    for (const name of ["red", "blue"]) {
      mkdirSync(join(work, "photos", name), { recursive: true });
      for (let i = 0; i < 20; i++) {
        const background = { r: name === "red" ? 200 : 30, g: random.int(200), b: name === "red" ? 30 : 200 };
        const size = { width: 30 + random.int(30), height: 40 };
        await sharp({ create: { ...size, channels: 3, background } })
          .png()
          .toFile(join(work, `photos/${name}/${i}.png`));
      }
    }
    const { out } = compare("photos", "--methods", "raw+linear", "--json");
    const { train, test, results } = JSON.parse(out) as Comparison;
    expect([train, test]).toEqual([32, 8]);
    expect(results[0]!.accuracy).toBe(1);
  });

  it("says what it does not know", () => {
    for (const [methods, message] of [
      ["hob+svm", 'there are no features "hob", did you mean hog?; there are raw, pca,'],
      ["hog+swm", 'there is no classifier "swm", did you mean svm?'],
      ["lenet6", '"lenet6" is no network, did you mean lenet5?'],
      ["hog+svm,", "has an empty place"],
    ] as const) {
      const { code, err } = compare("bars", "--methods", methods);
      expect(err).toContain(message);
      expect(code).toBe(2);
    }
  });

  const digits = sharedFolder("data/digits");
  it.skipIf(digits === null)("finds deep features best and pixels worst on UCI's digits (needs ../shared)", () => {
    const { out } = compare(digits!, "--methods", "raw+linear,hog+svm,deep+svm", "--json");
    const { train, test, results } = JSON.parse(out) as Comparison;
    expect([train, test]).toEqual([2999, 1797]);
    const [raw, hog, deep] = results.map(({ accuracy }) => accuracy) as [number, number, number];
    expect(raw).toBeGreaterThan(0.93);
    expect(hog).toBeGreaterThanOrEqual(raw);
    expect(deep).toBeGreaterThanOrEqual(hog);
    expect(deep).toBeGreaterThan(0.98);
  });
});
