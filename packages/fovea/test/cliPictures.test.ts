import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imagenetClasses } from "../src/data/imagenetClasses.ts";
import { manualSeed, models } from "../src/index.ts";
import { parseNpz } from "../src/io/npz.ts";
import { readTar } from "../src/io/tar.ts";
import { encodeTensors } from "../src/train/weights.ts";
import { repository, sharedFolder, temporaryFolder } from "./workspace.ts";

const { path: work, remove } = temporaryFolder();
const cli = join(repository, "packages/fovea/bin/fovea.js");

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function fovea(...args: string[]): Result {
  const env = { ...process.env, FOVEA_CACHE: join(work, "cache"), FOVEA_OFFLINE: "1" };
  const done = spawnSync(process.execPath, [cli, ...args], { cwd: work, encoding: "utf8", env });
  const err = done.stderr.replace(/^wasm serves.*\n/, "");
  return { code: done.status, out: done.stdout, err };
}

const json = <T>({ out }: Result): T[] =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

interface Line {
  readonly image: string;
  readonly label: string;
  readonly top: readonly { readonly label: string; readonly index: number; readonly probability: number }[];
}

/** Network and a file with weights for it that are made here. */
const network = ["resnet20.cifar10", "--weights", "weights.safetensors"] as const;
const [name, ...weights] = network;

beforeAll(async () => {
  if (!existsSync(cli)) throw new Error("these tests run the built command: npm run build");
  manualSeed(3);
  const state = models.create("resnet20.cifar").stateDict();
  writeFileSync(join(work, "weights.safetensors"), await encodeTensors(state));
  mkdirSync(join(work, "photos/more"), { recursive: true });
  const picture = (colour: string) => sharp({ create: { width: 60, height: 40, channels: 3, background: colour } });
  await picture("#c63").png().toFile(join(work, "photos/a.png"));
  await picture("#36c").jpeg().toFile(join(work, "photos/more/b.jpg"));
  await picture("#3c6").webp().toFile(join(work, "photos/more/c.webp"));
  writeFileSync(join(work, "photos/notes.txt"), "no picture");
  writeFileSync(join(work, "bad.jpg"), readFileSync(join(work, "photos/more/b.jpg")).subarray(0, 200));
});
afterAll(remove);

describe("fovea predict with weights", () => {
  it("shows the best classes with bars", () => {
    const { code, out, err } = fovea("predict", name, "photos/a.png", ...weights, "--top", "3");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^photos\/a\.png: (\w+)\n {2}\1 +[█░]{40} +[\d.]+ %\n( {2}\w+ +[█░]{40} +[\d.]+ %\n){2}$/);
  });

  it("takes folders and patterns, in batches of any size, with the same numbers", () => {
    const all = json<Line>(fovea("predict", name, "photos", ...weights, "--json", "--batch", "2"));
    expect(all.map(({ image }) => image)).toEqual(["photos/a.png", "photos/more/b.jpg", "photos/more/c.webp"]);
    for (const { label, top } of all) {
      expect(top).toHaveLength(5);
      expect(top[0]!.label).toBe(label);
    }
    const some = json<Line>(fovea("predict", name, "photos/**/*.jpg", ...weights, "--json"));
    expect(some.map(({ image }) => image)).toEqual(["photos/more/b.jpg"]);
    expect(some[0]!.top.map(({ index }) => index)).toEqual(all[1]!.top.map(({ index }) => index));
    expect(some[0]!.top[0]!.probability).toBeCloseTo(all[1]!.top[0]!.probability, 5);
  });

  it("tells of bad pictures while the rest go on, and ends with 1", () => {
    const result = fovea(
      "predict",
      name,
      "photos/a.png",
      "bad.jpg",
      "none.png",
      "photos/more/b.jpg",
      ...weights,
      "--json",
    );
    expect(result.code).toBe(1);
    expect(json<Line>(result).map(({ image }) => image)).toEqual(["photos/a.png", "photos/more/b.jpg"]);
    const lines = result.err.trim().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^fovea: bad\.jpg is not a sound JPEG file: /);
    expect(lines[1]).toMatch(/^fovea: cannot read none\.png: there is no such file/);
    expect(lines[2]).toBe("2 of 4 pictures could not be read");
  });

  it.each<[string[], number, RegExp]>([
    [["resnet50", "photos"], 1, /no published weights "resnet50"; did you mean resnet50\.imagenet1k-v1\?/],
    [["resnet20.cifar", "photos"], 1, /is a network without weights; weights for it are resnet20\.cifar10/],
    [["resnet44.cifar10", "photos"], 1, /resnet44-014dd654\.th by hand and put it at .*cache\/resnet44-014dd654\.th/],
    [["weights.safetensors", "photos"], 1, /does not say of which network; name the weights too/],
    [["resnet32.cifar10", "photos", ...weights], 1, /weights\.safetensors does not fit the network/],
    [[name, "*.gif", ...weights], 1, /no file fits the pattern \*\.gif/],
    [[name, "cache", ...weights], 1, /the folder cache has no JPEG, PNG or WebP files/],
    [[name, "photos", ...weights, "--top", "0"], 2, /--top: "0" is not a whole number/],
  ])("%j ends with %d", (args, code, message) => {
    mkdirSync(join(work, "cache"), { recursive: true });
    const result = fovea("predict", ...args);
    expect(result.err).toMatch(message);
    expect(result).toMatchObject({ code, out: "" });
  });
});

describe("fovea features", () => {
  it("writes an array for each layer", () => {
    const args = ["--layer", "layer2,layer1.0.relu", "--out", "deep/maps.npz", "--batch", "2", "--json"];
    const result = fovea("features", name, "photos", ...weights, ...args);
    expect({ code: result.code, err: result.err }).toEqual({ code: 0, err: "" });
    const [told] = json<{ out: string; layers: Record<string, number[]>; images: string[] }>(result);
    expect(told).toMatchObject({ out: "deep/maps.npz", layers: { layer2: [3, 32, 16, 16] } });
    expect(told!.images).toHaveLength(3);
    const arrays = parseNpz(new Uint8Array(readFileSync(join(work, "deep/maps.npz"))), "maps.npz");
    expect([...arrays].map(([key, { shape }]) => [key, shape])).toEqual([
      ["layer2", [3, 32, 16, 16]],
      ["layer1.0.relu", [3, 16, 32, 32]],
    ]);
  });

  it("pools, lists the names, and says which one was meant", () => {
    fovea("features", name, "photos/a.png", ...weights, "--layer", "layer3", "--pool");
    const pooled = parseNpz(new Uint8Array(readFileSync(join(work, "features.npz"))), "features.npz");
    expect(pooled.get("layer3")!.shape).toEqual([1, 64]);
    expect(fovea("features", name, ...weights, "--list-layers").out).toMatch(/^conv1\nbn1\nrelu\nlayer1\.0\.conv1\n/);
    const wrong = fovea("features", name, "photos/a.png", ...weights, "--layer", "layer9", "--out", "none.npz");
    expect(wrong).toMatchObject({ code: 1, out: "" });
    expect(wrong.err).toMatch(/nothing named "layer9"; did you mean "layer\d"\?/);
    expect(existsSync(join(work, "none.npz"))).toBe(false);
    expect(fovea("features", name, "photos/a.png", ...weights).code).toBe(2);
  });
});

const real = sharedFolder("data/pretrained");
const photos = sharedFolder("data/imagenet-samples");

describe.skipIf(real === null || photos === null)("real weights (../shared/data)", () => {
  it("SqueezeNet 1.0, by its file's name: top-1 70 ± 1, top-5 87 ± 1 of 100 photos", () => {
    const file = "squeezenet_v1.0_decoded.safetensors";
    copyFileSync(join(real!, "squeezenet-deep-compression", file), join(work, file));
    const archive = join(photos!, "images100.tar.gz");
    for (const { path, bytes } of readTar(gunzipSync(readFileSync(archive)), archive)) {
      if (!path.endsWith(".JPEG")) continue;
      mkdirSync(join(work, "imagenet"), { recursive: true });
      writeFileSync(join(work, "imagenet", path.split("/").at(-1)!), bytes);
    }
    const result = fovea("predict", file, "imagenet", "--json", "--batch", "16");
    expect(result.code).toBe(0);
    const lines = json<Line>(result);
    expect(lines).toHaveLength(100);
    const places = lines.map(({ image, top }) => {
      const synset = /n\d{8}/.exec(image)![0];
      return top.findIndex(({ index }) => imagenetClasses[index]!.synset === synset);
    });
    // By onnxruntime 1.30.0 with the same weights (SOURCES.md beside them).
    expect(Math.abs(places.filter((place) => place === 0).length - 70)).toBeLessThanOrEqual(1);
    expect(Math.abs(places.filter((place) => place >= 0).length - 87)).toBeLessThanOrEqual(1);
  });

  it("a Keras file that describes its own network", () => {
    copyFileSync(join(real!, "mlperf-tiny/pretrainedResnet.h5"), join(work, "resnet8.h5"));
    expect(fovea("predict", "resnet8.h5", "photos/a.png").err).toMatch(/does not say what it wants bytes to become/);
    const { code, out } = fovea("predict", "resnet8.h5", "photos/a.png", "--values", "raw", "--top", "10");
    expect(code).toBe(0);
    expect(out.match(/class \d .*%/g)).toHaveLength(10);
  });
});
