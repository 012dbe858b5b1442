import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeNpz } from "../../io/npz.ts";
import { ImageDataset } from "../dataset.ts";
import { openDataset } from "./open.ts";

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), "fovea-open-"))));
afterAll(() => rm(root, { recursive: true }));

/** A new folder with these files. */
async function folderOf(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(root, "d-"));
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

/** CIFAR pictures of one grey each, with these bytes before them. */
const cifar = (...heads: number[][]) =>
  Uint8Array.from(heads.flatMap((head, i) => [...head, ...Array.from({ length: 3072 }, () => i)]));
const idx = (shape: number[], data: number[]) =>
  Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((n) => [0, 0, 0, n]), ...data]);
const shapes = (...parts: unknown[]) =>
  parts.map((part) => (part instanceof ImageDataset ? [part.length, ...part.shape] : null));

describe("openDataset", () => {
  it("takes the training files of CIFAR-10 that are there, and tells which are not", async () => {
    const files = { "data_batch_2.bin": cifar([3], [9]), "data_batch_5.bin.gz": gzipSync(cifar([1])) };
    const folder = await folderOf({ ...files, "test_batch.bin": cifar([0]) });
    const { kind, train, test, problems } = await openDataset(folder);
    expect([kind, ...shapes(train, test)]).toEqual(["cifar10", [3, 3, 32, 32], [1, 3, 32, 32]]);
    expect([...(train as ImageDataset).labels]).toEqual([3, 9, 1]);
    expect(problems).toEqual([
      `${folder} has no data_batch_1.bin, data_batch_3.bin, data_batch_4.bin: training is on data_batch_2.bin, data_batch_5.bin alone`,
    ]);
    // As the archive is unpacked, and without a test part.
    const packed = await folderOf({ "cifar-10-batches-bin/data_batch_1.bin": cifar([7]) });
    const opened = await openDataset(packed);
    expect([opened.kind, opened.train.length, opened.test]).toEqual(["cifar10", 1, undefined]);
    expect(opened.problems?.at(-1)).toMatch(/no test_batch\.bin/);
    await expect(openDataset(await folderOf({ "test_batch.bin": cifar([0]) }))).rejects.toThrow(
      /none of data_batch_1\.bin, .*data_batch_5\.bin/,
    );
  });

  it("reads CIFAR-100 with the fine names", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `name${i}`).join("\n");
    const text = new TextEncoder().encode(names);
    const data = { "train.bin": cifar([1, 42], [2, 7]), "test.bin": cifar([1, 42]) };
    const { kind, train, test } = await openDataset(await folderOf({ ...data, "fine_label_names.txt": text }));
    expect([kind, ...shapes(train, test)]).toEqual(["cifar100", [2, 3, 32, 32], [1, 3, 32, 32]]);
    expect((train as ImageDataset).classes[train.labels![0]!]).toBe("name42");
  });

  it("reads EMNIST: the one part of a folder, or that of the file which is named", async () => {
    const part = (name: string) => ({
      [`emnist-${name}-train-images-idx3-ubyte`]: idx([1, 2, 2], [1, 2, 3, 4]),
      [`emnist-${name}-train-labels-idx1-ubyte`]: idx([1], [1]),
      [`emnist-${name}-test-images-idx3-ubyte`]: idx([1, 2, 2], [1, 2, 3, 4]),
      [`emnist-${name}-test-labels-idx1-ubyte`]: idx([1], [2]),
    });
    const { kind, train } = await openDataset(await folderOf(part("letters")));
    expect([kind, train.classes[train.labels![0]!], [...(train as ImageDataset).images]]).toEqual([
      "emnist",
      "a",
      [1, 3, 2, 4],
    ]);
    const both = await folderOf({ ...part("letters"), ...part("digits") });
    await expect(openDataset(both)).rejects.toThrow(
      /several parts of EMNIST \(digits, letters\); name one by a file: .*emnist-digits-/,
    );
    const named = await openDataset(join(both, "emnist-digits-train-images-idx3-ubyte"));
    expect(named.train.classes).toHaveLength(10);
  });

  it("reads .npz with the names of Keras' data sets; bytes with classes are pictures, channels first or last", async () => {
    const bytes = (shape: number[]) => {
      const data = Uint8Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i);
      return { dtype: "U8" as const, shape, data };
    };
    const keras = encodeNpz(
      new Map([
        ["x_train", bytes([2, 2, 2, 3])],
        ["y_train", { dtype: "U8", shape: [2, 1], data: Uint8Array.of(4, 0) }],
        ["x_test", bytes([1, 2, 2, 3])],
        ["y_test", { dtype: "U8", shape: [1, 1], data: Uint8Array.of(1) }],
      ]),
    );
    const { kind, train, test } = await openDataset(await folderOf({ "cifar.npz": keras }));
    expect([kind, ...shapes(train, test)]).toEqual(["npz", [2, 3, 2, 2], [1, 3, 2, 2]]);
    expect([...(train as ImageDataset).image(0)]).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    expect(test!.classes).toEqual(["0", "1", "2", "3", "4"]);
    const y = { dtype: "U8" as const, shape: [2], data: Uint8Array.of(0, 1) };
    const open = async (x: object) => {
      const path = join(
        await folderOf({
          "x.npz": encodeNpz(
            new Map([
              ["x", x as typeof y],
              ["y", y],
            ]),
          ),
        }),
        "x.npz",
      );
      return (await openDataset(path)).train;
    };
    expect(shapes(await open(bytes([2, 4, 4])), await open(bytes([2, 3, 4, 4])))).toEqual([
      [2, 1, 4, 4],
      [2, 3, 4, 4],
    ]);
    expect(shapes(await open({ dtype: "F32", shape: [2, 4, 4], data: new Float32Array(32) }))).toEqual([null]);
  });
});
