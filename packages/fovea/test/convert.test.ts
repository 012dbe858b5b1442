import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { init } from "../src/backend/engines.ts";
import { encodeNpz, readNpz } from "../src/io/npz.ts";
import { encodeSafetensors, parseSafetensors, type StoredTensor } from "../src/io/safetensors.ts";
import { readWeights } from "../src/io/weights.ts";
import { noGrad } from "../src/tensor/apply.ts";
import { randn } from "../src/tensor/random.ts";
import { h5File, keras2Config, kerasValues, type KerasSpec } from "../src/testing/kerasFiles.ts";
import { sharedFolder, temporaryFolder } from "./workspace.ts";

const bin = join(fileURLToPath(new URL("..", import.meta.url)), "bin/fovea.js");
const pretrained = sharedFolder("data/pretrained");
const folder = temporaryFolder();
afterAll(() => folder.remove());

function fovea(...args: string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, [bin, ...args], { cwd: folder.path, encoding: "utf8" });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

const read = (file: string) => new Uint8Array(readFileSync(join(folder.path, file)));

const spec: KerasSpec = {
  layers: [
    { className: "InputLayer", name: "x", config: { batch_input_shape: [null, 2, 2, 3] } },
    {
      className: "Conv2D",
      name: "conv",
      config: { filters: 4, kernel_size: [1, 1], activation: "relu", use_bias: false },
      from: ["x"],
      weights: [["kernel", [1, 1, 3, 4]]],
    },
    { className: "Flatten", name: "flat", from: ["conv"] },
    {
      className: "Dense",
      name: "out",
      config: { units: 2 },
      from: ["flat"],
      weights: [
        ["kernel", [16, 2]],
        ["bias", [2]],
      ],
    },
  ],
  inputs: ["x"],
  outputs: ["out"],
};

const tensors = new Map<string, StoredTensor>([
  ["a.weight", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ["half", { dtype: "F16", shape: [1], data: Uint16Array.of(0x3c00) }],
  ["steps", { dtype: "I64", shape: [], data: BigInt64Array.of(9n) }],
]);

beforeAll(async () => {
  await init();
  writeFileSync(join(folder.path, "m.h5"), await h5File(keras2Config(spec), kerasValues(spec, 1)));
  writeFileSync(join(folder.path, "t.safetensors"), encodeSafetensors(tensors, new Map([["author", "me"]])));
});

describe("fovea inspect", () => {
  it("lists tensors, metadata and layers", () => {
    const { code, out } = fovea("inspect", "m.h5");
    expect(code).toBe(0);
    expect(out).toContain("m.h5: HDF5, 3 tensors, 46 numbers, 184 B");
    expect(out).toMatch(/model_weights\/conv\/conv\/kernel:0 +F32 +\[1, 1, 3, 4\] +12\n/);
    expect(out).toContain("keras_version: 2.4.0");
    expect(out).toContain('conv (Conv2D, filters 4, kernel_size [1,1], activation "relu")');
  });

  it("--json is one object; the name of a file says nothing of its format", () => {
    writeFileSync(join(folder.path, "wrong.h5"), read("t.safetensors"));
    const { out } = fovea("inspect", "wrong.h5", "--json");
    expect(JSON.parse(out)).toEqual({
      file: "wrong.h5",
      format: "safetensors",
      tensors: [
        { name: "steps", dtype: "I64", shape: [], elements: 1, bytes: 8 },
        { name: "a.weight", dtype: "F32", shape: [2, 2], elements: 4, bytes: 16 },
        { name: "half", dtype: "F16", shape: [1], elements: 1, bytes: 2 },
      ],
      elements: 6,
      bytes: 26,
      metadata: { author: "me" },
      architecture: null,
    });
  });

  it("what cannot be read ends with 1 and one line", () => {
    writeFileSync(join(folder.path, "cut.h5"), read("m.h5").subarray(0, 1000));
    writeFileSync(join(folder.path, "photo.pt"), Uint8Array.of(0xff, 0xd8, 0xff));
    for (const [file, message] of [
      ["nothing.h5", /^fovea: cannot read nothing\.h5: there is no such file/],
      [".", /^fovea: cannot read \.: it is a folder/],
      ["cut.h5", /^fovea: cut\.h5 is not a sound HDF5 file: truncated file/],
      ["photo.pt", /^fovea: photo\.pt is none of safetensors, .*begins with the bytes ff d8 ff/],
    ] as const) {
      const { code, out, err } = fovea("inspect", file);
      expect([code, out]).toEqual([1, ""]);
      expect(err.trim()).toMatch(message);
      expect(err.trim().split("\n")).toHaveLength(1);
    }
  });
});

describe("fovea convert", () => {
  it("Keras → safetensors in PyTorch's layout, reported line by line", () => {
    const { code, out } = fovea("convert", "m.h5", "m.safetensors");
    expect(code).toBe(0);
    expect(out).toContain("conv/kernel [1, 1, 3, 4] → conv.weight [4, 3, 1, 1]\n");
    expect(out).toContain("out/kernel [16, 2] → out.weight [2, 16], columns from [2, 2, 4] to channels first\n");
    const file = parseSafetensors(read("m.safetensors"), "m");
    expect([...file.tensors.keys()].toSorted()).toEqual(["conv.weight", "out.bias", "out.weight"]);
    expect(file.metadata.get("keras_version")).toBe("2.4.0");
    const json = JSON.parse(fovea("convert", "m.h5", "m.npz", "--layout", "file", "--json").out);
    expect(json).toMatchObject({ format: "HDF5", output: "m.npz", tensors: 3, elements: 46, report: [] });
    expect(readNpz(read("m.npz"), "m").get("model_weights/out/out/kernel:0")!.shape).toEqual([16, 2]);
  });

  it("safetensors → npz → safetensors is the same bit for bit", () => {
    expect(fovea("convert", "t.safetensors", "t.npz").code).toBe(0);
    expect(readNpz(read("t.npz"), "t")).toEqual(parseSafetensors(read("t.safetensors"), "t").tensors);
    expect(fovea("convert", "t.npz", "back.safetensors").code).toBe(0);
    expect(parseSafetensors(read("back.safetensors"), "t").tensors).toEqual(
      parseSafetensors(encodeSafetensors(tensors), "t").tensors,
    );
    expect(read("t.npz")).toEqual(encodeNpz(parseSafetensors(read("t.safetensors"), "t").tensors));
  });

  it("a network → ONNX computes the same", async () => {
    expect(fovea("convert", "m.h5", "m.onnx").out).toContain("m.onnx: 3 tensors, 46 numbers");
    const build = async (file: string) => (await readWeights(join(folder.path, file))).architecture!.build();
    const [ours, theirs] = [await build("m.h5"), await build("m.onnx")];
    const x = randn([1, 2, 2, 3]);
    const run = ({ run: forward }: typeof ours) => noGrad(() => forward([x])[0]!).data();
    const [a, b] = [await run(ours), await run(theirs)];
    a.forEach((v, i) => expect(Math.abs(v - b[i]!)).toBeLessThan(1e-5));
  });

  it("an ending that is none, weights without a network, and a folder that is not there leave no file", () => {
    const before = readdirSync(folder.path).toSorted();
    for (const [args, code, message] of [
      [["m.h5", "m.pth"], 2, /cannot write m\.pth: its ending must be one of \.safetensors, \.npz, \.onnx/],
      [["t.safetensors", "t.onnx"], 1, /holds weights alone, and ONNX wants a network/],
      [["t.safetensors", "none/t.npz"], 1, /cannot write none\/t\.npz: there is no such file or folder/],
      [["nothing.h5", "n.npz"], 1, /cannot read nothing\.h5/],
      [["m.h5", "m.npz", "--layout", "keras"], 2, /"keras" is not one of torch, file/],
    ] as const) {
      const result = fovea("convert", ...args);
      expect(result.err).toMatch(message);
      expect([result.code, result.out]).toEqual([code, ""]);
    }
    expect(readdirSync(folder.path).toSorted()).toEqual(before);
  });

  it.skipIf(pretrained === null)("Darknet → ONNX and PyTorch → npz, real files", () => {
    expect(fovea("convert", join(pretrained!, "yolo-fastest/yolo-fastest-1.1.cfg"), "y.onnx").out).toContain(
      "y.onnx: 414 tensors, 346,062 numbers",
    );
    expect(statSync(join(folder.path, "y.onnx")).size).toBeGreaterThan(4 * 346_062);
    expect(fovea("convert", join(pretrained!, "cifar10-resnet/resnet20-12fca82f.th"), "r.npz").out).toContain(
      "r.npz: 97 tensors, 271,098 numbers",
    );
  });
});
