import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError, FoveaError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import {
  h5File,
  keras2Config,
  keras3Config,
  kerasFile,
  kerasValues,
  tfjsFiles,
  writeH5,
  type KerasSpec,
} from "../testing/kerasFiles.ts";
import { collect, readHdf5, type Hdf5File } from "./hdf5.ts";
import { readHdf5Objects, type Hdf5Library } from "./hdf5Worker.ts";
import { JsonObject } from "./jsonObject.ts";
import { isKerasArchive } from "./keras/archive.ts";
import { kerasArchitecture } from "./keras/model.ts";
import { h5Architecture, v3Weights } from "./keras/weights.ts";
import { inflationLimit } from "./limits.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { readWeights } from "./weights.ts";
import { readZip } from "./zip.ts";

// Every file here is damaged on purpose: reading it ends in what can be read of it, or in an error that names the file.
const MUTATIONS = 1000;

const pretrained = join(
  process.env["FOVEA_SHARED"] ?? join(import.meta.dirname, "../../../../../shared"),
  "data/pretrained",
);
const there = existsSync(pretrained);
const real = (path: string) => new Uint8Array(readFileSync(join(pretrained, path)));

/** Copies with one to three bytes changed, most of them where the structure is: in the first `head` and the last `tail`. */
function* mutated(sound: Uint8Array, seed: number, count = MUTATIONS, head = 8192, tail = 512): Generator<Uint8Array> {
  const random = new RandomStream(seed);
  for (let i = 0; i < count; i++) {
    const bytes = Uint8Array.from(sound);
    for (let k = 0; k <= random.int(3); k++) {
      const where = random.int(5);
      const at =
        where === 0
          ? random.int(bytes.length)
          : where === 1
            ? bytes.length - 1 - random.int(Math.min(tail, bytes.length))
            : random.int(Math.min(head, bytes.length));
      bytes[at] = random.int(2) === 0 ? random.int(256) : bytes[at]! ^ (1 << random.int(8));
    }
    yield bytes;
  }
}

/** Every length up to 200 bytes, then 100 more. */
function* truncated(sound: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < Math.min(200, sound.length); length++) yield sound.subarray(0, length);
  for (let i = 0; i < 100; i++) yield sound.subarray(0, Math.floor((i / 100) * sound.length));
}

/** Runs `read` on each file; what it throws must be an error of ours. Returns how many were refused. */
async function survive(files: Iterable<Uint8Array>, read: (bytes: Uint8Array) => unknown): Promise<number> {
  let refused = 0;
  let i = 0;
  for (const bytes of files) {
    try {
      await read(bytes);
    } catch (error) {
      if (!(error instanceof FoveaError)) throw new Error(`file ${i}: ${String(error)}`, { cause: error });
      refused++;
    }
    i++;
  }
  return refused;
}

const none = (name: string): never => {
  throw new FormatError(`there is no ${name}`);
};

describe("damaged files end in an error of ours, or are read", () => {
  const small = encodeSafetensors(
    new Map([
      ["a.weight", { dtype: "F32" as const, shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["steps", { dtype: "I64" as const, shape: [], data: BigInt64Array.of(7n) }],
    ]),
    new Map([["format", "pt"]]),
  );

  it("safetensors", async () => {
    const sound = there ? real("mnist-burn/mnist.safetensors") : small;
    const read = (bytes: Uint8Array) => readWeights(bytes, { name: "m.safetensors" });
    expect(await survive(mutated(sound, 1, MUTATIONS, 1600, 8), read)).toBeGreaterThan(MUTATIONS / 4);
    expect(await survive(truncated(sound), read)).toBe(300);
    expect(await survive(mutated(small, 2), read)).toBeGreaterThan(MUTATIONS / 4);
  });

  it("an index of shards", async () => {
    const index = new TextEncoder().encode(
      JSON.stringify({
        metadata: { total_size: 32 },
        weight_map: { "a.weight": "one.safetensors", steps: "one.safetensors" },
      }),
    );
    const beside = (name: string) => (name === "one.safetensors" ? small : none(name));
    const read = (bytes: Uint8Array) => readWeights(bytes, { name: "m.safetensors.index.json", beside });
    expect((await read(index)).tensors.size).toBe(2);
    expect(await survive(mutated(index, 3), read)).toBeGreaterThan(MUTATIONS / 2);
    expect(await survive(truncated(index), read)).toBeGreaterThan(100);
  });

  it.skipIf(!there)("ONNX (a real file)", async () => {
    const sound = real("mnist-onnx/opt-mnist.onnx");
    const read = async (bytes: Uint8Array) => (await readWeights(bytes, { name: "m.onnx" })).architecture?.build();
    await read(sound);
    expect(await survive(mutated(sound, 4, MUTATIONS, 4000, 4000), read)).toBeGreaterThan(100);
    expect(await survive(truncated(sound), read)).toBeGreaterThan(250);
  });

  it.skipIf(!there)("Darknet (a real file): configuration and weights", async () => {
    const config = real("yolo-fastest/yolo-fastest-1.1.cfg");
    const weights = real("yolo-fastest/yolo-fastest-1.1.weights");
    const readConfig = (bytes: Uint8Array) => readWeights(bytes, { name: "y.cfg", beside: () => weights });
    const readBody = (bytes: Uint8Array) => readWeights(bytes, { name: "y.weights", beside: () => config });
    expect((await readConfig(config)).tensors.size).toBe(414);
    expect(await survive(mutated(config, 5), readConfig)).toBeGreaterThan(100);
    expect(await survive(truncated(config), readConfig)).toBe(300);
    expect(await survive(mutated(weights, 6, MUTATIONS, 20, 8), readBody)).toBeGreaterThan(100);
    expect(await survive(truncated(weights), readBody)).toBe(300);
  });

  it("Darknet: numbers that claim more than there is", async () => {
    const text = (body: string) => new TextEncoder().encode(`[net]\nwidth=8\nheight=8\nchannels=3\n${body}`);
    const weights = new Uint8Array(Int32Array.of(0, 2, 5, 0, 0).buffer);
    for (const [body, message] of [
      [
        "[convolutional]\nfilters=2000000000\nsize=2001\npad=1\n",
        /the layers have \d+ weights, but the file of weights holds 0/,
      ],
      ["[convolutional]\nfilters=1\nsize=0\n", /size=0; it must be a whole number ≥ 1/],
      ["[convolutional]\nfilters=1e999\n", /filters=1e999, which are no numbers/],
      ["[convolutional]\nsize=9\n", /leaves nothing of 8 pixels/],
      ["[route]\nlayers=-1\n", /takes from layer -1, which does not come before it/],
      ["[lstm]\n", /\[lstm\] of line 5 is a kind of layer that is not supported/],
      ["[convolutional]\nactivation=exec\n", /activation "exec"; known are leaky/],
      ["nothing\n", /line 5 is neither \[a section\] nor key=value: nothing/],
      ["", /is followed by no layers/],
    ] as const) {
      await expect(readWeights(text(body), { name: "a.cfg", beside: () => weights })).rejects.toThrow(message);
    }
  });
});

const spec: KerasSpec = {
  layers: [
    { className: "InputLayer", name: "x", config: { batch_input_shape: [null, 4, 4, 2] } },
    {
      className: "Conv2D",
      name: "c",
      config: { filters: 3, kernel_size: [3, 3], padding: "same", activation: "relu" },
      from: ["x"],
      weights: [
        ["kernel", [3, 3, 2, 3]],
        ["bias", [3]],
      ],
    },
    {
      className: "BatchNormalization",
      name: "b",
      config: { axis: [3] },
      from: ["c"],
      weights: [
        ["gamma", [3]],
        ["beta", [3]],
        ["moving_mean", [3]],
        ["moving_variance", [3]],
      ],
    },
    { className: "Concatenate", name: "j", config: { axis: -1 }, from: ["b", "x"] },
    { className: "GlobalAveragePooling2D", name: "g", from: ["j"] },
    {
      className: "Dense",
      name: "d",
      config: { units: 2 },
      from: ["g"],
      weights: [
        ["kernel", [5, 2]],
        ["bias", [2]],
      ],
    },
  ],
  inputs: ["x"],
  outputs: ["d"],
};
const values = kerasValues(spec, 1);
const paths = { c: "conv2d", b: "batch_normalization", d: "dense" };

describe("damaged files of Keras", () => {
  const libraries = new Map<number, Promise<Hdf5Library>>();
  /** The library in this thread, quiet, a fresh one now and then: damaged files leave traces in its memory. */
  async function library(which: number): Promise<Hdf5Library> {
    if (!libraries.has(which)) {
      const url = `${import.meta.resolve("h5wasm")}?${which}`;
      const module = import(/* @vite-ignore */ url) as Promise<typeof import("h5wasm")>;
      libraries.set(which, module.then(({ ready }) => ready) as unknown as Promise<Hdf5Library>);
    }
    return libraries.get(which)!;
  }

  /** What the worker does and its caller, without the worker. */
  async function readHere(bytes: Uint8Array, which: number): Promise<Hdf5File> {
    const h5 = await library(which);
    try {
      return collect(readHdf5Objects(h5, bytes, inflationLimit(bytes.length)), "m.h5");
    } catch (error) {
      throw error instanceof FoveaError ? error : new FormatError("m.h5", { cause: error });
    } finally {
      // A file that stayed open after an error would be taken for the next one of its name.
      (h5.FS as unknown as { unlink(path: string): void }).unlink("/file.h5");
    }
  }

  it("HDF5, a real file and a made one", { timeout: 900_000 }, async () => {
    const made = await h5File(keras2Config(spec), values);
    const sounds = there ? [real("mlperf-tiny/pretrainedResnet.h5").slice(), made] : [made];
    for (const [s, sound] of sounds.entries()) {
      let i = 0;
      const read = async (bytes: Uint8Array) => {
        const file = await readHere(bytes, 1 + 10 * s + Math.floor(i++ / 100));
        h5Architecture(file, "m.h5")?.build();
      };
      const count = s === 0 ? MUTATIONS : MUTATIONS / 4;
      expect(await survive(mutated(sound, 10 + s, count), read)).toBeGreaterThan(count / 10);
      expect(
        await survive(
          [...truncated(sound)].filter((_, k) => k % 6 === 0),
          read,
        ),
      ).toBe(50);
    }
  });

  it("HDF5 through the worker: cut, overwritten, within a deadline, and silent", async () => {
    const sound = await h5File(keras2Config(spec), values);
    for (const bytes of [sound.subarray(0, 8), sound.subarray(0, 3000), ...mutated(sound, 20, 6, 2000)]) {
      const outcome = await readHdf5(bytes, "m.h5").catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome).toBeInstanceOf(FormatError);
        expect(outcome.message).toMatch(/^m\.h5 is not a sound HDF5 file: [^\n]+$/);
      }
    }
    await expect(readHdf5(sound, "m.h5", 0)).rejects.toThrow(
      "m.h5 is not a sound HDF5 file: reading it takes more than 0",
    );
  });

  it("HDF5: links out of the file, groups in themselves, and data that are not there", async () => {
    const linked = await writeH5((file) => {
      file.create_group("g");
      file.create_external_link("/etc/passwd", "/", "outside");
      file.create_soft_link("/nowhere", "broken");
      file.create_dataset({ name: "w", data: Float32Array.of(1, 2), shape: [2], dtype: "<f" });
    });
    const file = await readHdf5(linked, "l.h5");
    expect([...file.datasets.keys()]).toEqual(["w"]);
    expect([...file.attributes.keys()].toSorted()).toEqual(["", "g", "w"]);
    const circle = await writeH5((made) => {
      made.create_group("g").create_hard_link("/g", "again");
    });
    await expect(readHdf5(circle, "c.h5")).rejects.toThrow(
      "c.h5 is not a sound HDF5 file: its groups are nested too deeply",
    );
    const bomb = await writeH5((made) => {
      const shape = [2 ** 25];
      made.create_dataset({
        name: "w",
        data: new Float32Array(2 ** 25),
        shape,
        chunks: [2 ** 20],
        dtype: "<f",
        compression: 9,
      });
    });
    expect(bomb.length).toBeLessThan(2 ** 19);
    await expect(readHdf5(bomb, "b.h5")).rejects.toThrow("dataset /w makes its data larger than the file can hold");
  });

  it("configurations of Keras 2: bytes of the JSON text", { timeout: 300_000 }, async () => {
    const file = await readHere(await h5File(null, values), 0);
    const config = new TextEncoder().encode(JSON.stringify(keras2Config(spec)));
    const build = (text: Uint8Array) => {
      const attributes = new Map(file.attributes);
      attributes.set("", new Map([...file.attributes.get("")!, ["model_config", new TextDecoder().decode(text)]]));
      return h5Architecture({ attributes, datasets: file.datasets }, "m.h5")!.build();
    };
    build(config);
    expect(await survive(mutated(config, 30), build)).toBeGreaterThan(MUTATIONS / 4);
    expect(await survive(truncated(config), build)).toBe(300);
  });

  it(".keras: bytes of the archive and of its configuration", { timeout: 300_000 }, async () => {
    const sound = await kerasFile(keras3Config(spec), values, paths);
    const weights = await readHere(readZip(sound, "m.keras").get("model.weights.h5")!, 0);
    const build = (bytes: Uint8Array) => {
      const files = readZip(bytes, "m.keras");
      if (!isKerasArchive(files)) return none("config.json");
      const config = JsonObject.parse(files.get("config.json")!, "m.keras: config.json");
      return kerasArchitecture(config, v3Weights(weights), "3", "m.keras").build();
    };
    build(sound);
    expect(await survive(mutated(sound, 40, MUTATIONS, 3000), build)).toBeGreaterThan(MUTATIONS / 4);
    expect(await survive(truncated(sound), build)).toBe(300);
    for (const bytes of mutated(sound, 41, 5)) {
      const outcome = await readWeights(bytes, { name: "m.keras" }).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(FormatError);
    }
  });

  it("TensorFlow.js: bytes of model.json", { timeout: 300_000 }, async () => {
    const all = tfjsFiles(keras2Config(spec), values);
    const beside = (name: string) => all.get(name) ?? none(name);
    const read = async (bytes: Uint8Array) =>
      (await readWeights(bytes, { name: "model.json", beside })).architecture?.build();
    const sound = all.get("model.json")!;
    await read(sound);
    expect(await survive(mutated(sound, 50), read)).toBeGreaterThan(MUTATIONS / 4);
    expect(await survive(truncated(sound), read)).toBeGreaterThan(290);
  });

  it("what people take for weights is told apart", async () => {
    const text = (t: string) => Uint8Array.from(t, (c) => c.charCodeAt(0));
    for (const [bytes, message] of [
      [text("version https://git-lfs.github.com/spec/v1\n"), /a pointer of Git LFS.*git lfs pull/],
      [text("<!DOCTYPE html><html>"), /a web page; download the file itself/],
      [text("\x1f\x8b\x08"), /compressed with gzip/],
      [text("\x80\x04\x95\x10"), /a pickle, but not one of PyTorch/],
      [text('{"a":1}'), /is JSON, but has neither "weight_map"/],
      [text("["), /is none of safetensors, PyTorch.*5b/],
      [new Uint8Array(), /it is empty/],
    ] as const) {
      await expect(readWeights(bytes, { name: "f" })).rejects.toThrow(message);
    }
  });
});
