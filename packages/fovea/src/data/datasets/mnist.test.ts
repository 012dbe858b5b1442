import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, FoveaError } from "../../base/errors.ts";
import { fashionMnist, idxDataset, mnist } from "./mnist.ts";
import type { FileSource } from "./mnist.ts";
import { downloadSource, folderSource } from "./sources.ts";

const images = (count: number) =>
  Uint8Array.from([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 1, ...Array(count * 2).keys()]);
const labels = (...values: number[]) => Uint8Array.from([0, 0, 8, 1, 0, 0, 0, values.length, ...values]);

/** Two files in memory. */
const pair =
  (imagesBytes: Uint8Array, labelsBytes: Uint8Array): FileSource =>
  (names) => {
    const isImages = names[0]!.includes("images");
    return Promise.resolve({ name: names[0]!, bytes: isImages ? imagesBytes : labelsBytes });
  };

describe("idx datasets", () => {
  it("join images and labels", async () => {
    const data = await mnist(pair(images(2), labels(3, 9)), "test");
    expect([data.name, data.length, data.shape, data.classes.length]).toEqual(["mnist test", 2, [1, 2, 1], 10]);
    expect([...data.image(1)]).toEqual([2, 3]);
    expect((await fashionMnist(pair(images(1), labels(9)), "train")).classes[9]).toBe("ankle boot");
  });

  it("take their classes from the labels when none are given", async () => {
    const data = await idxDataset(pair(images(2), labels(0, 11)), { split: "train" });
    expect(data.classes.length).toBe(12);
  });

  it.each<[string, Uint8Array, Uint8Array, string]>([
    [
      "images and labels of different length",
      images(2),
      labels(1),
      "has 2 images, but train-labels-idx1-ubyte has 1 labels",
    ],
    ["a label out of range", images(2), labels(1, 10), "label 10 of image 1 is out of range; mnist has 10 classes"],
    [
      "labels in the images' place",
      labels(1),
      labels(1),
      "train-images-idx3-ubyte holds [1] Uint8Array elements; wanted",
    ],
    ["images in the labels' place", images(1), images(1), "train-labels-idx1-ubyte holds [1, 2, 1] Uint8Array"],
  ])("refuse %s", async (_, imagesBytes, labelsBytes, why) => {
    const tried = mnist(pair(imagesBytes, labelsBytes), "train");
    await expect(tried).rejects.toThrow(FormatError);
    await expect(tried).rejects.toThrow(why);
  });
});

describe("sources", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fovea-mnist-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("a folder gives its files under either spelling, and names what is missing", async () => {
    await writeFile(join(folder, "t10k-images.idx3-ubyte"), images(1));
    await writeFile(join(folder, "t10k-labels-idx1-ubyte"), labels(4));
    expect([...(await mnist(folderSource(folder), "test")).labels]).toEqual([4]);
    const missing = mnist(folderSource(folder), "train");
    await expect(missing).rejects.toThrow(FoveaError);
    await expect(missing).rejects.toThrow(`${folder} has no file train-images-idx3-ubyte`);
  });

  it("a download is refused when its bytes are not the published ones", async () => {
    const server = createServer((_, response) => response.end("something else"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const tried = mnist(downloadSource("mnist", { from, cacheDir: folder }), "test");
    await expect(tried).rejects.toThrow("not 9fb629c4189551a2d022fa330f9573f3");
    server.close();
  });
});

const shared = join(process.env["FOVEA_SHARED"] ?? join(import.meta.dirname, "../../../../../../shared"), "data/mnist");

describe.skipIf(!existsSync(shared))("the MNIST files (shared/data/mnist)", () => {
  it("are read from their folder", async () => {
    const data = await mnist(folderSource(shared), "test");
    expect([data.length, data.shape]).toEqual([10_000, [1, 28, 28]]);
    // Origin: the published test set begins 7, 2, 1, 0, 4.
    expect([...data.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  });

  it("pass the checksums of the download", async () => {
    const requested: string[] = [];
    const server = createServer((request, response) => {
      requested.push(request.url!);
      void readFile(join(shared, request.url!)).then((bytes) => response.end(bytes));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const cacheDir = await mkdtemp(join(tmpdir(), "fovea-mnist-"));
    const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const source = downloadSource("mnist", { from, cacheDir });
    expect((await mnist(source, "test")).length).toBe(10_000);
    expect((await mnist(source, "test")).length).toBe(10_000);
    expect(requested).toEqual(["/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"]);
    server.close();
    await rm(cacheDir, { recursive: true });
  });
});
