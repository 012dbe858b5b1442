import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { KerasRow, ModelFacts } from "../src/models/index.ts";
import type { Summary } from "../src/nn/index.ts";

const bin = fileURLToPath(new URL("../bin/fovea.js", import.meta.url));

function fovea(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

describe("fovea zoo", () => {
  it("lists what fits a pattern, with papers and counts", () => {
    const { code, out } = fovea("zoo", "resnet50*", "--json");
    expect(code).toBe(0);
    const rows = JSON.parse(out) as ModelFacts[];
    expect(rows.map(({ name }) => name)).toEqual(["resnet50.keras", "resnet50.torchvision", "resnet50v2.keras"]);
    expect(rows[0]).toMatchObject({
      family: "ResNet of Keras",
      paper: { year: 2015, url: "https://arxiv.org/abs/1512.03385" },
      input: [3, 224, 224],
      parameters: 25_583_592,
      parametersWithStatistics: 25_636_712,
      macs: 3_857_973_248,
      published: { top1: 74.9, on: "ImageNet", source: "Keras Applications" },
    });
    expect(fovea("zoo", "vgg16").out).toMatch(
      /vgg16 +VGG +2014 +3×224×224 +138,357,544 +138,357,544 +15,470,264,320 +71\.6 %/,
    );
  });

  it("Keras' table", () => {
    const rows = JSON.parse(fovea("zoo", "--table", "keras", "--json").out) as KerasRow[];
    expect(rows).toHaveLength(12);
    expect(rows[3]).toMatchObject({ model: "ResNet50", top1: 74.9, top5: 92.1, parameters: 25_636_712, depth: 107 });
    expect(fovea("zoo", "--table", "keras").out).toMatch(
      /^MobileNet +16 +70\.4 % +89\.5 % +4,253,864 +55 +mobilenetv1\.keras$/m,
    );
  });

  it("what does not exist is one line with a near name", () => {
    const nothing = fovea("zoo", "resnet51");
    expect([nothing.code, nothing.out]).toEqual([2, ""]);
    expect(nothing.err).toMatch(
      /^fovea: there is no model "resnet51"; did you mean "resnet50.torchvision"\? models\.list\(\) \(fovea zoo\) has all names\n$/,
    );
    expect(fovea("zoo", "--table", "torch").err).toMatch(/"torch" is not one of keras/);
    expect(fovea("zoo", "--time").err).toMatch(/--time goes with --table keras/);
    expect(fovea("zoo", "--batch", "2").err).toMatch(/--batch goes with --table keras --time/);
  });
});

describe("fovea summary", () => {
  it("shows layers and totals", () => {
    const { code, out } = fovea("summary", "vgg16");
    expect(code).toBe(0);
    expect(out).toMatch(/30: MaxPool2d\(kernelSize=2\) +\[1, 512, 7, 7\] +212 +32 +90\n/);
    expect(out).toMatch(/work +15,470,264,320 multiply–accumulates .*, 30,940,528,640 FLOPs/);
    const parts = fovea("summary", "vgg16", "--depth", "1").out;
    expect(parts).toMatch(/features: Sequential +\[1, 512, 7, 7\] +14,714,688 +yes/);
    expect(parts).not.toMatch(/Conv2d/);
  });

  it("--json has every row; other batches and sizes change shapes and work", () => {
    const result = JSON.parse(
      fovea("summary", "resnet18.torchvision", "--batch", "2", "--size", "112", "--json").out,
    ) as Summary;
    expect(result.input).toEqual([2, 3, 112, 112]);
    expect(result.rows.find(({ path }) => path === "layer4.1.conv2")).toMatchObject({
      outputShape: [2, 512, 4, 4],
      parameters: 512 * 512 * 9,
      macs: 2 * 512 * 512 * 9 * 16,
    });
  });

  it("a size that does not fit is one line", () => {
    const small = fovea("summary", "lenet5", "--size", "9");
    expect(small.code).toBe(1);
    expect(small.err).toMatch(/^fovea: layer .*\n$/);
  });
});
