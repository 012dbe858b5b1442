import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { tensor } from "../../index.ts";
import { node, onnxModel, stored } from "../../testing/onnxModel.ts";
import { readOnnx } from "./file.ts";
import { loadOnnx } from "./module.ts";

const root = mkdtempSync(join(tmpdir(), "fovea-onnx-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = join(root, "model");
mkdirSync(join(folder, "sub"), { recursive: true });
const numbers = Buffer.from(Float32Array.of(7, 1, 2, 3).buffer);
writeFileSync(join(root, "secret.bin"), numbers);
writeFileSync(join(folder, "weights.bin"), numbers);
writeFileSync(join(folder, "sub", "weights.bin"), numbers);
symlinkSync(join(root, "secret.bin"), join(folder, "link.bin"));
symlinkSync(root, join(folder, "linked"));
symlinkSync(join(folder, "weights.bin"), join(folder, "alias.bin"));

/** A model whose weight lies in another file. */
function model(location: string, extra: Record<string, string> = {}): Uint8Array {
  const externalData = Object.entries({ location, offset: "4", length: "12", ...extra }).map(([key, value]) => ({
    key,
    value,
  }));
  return onnxModel({
    inputs: [["x", "float32", [3]]],
    outputs: ["y"],
    initializers: [{ ...stored("w", "float32", [3], []), dataLocation: 1, externalData }],
    nodes: [node("Add", ["x", "w"], ["y"])],
  });
}

function load(location: string, extra?: Record<string, string>) {
  const path = join(folder, "m.onnx");
  writeFileSync(path, model(location, extra));
  return readOnnx(path);
}

it("reads data beside the model, and below it", async () => {
  for (const location of ["weights.bin", "./weights.bin", "sub/weights.bin"]) {
    expect([...(await load(location)).forward(tensor([0, 0, 0])).storage.values()]).toEqual([1, 2, 3]);
  }
});

it("reads nothing outside of the model's folder", async () => {
  await expect(load("../secret.bin")).rejects.toThrow('leads out of the model\'s folder by ".."');
  await expect(load("sub/../../secret.bin")).rejects.toThrow('by ".."');
  await expect(load("..\\secret.bin")).rejects.toThrow('by ".."');
  await expect(load(join(root, "secret.bin"))).rejects.toThrow("is an absolute path");
  await expect(load("C:\\secret.bin")).rejects.toThrow("is an absolute path");
  await expect(load("link.bin")).rejects.toThrow("is a link to another place");
  await expect(load("linked/secret.bin")).rejects.toThrow("is a link to another place");
  await expect(load("alias.bin")).rejects.toThrow("is a link to another place");
  await expect(load("sub")).rejects.toThrow("is no file");
  await expect(load("missing.bin")).rejects.toThrow("is not in the folder of the model");
  await expect(load("")).rejects.toThrow("has no sound name");
  await expect(load("weights.bin\0.txt")).rejects.toThrow("has no sound name");
});

it("checks offset and length against the file", async () => {
  await expect(load("weights.bin", { offset: "8" })).rejects.toThrow(
    'lies at bytes 8 … 20 of "weights.bin", which has 16',
  );
  await expect(load("weights.bin", { offset: "-1" })).rejects.toThrow('has the offset "-1"');
  await expect(load("weights.bin", { length: "8" })).rejects.toThrow("needs 12 bytes of data, but has 8");
});

it("asks for the data when it only has the model's bytes", () => {
  expect(() => loadOnnx(model("weights.bin"), "m")).toThrow(
    'lies in the file "weights.bin" beside the model; read the model by its path',
  );
});
