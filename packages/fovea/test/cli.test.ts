import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchResult } from "../src/cli/benchRun.ts";
import { decodeTensors } from "../src/train/weights.ts";
import { strokes } from "../src/data/datasets/strokes.ts";
import { encodeSafetensors } from "../src/io/safetensors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = join(root, "bin/fovea.js");
let work: string;

beforeAll(() => {
  if (!existsSync(join(root, "dist/node/cli.js"))) throw new Error("these tests run the built command: npm run build");
  work = mkdtempSync(join(tmpdir(), "fovea-cli-"));
  writeData("mini");
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** An idx file: element type 8 (bytes), sizes, bytes. */
function idx(shape: readonly number[], bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((d, i) => header.writeUInt32BE(d, 4 + 4 * i));
  return Buffer.concat([header, bytes]);
}

/** A folder with images in files named as MNIST's. */
function writeData(name: string, trainCount = 330): string {
  const folder = join(work, name);
  mkdirSync(folder);
  for (const [split, stem, count] of [
    ["train", "train", trainCount],
    ["test", "t10k", 60],
  ] as const) {
    const { images, labels } = strokes({ count, split });
    writeFileSync(join(folder, `${stem}-images-idx3-ubyte`), idx([count, 28, 28], images));
    writeFileSync(join(folder, `${stem}-labels-idx1-ubyte`), idx([count], labels as Uint8Array));
  }
  return folder;
}

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function fovea(
  args: readonly string[],
  { env = {}, script = bin }: { env?: NodeJS.ProcessEnv; script?: string } = {},
): Result {
  const done = spawnSync(process.execPath, [script, ...args], {
    cwd: work,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** Small and quick: 9 steps an epoch. */
const small = ["train", "--data", "mini", "--batch-size", "34"];

/** One line on stderr, nothing on stdout, and no stack. */
function expectFailure(result: Result, code: number, message: RegExp): void {
  expect(result.err).toMatch(message);
  expect(result.err.trim().split("\n")).toHaveLength(1);
  expect(result).toMatchObject({ code, out: "" });
}

const read = (run: string, file: string) => readFileSync(join(work, run, file));

function cut(file: string): void {
  writeFileSync(file, readFileSync(file).subarray(0, 5000));
}

function zipAndCut(file: string): void {
  const zipped = gzipSync(readFileSync(file));
  rmSync(file);
  writeFileSync(`${file}.gz`, zipped.subarray(0, zipped.length >> 1));
}

const good = () => readFileSync(join(work, "first/best.safetensors"));

/** A file with this header and so many bytes of data. */
const withHeader = (header: string, bytes = 0) => {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(bytes)]);
};

const one = (offsets: string, dtype = "F32") => `{"a":{"dtype":"${dtype}","shape":[1],"data_offsets":${offsets}}}`;

/** Errors in training come after lines of progress; the last line is the error. */
const lastLine = (text: string) => text.trim().split("\n").at(-1)!;

describe("fovea train", () => {
  it("leaves a run folder with everything in it, and speaks of the result on stdout only", () => {
    const { code, out, err } = fovea([...small, "--epochs", "2", "--out", "first"]);
    expect(err).toMatch(/lenet5, 61,706 parameters/);
    expect(err).toMatch(/epoch 2\/2 .* images\/s/);
    expect(out).toMatch(/^test accuracy \d/);
    expect(out).not.toMatch(/epoch 1\/2/);
    expect(code).toBe(0);
    const files = ["best.safetensors", "checkpoint", "config.json", "last.safetensors", "metrics.jsonl", "report.html"];
    expect(readdirSync(join(work, "first")).toSorted()).toEqual(files);
    expect(readFileSync(join(work, "first/report.html"), "utf8")).toMatch(/^<!doctype html>/);
  });

  it("--json prints an object per epoch, and a last one with these keys", () => {
    const { out } = fovea([...small, "--epochs", "2", "--out", "json", "--json", "--threads", "1"]);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ event, epoch }) => [event, epoch])).toEqual([
      ["epoch", 1],
      ["epoch", 2],
      ["done", undefined],
    ]);
    const keys = "event model parameters engine threads epochs testAccuracy testLoss imagesPerSecond seconds out";
    expect(Object.keys(lines[2]!).join(" ")).toBe(keys);
    expect(lines[2]).toMatchObject({ model: "lenet5", parameters: 61706, threads: 1, epochs: 2, out: "json" });
    // The weights remember how pictures are normalised: what measures them later gets the same numbers.
    const { metadata } = decodeTensors(readFileSync(join(work, "json/best.safetensors")), "best.safetensors");
    const { normalization } = JSON.parse(metadata.get("fovea.model")!) as { readonly normalization: object };
    expect(normalization).toEqual({ mean: [expect.any(Number)], std: [expect.any(Number)] });
    const later = JSON.parse(fovea(["evaluate", "json", "--json", "--threads", "1"]).out) as Record<string, unknown>;
    expect([later["accuracy"], later["loss"]]).toEqual([lines[2]!["testAccuracy"], lines[2]!["testLoss"]]);
  });

  it("the same seed gives the same bytes, also replayed from config.json; another seed gives others", () => {
    fovea(["train", "--config", "first/config.json", "--out", "again"]);
    fovea(["train", "--config", "first", "--seed", "1", "--out", "other"]);
    for (const file of ["metrics.jsonl", "last.safetensors", "best.safetensors"]) {
      expect(read("again", file).equals(read("first", file))).toBe(true);
      expect(read("other", file).equals(read("first", file))).toBe(false);
    }
  });

  it("numbers runs that are given no folder", () => {
    const runs = [1, 2].map(() =>
      fovea([...small, "--epochs", "1", "--json"])
        .out.trim()
        .split("\n")
        .at(-1)!,
    );
    expect(runs.map((line) => (JSON.parse(line) as { out: string }).out)).toEqual([
      "runs/lenet5-mini-1",
      "runs/lenet5-mini-2",
    ]);
  });
});

describe("fovea train on a folder of pictures", () => {
  /** Digits as pictures of several sizes, by class, below `folder`. */
  async function writePictures(folder: string, classes: readonly string[], count: number): Promise<void> {
    const { images, labels } = strokes({ count: 60 * classes.length });
    for (const [label, name] of classes.entries()) {
      mkdirSync(join(work, folder, name), { recursive: true });
      const places = [...labels.keys()].filter((i) => labels[i] === label).slice(0, count);
      for (const [n, place] of places.entries()) {
        const raw = { width: 28, height: 28, channels: 1 } as const;
        const picture = sharp(Buffer.from(images.subarray(place * 784, place * 784 + 784)), { raw });
        await picture
          .resize(20 + n, 30)
          .png()
          .toFile(join(work, folder, name, `${n}.png`));
      }
    }
  }

  it("trains with every option, and leaves out what cannot be read", async () => {
    await writePictures("photos", ["one", "two", "three"], 12);
    writeFileSync(join(work, "photos/one/empty.png"), "");
    writeFileSync(join(work, "photos/two/broken.png"), "not a picture");
    mkdirSync(join(work, "photos/nothing"));
    const options =
      "--epochs 2 --batch-size auto --augment randaugment --mixup --cutmix 0.5 --ema --early-stop 3 --clip 1 --accumulate 2 " +
      "--workers 1 --optimizer muon --weight-decay 0.05 --momentum 0.9 --schedule plateau --label-smoothing 0.1";
    const { code, err } = fovea(["train", "--data", "photos", ...options.split(" "), "--tensorboard", "--time", "5m", "--out", "pics"]); // prettier-ignore
    expect(err).toMatch(/photos\/nothing has no pictures: there is no class nothing/);
    expect(err).toMatch(/left out: .*empty\.png/);
    expect(err).toMatch(/left out: .*broken\.png/);
    expect(err).toMatch(/batch size \d+: as much as fits/);
    expect(code).toBe(0);
    expect(readdirSync(join(work, "pics/tensorboard/train"))[0]).toMatch(/^events\.out\.tfevents\./);
    const { train } = JSON.parse(readFileSync(join(work, "pics/config.json"), "utf8")) as { train: object };
    expect(train).toMatchObject({
      epochs: 2,
      augment: "randaugment",
      mixup: 0.2,
      cutmix: 0.5,
      ema: 0.999,
      earlyStop: 3,
      clip: 1,
      time: 300,
    });
    expect(fovea(["evaluate", "pics", "--json"]).code).toBe(0);
  });

  it("with --strict refuses what it would leave out", async () => {
    await writePictures("bad", ["one", "two"], 3);
    writeFileSync(join(work, "bad/one/empty.png"), "");
    expectFailure(fovea(["train", "--data", "bad", "--strict"]), 1, /empty\.png/);
  });

  it("gives the same weights with and without workers", () => {
    const run = (workers: string) => {
      const out = `workers-${workers}`;
      fovea(["train", "--data", "photos", "--epochs", "1", "--batch-size", "8", "--augment", "crop", "--workers", workers, "--out", out]); // prettier-ignore
      return readFileSync(join(work, out, "last.safetensors"));
    };
    expect(run("0").equals(run("2"))).toBe(true);
  });

  it("refuses one class, and classes that differ between the parts", async () => {
    await writePictures("single", ["one"], 3);
    expectFailure(
      fovea(["train", "--data", "single"]),
      1,
      /single cannot be trained with: there is one class only \(one\)/,
    );
    await writePictures("parts/train", ["one", "two"], 4);
    await writePictures("parts/val", ["one", "tow"], 2);
    expectFailure(
      fovea(["train", "--data", "parts"]),
      1,
      /has a class "tow" that train does not have .* did you mean "two"/,
    );
  });

  it("is not resumed on other data", async () => {
    await writePictures("changing", ["one", "two"], 6);
    fovea(["train", "--data", "changing", "--epochs", "1", "--batch-size", "4", "--out", "changed"]);
    rmSync(join(work, "changing/one/0.png"));
    rmSync(join(work, "changing/two/0.png"));
    const { code, err } = fovea(["train", "--resume", "changed"]);
    expect([code, lastLine(err)]).toEqual([
      1,
      expect.stringMatching(/is of a run on other data: examples: \d+ then, \d+ now/),
    ]);
  });
});

describe("Ctrl-C", () => {
  /** Enough steps that the second epoch can be hit in the middle. */
  const slow = ["train", "--data", "many", "--batch-size", "1", "--epochs", "3", "--threads", "1", "--engine", "wasm"];
  const perEpoch = 1500;
  beforeAll(() => void writeData("many", 1650));

  /**
   * Starts a run and sends Ctrl-C a moment into the second epoch; returns also the step of the newest checkpoint.
   * A busy machine may deliver it late: a run that was not met inside of an epoch is started again.
   */
  async function interrupt(run: string, tries = 4): Promise<Result & { step: number }> {
    const child = spawn(process.execPath, [bin, ...slow, "--out", run], { cwd: work });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text: Buffer) => (out += String(text)));
    child.stderr.on("data", (text: Buffer) => (err += String(text)));
    const poll = setInterval(() => {
      if (!existsSync(join(work, run, "checkpoint/step-000001500-epoch-00001"))) return;
      clearInterval(poll);
      setTimeout(() => child.kill("SIGINT"), 80);
    }, 5);
    child.on("close", () => clearInterval(poll));
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    const newest = readdirSync(join(work, run, "checkpoint"))
      .toSorted()
      .at(-1)!;
    const step = Number(/step-(\d+)/.exec(newest)![1]);
    if (step % perEpoch > 0 || tries === 1) return { code, out, err, step };
    rmSync(join(work, run), { recursive: true });
    return interrupt(run, tries - 1);
  }

  it("saves; --resume goes on to exactly the numbers of a run that was not stopped", async () => {
    const whole = fovea([...slow, "--out", "whole"]);
    expect(whole.code).toBe(0);
    const { code, out, err, step } = await interrupt("cut");
    expect([code, out]).toEqual([130, ""]);
    expect(step).toBeGreaterThan(perEpoch);
    expect(step).toBeLessThan(3 * perEpoch);
    expect(step % perEpoch).toBeGreaterThan(0);
    expect(err).toMatch(/stopped after step [\d,]+ and saved; go on with: fovea train --resume cut/);
    expect(readFileSync(join(work, "cut/metrics.jsonl"), "utf8").length).toBeLessThan(
      readFileSync(join(work, "whole/metrics.jsonl"), "utf8").length,
    );
    // What a crash may leave: lines after the checkpoint, and half a line.
    writeFileSync(join(work, "cut/metrics.jsonl"), '{"event":"epoch","epoch":9}\n{"eve', { flag: "a" });
    const resumed = fovea(["train", "--resume", "cut"]);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toMatch(/going on after step/);
    for (const file of ["metrics.jsonl", "last.safetensors", "best.safetensors"]) {
      const same = readFileSync(join(work, "cut", file)).equals(readFileSync(join(work, "whole", file)));
      expect([file, same]).toEqual([file, true]);
    }
    expect(existsSync(join(work, "cut/report.html"))).toBe(true);
  });

  it("resume passes over a damaged checkpoint, and says so", async () => {
    await interrupt("damaged");
    const parent = join(work, "damaged/checkpoint");
    const newest = readdirSync(parent).toSorted().at(-1)!;
    writeFileSync(join(parent, newest, "weights.safetensors"), "x");
    const { code, err } = fovea(["train", "--resume", "damaged"]);
    expect(err).toMatch(/passed over a damaged checkpoint: .*weights\.safetensors has 1 bytes/);
    expect(code).toBe(0);
    expect(readFileSync(join(work, "damaged/metrics.jsonl"), "utf8")).toBe(
      readFileSync(join(work, "whole/metrics.jsonl"), "utf8"),
    );
  });
});

describe("fovea evaluate and predict", () => {
  it("measures a run and a weights file alike", () => {
    const run = fovea(["evaluate", "first", "--json"]);
    const file = fovea(["evaluate", "first/best.safetensors", "--data", "mini", "--json"]);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.out)).toEqual(JSON.parse(file.out));
    const { images, confusion } = JSON.parse(run.out) as { images: number; confusion: number[][] };
    expect(images).toBe(60);
    expect(confusion.flat().reduce((a, b) => a + b)).toBe(60);
    expect(fovea(["evaluate", "first"]).out).toMatch(/^accuracy .* on 60 images \(mini\)/);
  });

  it("reads PNG and JPEG of any size and says what is on them", async () => {
    const { images } = strokes({ count: 1 });
    const picture = () =>
      sharp(Buffer.from(images.map((v) => 255 - v)), { raw: { width: 28, height: 28, channels: 1 } });
    await picture().png().toFile(join(work, "a.png"));
    await picture().resize(311, 311).jpeg().toFile(join(work, "b.jpg"));
    const { code, out } = fovea(["predict", "first", "a.png", "b.jpg"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^a\.png: \d\n( {2}\d [█░]{40} +[\d.]+ %\n){5}b\.jpg: \d\n/);
    const json = fovea(["predict", "first", "a.png", "b.jpg", "--top", "10", "--json"]).out.trim().split("\n");
    const [a, b] = json.map((line) => JSON.parse(line) as { label: string; top: { probability: number }[] });
    expect(a!.label).toBe(b!.label);
    expect(a!.top.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  });

  it("a picture that is none is named", () => {
    expectFailure(
      fovea(["predict", "first", "first/config.json"]),
      1,
      /first\/config\.json is neither a JPEG nor a PNG/,
    );
    expectFailure(fovea(["predict", "first", "none.png"]), 1, /cannot read none\.png/);
  });
});

describe("fovea bench", () => {
  const quick = ["bench", "lenet5", "--seconds", "0.05", "--threads", "1"];

  it("measures inference and training, and reports them as JSON", () => {
    for (const [train, factor] of [
      [[], 1],
      [["--train"], 3],
    ] as const) {
      const { code, out, err } = fovea([...quick, "--batch", "2", "--json", ...train]);
      expect({ code, err: err.replace(/^wasm serves.*\n/, "") }).toEqual({ code: 0, err: "" });
      const result = JSON.parse(out) as BenchResult;
      // the multiply–adds of the first layer: 28² positions of 6 · 5², of the second 10² of 16 · 6 · 5², then 400·120 + 120·84 + 84·10
      const macs = 784 * 150 + 100 * 2400 + 400 * 120 + 120 * 84 + 84 * 10;
      expect(result).toMatchObject({ input: [2, 1, 28, 28], operations: 2 * 2 * macs * factor });
      expect(result.p95Ms).toBeGreaterThanOrEqual(result.medianMs);
      expect(result.imagesPerSecond).toBeCloseTo(2000 / result.medianMs, 6);
      expect(result.peakPerSecond).toBeGreaterThan(1e8);
      expect(result.residentBytes).toBeGreaterThan(result.planBytes);
    }
  });

  it("prints what people read", () => {
    const { out } = fovea([...quick, "--engine", "wasm"]);
    expect(out).toMatch(/^lenet5, inference on \[1, 1, 28, 28\]: wasm engine, .*simd.*, 1 thread\n/);
    expect(out).toMatch(
      /\nlatency .* ms \(median of .*\nthroughput .* images\/s\narithmetic .* GFLOP\/s, .* % of the peak/,
    );
  });

  it("lists every op with its time where asked", () => {
    const { out } = fovea([...quick, "--layers"]);
    // the multiply–adds of both convolutions: 28² positions of 6 · 5², and 10² of 16 · 6 · 5²
    expect(out).toMatch(
      /\n.*conv2d\w* +\[1, 6, 28, 28\] .* 0\.12 .*\n(.*\n)*.*conv2d\w* +\[1, 16, 10, 10\] .* 0\.24 /i,
    );
    const { layers } = JSON.parse(fovea([...quick, "--layers", "--train", "--json"]).out) as {
      layers: { rows: { op: string; ms: number; kernels: string[] }[] };
    };
    expect(layers.rows.filter(({ op, ms }) => op.includes("Grad") && ms > 0).length).toBeGreaterThan(3);
  });

  it("has no peak of the reference engine", () => {
    const { out } = fovea(["bench", "lenet5", "--seconds", "0.01", "--engine", "reference", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ peakPerSecond: null });
  });

  it("names the model that was meant, and the layer that an image does not fit", () => {
    expectFailure(fovea(["bench", "lenet"]), 2, /no model "lenet"; did you mean "lenet5"/);
    expectFailure(fovea(["bench", "lenet5", "--batch", "0"]), 2, /--batch: "0" is not a whole number from 1/);
    expectFailure(fovea(["bench", "lenet5", "--size", "32"]), 1, /fc1|Linear/);
  });
});

describe("fovea doctor", () => {
  it("prints one JSON object, with a reason for each engine that is not there", () => {
    const { code, out } = fovea(["doctor", "--json"], { env: { FOVEA_ENGINE: "wasm", FOVEA_THREADS: "1" } });
    expect(code).toBe(0);
    const facts = JSON.parse(out) as {
      engine: string;
      threads: number;
      engines: { name: string; available: boolean; notes: string[] }[];
    };
    expect(facts).toMatchObject({ engine: "wasm", threads: 1 });
    expect(facts.engines.map(({ name }) => name)).toEqual(["native", "wasm", "reference"]);
    for (const { available, notes } of facts.engines) expect(available || notes.length > 0).toBe(true);
    expect(fovea(["doctor"]).out).toMatch(/in use/);
  });
});

describe("a wrong command line ends with 2 and one line", () => {
  it.each([
    [["trian"], /unknown command 'trian' \(Did you mean train\?\)/],
    [["train", "--epoch", "3"], /unknown option '--epoch' \(Did you mean --epochs\?\)/],
    [["train", "--epochs", "0"], /--epochs: "0" is not a whole number from 1/],
    [["train", "--epochs"], /'--epochs <n>' argument missing/],
    [["train", "--engine", "nativ"], /did you mean native\?/],
    [["train", "--optimizer", "adma"], /did you mean adam\?/],
    [["train", "--lr", "fast"], /--lr: "fast" is not a number above 0/],
    [["train", "--model", "lenet"], /did you mean "lenet5"\?/],
    [["train", "--model", "resnet20.cifar", "--pooling", "avg"], /resnet20\.cifar has no --pooling; .*lenet5/],
    [["train", "here"], /too many arguments/],
    [["train", "--resume", "first", "--epochs", "3"], /does not go with --epochs/],
    [["evaluate"], /missing required argument/],
    [["predict", "first"], /missing required argument 'image'/],
  ])("%j", (args, message) => expectFailure(fovea(args), 2, message));

  it("help and version end with 0", () => {
    expect(fovea(["--version"])).toMatchObject({ code: 0, out: "0.1.0\n", err: "" });
    for (const command of [
      "train",
      "lr-find",
      "finetune",
      "evaluate",
      "predict",
      "zoo",
      "summary",
      "bench",
      "doctor",
    ]) {
      const { code, out, err } = fovea([command, "--help"]);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(/Examples:\n {2}\S/);
    }
    const names = [
      "train",
      "lr-find",
      "finetune",
      "evaluate",
      "predict",
      "features",
      "zoo",
      "summary",
      "inspect",
      "convert",
      "bench",
      "doctor",
    ];
    expect(fovea(["--help"]).out).toMatch(new RegExp(names.map((name) => `\n  ${name} `).join("[^]*")));
  });
});

describe("bad data ends with 1 and one line, and leaves no run", () => {
  const images = "train-images-idx3-ubyte";
  const labels = "train-labels-idx1-ubyte";
  it.each([
    ["no such folder", () => rmSync(join(work, "bad"), { recursive: true }), /no data set and no folder "bad"/],
    ["a missing file", (f: string) => rmSync(join(f, labels)), /bad has no file train-labels/],
    ["a file cut short", (f: string) => cut(join(f, images)), /not a sound idx file/],
    [
      "a gz cut short",
      (f: string) => zipAndCut(join(f, images)),
      /\.gz is not a sound idx file: its gzip stream is damaged/,
    ],
    ["a wrong magic", (f: string) => writeFileSync(join(f, labels), "hello, world"), /it starts with 68 65 6c 6c/],
    [
      "labels of another length",
      (f: string) => writeFileSync(join(f, labels), idx([3], Uint8Array.of(1, 2, 3))),
      /330 images, but .* 3 labels/,
    ],
    [
      "a label that training does not have",
      (f: string) => writeFileSync(join(f, "t10k-labels-idx1-ubyte"), idx([60], new Uint8Array(60).fill(12))),
      /knows 10 classes, but bad test has 13/,
    ],
    [
      "images of another size",
      (f: string) => {
        writeFileSync(join(f, images), idx([330, 8, 8], new Uint8Array(330 * 64)));
      },
      /takes images \[1, 28, 28\], but .* has \[1, 8, 8\]/,
    ],
  ])("%s", (_, damage, message) => {
    rmSync(join(work, "bad"), { recursive: true, force: true });
    damage(writeData("bad"));
    expectFailure(fovea(["train", "--data", "bad", "--out", "bad-run"]), 1, message);
    expect(existsSync(join(work, "bad-run"))).toBe(false);
  });
});

describe("bad weights end with 1 and one line", () => {
  it.each([
    ["cut short", () => good().subarray(0, 1000), /not a sound safetensors file/],
    ["empty", () => Buffer.alloc(0), /not a sound safetensors file/],
    [
      "a header longer than the file",
      () => Buffer.from([255, 255, 0, 0, 0, 0, 0, 0, 123]),
      /not a sound safetensors file/,
    ],
    ["offsets out of range", () => withHeader(one("[0,400]"), 4), /not a sound safetensors file/],
    [
      "overlapping offsets",
      () =>
        withHeader(
          `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`,
          6,
        ),
      /overlaps/,
    ],
    ["an unknown dtype", () => withHeader(one("[0,4]", "F99"), 4), /F99/],
    [
      "other names",
      () => encodeSafetensors(new Map([["conv9.weight", { dtype: "F32", shape: [1], data: new Float32Array(1) }]])),
      /missing 10: conv1\.weight.*unexpected 1: conv9\.weight/,
    ],
    [
      "a name such as __proto__",
      () => encodeSafetensors(new Map([["__proto__", { dtype: "F32", shape: [1], data: new Float32Array(1) }]])),
      /unexpected 1: __proto__/,
    ],
  ])("%s", (_, bytes, message) => {
    writeFileSync(join(work, "bad.safetensors"), bytes());
    expectFailure(fovea(["evaluate", "bad.safetensors", "--data", "mini"]), 1, message);
  });

  it("a path that is nothing, and a folder that is no run", () => {
    expectFailure(fovea(["evaluate", "nothing"]), 1, /there is no run and no file nothing/);
    expectFailure(fovea(["evaluate", "mini"]), 1, /mini is not a run: it has no config\.json/);
    expectFailure(fovea(["train", "--resume", "mini"]), 1, /mini is not a run/);
  });
});

describe("other trouble ends with 1 and one line", () => {
  it("an --out that cannot be written, or that holds something", () => {
    writeFileSync(join(work, "file"), "");
    expectFailure(fovea([...small, "--out", "file/run"]), 1, /cannot write .*file\/run/);
    expectFailure(fovea([...small, "--out", "first"]), 1, /first holds a run already; go on with it by --resume first/);
    expectFailure(fovea([...small, "--out", "mini"]), 1, /mini is not empty/);
  });

  it("a loss that is not finite: the step and the first layer are named", () => {
    const { code, out, err } = fovea([...small, "--optimizer", "sgd", "--lr", "1e30", "--out", "nan"]);
    expect([code, out]).toEqual([1, ""]);
    expect(lastLine(err)).toMatch(
      /^fovea: training stopped: the loss became (NaN|-?Infinity) at step 2: the first layer to give (NaN|-?Infinity) is (conv|fc)\d \((Conv2d|Linear)\(/,
    );
    expect(existsSync(join(work, "nan/best.safetensors"))).toBe(false);
    expectFailure(fovea(["train", "--resume", "nan"]), 1, /nan cannot be resumed: it has no checkpoint yet/);
  });

  it("a config.json that is none", () => {
    writeFileSync(join(work, "c.json"), "{");
    expectFailure(fovea(["train", "--config", "c.json"]), 1, /c\.json is not JSON/);
    writeFileSync(join(work, "c.json"), '{"train":{"epochs":"many"}}');
    expectFailure(fovea(["train", "--config", "c.json"]), 1, /c\.json: "epochs": "many" is not a whole number/);
    expectFailure(fovea(["train", "--config", "none.json"]), 1, /cannot read none\.json/);
  });

  it("--engine native where there is none; without it wasm serves", () => {
    const copy = join(work, "copy");
    const isNative = (path: string) => path.startsWith(join(root, "dist/native"));
    for (const part of ["bin", "dist", "package.json"]) {
      cpSync(join(root, part), join(copy, part), { recursive: true, filter: (path) => !isNative(path) });
    }
    const packages = [join(root, "node_modules"), join(root, "../../node_modules")].filter(existsSync);
    symlinkSync(packages.at(-1)!, join(copy, "node_modules"));
    const script = join(copy, "bin/fovea.js");
    expectFailure(
      fovea([...small, "--engine", "native"], { script }),
      1,
      /the native engine is not available: .*wasm serves/,
    );
    expect(JSON.parse(fovea(["doctor", "--json"], { script, env: { FOVEA_ENGINE: "" } }).out)).toMatchObject({
      engine: "wasm",
    });
    expectFailure(
      fovea(["doctor"], { script, env: { FOVEA_ENGINE: "native" } }),
      1,
      /the native engine is not available/,
    );
  });

  it("FOVEA_DEBUG=1 shows where an error came from", () => {
    expect(fovea(["evaluate", "nothing"], { env: { FOVEA_DEBUG: "1" } }).err).toMatch(/\n +at /);
  });
});
