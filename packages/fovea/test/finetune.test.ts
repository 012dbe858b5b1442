import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manualSeed, models } from "../src/index.ts";
import { encodeTensors } from "../src/train/weights.ts";
import { repository, temporaryFolder } from "./workspace.ts";

const { path: work, remove } = temporaryFolder();
const cli = join(repository, "packages/fovea/bin/fovea.js");

function fovea(...args: string[]) {
  const env = { ...process.env, FOVEA_OFFLINE: "1" };
  const done = spawnSync(process.execPath, [cli, ...args], { cwd: work, encoding: "utf8", env });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

const lines = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  manualSeed(3);
  writeFileSync(join(work, "weights.safetensors"), await encodeTensors(models.create("resnet20.cifar").stateDict()));
  for (const [i, colour] of ["#c22", "#22c"].entries()) {
    for (const [part, count] of [
      ["train", 8],
      ["val", 4],
    ] as const) {
      const folder = join(work, "photos", part, i === 0 ? "red" : "blue");
      mkdirSync(folder, { recursive: true });
      for (let n = 0; n < count; n++) {
        const size = { width: 40 + n, height: 36, channels: 3 as const, background: colour };
        await sharp({ create: size })
          .png()
          .toFile(join(folder, `${n}.png`));
      }
    }
  }
  writeFileSync(join(work, "photos/train/red/broken.png"), "no picture");
});
afterAll(remove);

const network = ["resnet20.cifar", "--weights", "weights.safetensors"] as const;

async function copyPhotos(to: string): Promise<void> {
  rmSync(join(work, to), { recursive: true, force: true });
  await cp(join(work, "photos"), join(work, to), { recursive: true });
}

describe("fovea finetune", () => {
  it("summarises, says what learns, trains, leaves out what it cannot read, and saves what predict uses", () => {
    const { code, out, err } = fovea(
      "finetune",
      network[0],
      "photos",
      ...network.slice(1),
      "--strategy",
      "full",
      "--head-epochs",
      "2",
      "--epochs",
      "1",
      "--batch-norm",
      "train",
      "--out",
      "run",
      "--json",
    );
    expect(code, err).toBe(0);
    expect(err).toMatch(/Class +train +validation\nblue +8 +4\nred +9 +4\n/);
    expect(err).toMatch(/left out: .*broken\.png/);
    expect(err).toMatch(/head, 2 epochs:\nup to +parameters +trainable +rate\n/);
    const [plan, ...rest] = lines(out);
    expect(plan).toMatchObject({ event: "plan", strategy: "full" });
    expect(rest.filter(({ event }) => event === "epoch").map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(rest.at(-1)).toMatchObject({ event: "done", strategy: "full", validationImages: 8, out: "run" });
    expect(readdirSync(join(work, "run")).toSorted()).toEqual([
      "best.safetensors",
      "config.json",
      "metrics.jsonl",
      "report.html",
    ]);
    const page = readFileSync(join(work, "run/report.html"), "utf8");
    expect(page).toMatch(/of 8 validation images right/);
    expect(page).toMatch(/What learns: head, 2 epochs[^]*frozen[^]*Then: full, 1 epoch/);
    for (const title of ["Loss", "Accuracy", "Confusion matrix", "Training images"])
      expect(page).toContain(`<h2>${title}</h2>`);
    expect(page).toMatch(/The same again: <code>fovea finetune resnet20.cifar photos --strategy full --weights/);
    const said = fovea("predict", "run", "photos/val/red/0.png", "photos/val/blue/0.png", "--json", "--top", "1");
    expect(lines(said.out).map(({ label }) => ["red", "blue"].includes(String(label)))).toEqual([true, true]);
  });

  it("learns by a support vector machine on deep features, which predict uses as any network", () => {
    const { code, out, err } = fovea(
      "finetune",
      network[0],
      "photos",
      ...network.slice(1),
      "--strategy",
      "svm",
      "--out",
      "svm",
    );
    expect(code, err).toBe(0);
    expect(out).toMatch(/^100\.0 % of 8 validation pictures right/);
    expect(readFileSync(join(work, "svm/report.html"), "utf8")).not.toMatch(/NaN|<h2>Loss|What learns/);
    const said = fovea("predict", "svm", "photos/val/red/0.png", "photos/val/blue/0.png", "--json");
    expect(said.code, said.err).toBe(0);
    expect(lines(said.out).map(({ label }) => label)).toEqual(["red", "blue"]);
    expect(fovea("finetune", "svm", "photos").err).toMatch(
      /svm ends in a support vector machine; fine-tune the network/,
    );
  });

  describe("bad data", () => {
    const svm = ["--strategy", "svm", "--out"] as const;
    const run = (folder: string, ...more: string[]) =>
      fovea("finetune", network[0], folder, ...network.slice(1), ...more);

    it("pictures of no bytes, cut short or of another kind are left out and told; --strict refuses them", async () => {
      await copyPhotos("damaged");
      const whole = readFileSync(join(work, "photos/train/red/0.png"));
      writeFileSync(join(work, "damaged/train/red/empty.png"), "");
      writeFileSync(join(work, "damaged/train/blue/cut.png"), whole.subarray(0, whole.length / 2));
      writeFileSync(join(work, "damaged/val/blue/text.jpg"), "no picture");
      const { code, out, err } = run("damaged", ...svm, "damaged-run");
      expect(code, err).toBe(0);
      for (const name of ["empty.png", "cut.png", "text.jpg"])
        expect(err).toMatch(new RegExp(`left out: .*${name.replace(".", "\\.")}`));
      expect(err).toMatch(/note: 4 files cannot be read: left out/);
      expect(out).toMatch(/of 8 validation pictures right/);
      const strict = run("damaged", ...svm, "strict-run", "--strict");
      expect([strict.code, existsSync(join(work, "strict-run"))]).toEqual([1, false]);
      expect(strict.err).toMatch(/^fovea: .*(broken|empty|cut)\.png/);
    });

    it("an empty class folder is told; --strict refuses it", async () => {
      await copyPhotos("gap");
      mkdirSync(join(work, "gap/train/green"));
      const { code, err } = run("gap", ...svm, "gap-run");
      expect(code, err).toBe(0);
      expect(err).toMatch(/note: the class folder gap.train.green has no pictures: there is no class green/);
      const strict = run("gap", ...svm, "gap-strict", "--strict");
      expect([strict.code, strict.err]).toEqual([1, expect.stringMatching(/^fovea: the class folder .*green has no/)]);
    });

    it.each([
      ["one class only", "train/blue", /cannot be trained with: there is one class only \(red\)/],
      ["a class without a readable picture", "train/blue/*", /cannot be trained with: class blue has no pictures that/],
    ])("%s is refused", async (_, spoilt, message) => {
      await copyPhotos("spoilt");
      if (spoilt.endsWith("*"))
        for (const name of readdirSync(join(work, "spoilt/train/blue")))
          writeFileSync(join(work, "spoilt/train/blue", name), "");
      else for (const part of ["train", "val"]) rmSync(join(work, "spoilt", part, "blue"), { recursive: true });
      const { code, err } = run("spoilt", ...svm, "spoilt-run");
      expect([code, err.split("\n").length, existsSync(join(work, "spoilt-run"))]).toEqual([1, 2, false]);
      expect(err).toMatch(message);
    });

    it("a class that only the validation has is refused, with the name that may be meant", async () => {
      await copyPhotos("renamed");
      renameSync(join(work, "renamed/val/red"), join(work, "renamed/val/Red"));
      const { code, err } = run("renamed", ...svm, "renamed-run");
      expect([code, existsSync(join(work, "renamed-run"))]).toEqual([1, false]);
      expect(err).toMatch(
        /^fovea: renamed: validation has a class "Red" that train does not have .* did you mean "red"\?/,
      );
    });
  });

  it("chooses a strategy and says why", () => {
    const { code, err } = fovea("finetune", network[0], "photos", ...network.slice(1), "--out", "auto");
    expect(code, err).toBe(0);
    expect(err).toMatch(/strategy svm: with 8 training pictures in the smallest class/);
  });

  it("lr-find suggests rates for a folder of pictures, and draws the curve", () => {
    const options = ["--batch-size", "4", "--iterations", "20", "--out", "lr.svg", "--json"];
    const { code, out, err } = fovea("lr-find", "resnet20.cifar", "--data", "photos", ...options);
    expect(code, err).toBe(0);
    const [{ suggestions, points }] = lines(out) as [{ suggestions: Record<string, number>; points: { lr: number }[] }];
    expect(Object.keys(suggestions)).toEqual(["valley", "slide", "minimum", "steep"]);
    expect(points[0]!.lr).toBe(1e-7);
    expect(readFileSync(join(work, "lr.svg"), "utf8")).toMatch(/^<svg xmlns="[^"]+"[^]*valley[^]*<\/svg>\n$/);
  });

  it.each([
    [["nothing.safetensors", "photos"], /there is no network, no file and no published weights "nothing.safetensors"/],
    [["resnet20.cifar", "photos"], /resnet20.cifar is a network without weights; take resnet20.cifar10/],
    [["resnet20.cifar", "photos/train/red", "--from-scratch"], /no training pictures/],
    [["resnet20.cifar", "photos", "--from-scratch", "--strategy", "head"], /--from-scratch trains everything/],
    [["unet", "photos", "--from-scratch"], /unet\.\w+ is no classifier/],
    [["resnet20.cifar", "missing", "--from-scratch"], /missing/],
  ])("refuses %s", (args, message) => {
    const { code, err } = fovea("finetune", ...args);
    expect(code).not.toBe(0);
    expect(err).toMatch(message);
  });
});
