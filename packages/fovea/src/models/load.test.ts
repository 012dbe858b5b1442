import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { FoveaError, UsageError } from "../base/errors.ts";
import { imagenetClasses } from "../data/imagenetClasses.ts";
import { topClasses } from "../data/predictions.ts";
import { decodeImage } from "../data/readImage.ts";
import { init, models } from "../index.ts";
import { readTar } from "../io/tar.ts";
import { shared } from "../testing/shared.ts";
import { encodeTensors } from "../train/weights.ts";
import { squeezenetFromCaffe, withoutDots } from "./_weightNames.ts";
import { weights, weightsNames } from "./_weights.ts";

const files = new Map<string, Buffer>();
const server = createServer((request, response) => {
  const body = files.get(request.url!);
  if (body === undefined) return void response.writeHead(404).end();
  const etag = createHash("sha256").update(body).digest("hex");
  response.writeHead(200, { "content-length": body.length, etag: `"${etag}"`, "x-repo-commit": "c0ffee" });
  response.end(request.method === "HEAD" ? undefined : body);
});

let cacheDir = "";
let url = "";
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "fovea-load-"));
  files.clear();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cacheDir, { recursive: true });
});

/** A file with fresh weights of a network, as the hub would have it. */
async function freshWeights(name: models.ModelName): Promise<Buffer> {
  return Buffer.from(await encodeTensors(models.create(name).stateDict()));
}

describe("the table of weights", () => {
  it("names networks of the registry, secure addresses, and what their file must hash to", () => {
    for (const name of weightsNames) {
      const { source, model, metrics, preprocessing, licence }: (typeof weights)[typeof name] = weights[name];
      expect(models.isModelName(model), name).toBe(true);
      if ("url" in source) {
        expect(source.url, name).toMatch(/^https:\/\//);
        if ("sha256" in source) expect(basename(source.url), name).toContain(source.sha256);
        // Keras publishes md5 sums, but none of MobileNet's files.
        else expect("md5" in source || name.startsWith("mobilenetv1"), name).toBe(true);
      }
      expect(metrics.top1, name).toBeGreaterThan(50);
      expect(preprocessing.crop ?? 32, name).toBeLessThanOrEqual(models.inputShape(model)[1]! * 2);
      expect(licence, name).not.toBe("");
    }
  });

  it("is told by weightsInfo and listWeights", () => {
    expect(models.listWeights("resnet50.*")).toEqual([
      "resnet50.imagenet1k-v1",
      "resnet50.imagenet1k-v2",
      "resnet50.timm-a1",
      "resnet50.keras-imagenet",
    ]);
    const { model, from, labels, metrics } = models.weightsInfo("resnet50.imagenet1k-v2");
    expect([model, from]).toEqual([
      "resnet50.torchvision",
      "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
    ]);
    expect(labels[385]).toBe("Indian_elephant");
    expect(metrics).toMatchObject({ top1: 80.858, top5: 95.434 });
    expect(() => models.weightsInfo("resnet50" as models.WeightsName)).toThrow(
      'there are no weights "resnet50"; did you mean "resnet50.imagenet1k-v1"?',
    );
  });

  it("is a union of names, each with the type of its network", () => {
    expectTypeOf(models.load<"vgg16.imagenet1k-v1">).returns.resolves.toMatchTypeOf<{ model: models.VGG }>();
    expectTypeOf<"vgg16.imagenet1k-v1">().toMatchTypeOf<models.WeightsName>();
    expectTypeOf<"vgg16.imagenet1k-v9">().not.toMatchTypeOf<models.WeightsName>();
  });
});

describe("models.load", () => {
  it("fetches from the hub, fills the network, and gives what is needed to use it", async () => {
    vi.stubEnv("HF_ENDPOINT", url);
    vi.stubEnv("HF_HUB_CACHE", cacheDir);
    const file = await freshWeights("resnet18.torchvision");
    files.set("/timm/resnet18.a1_in1k/resolve/main/model.safetensors", file);
    const seen: number[] = [];
    const loaded = await models.load("resnet18.timm-a1", { onProgress: (received) => seen.push(received) });
    expect(seen.at(-1)).toBe(file.length);
    expect(loaded.file).toBe(join(cacheDir, "models--timm--resnet18.a1_in1k/snapshots/c0ffee/model.safetensors"));
    expect(loaded.model).toBeInstanceOf(models.ResNet);
    expect(loaded.model.training).toBe(false);
    expect(loaded.labels?.[1]).toBe("goldfish");
    expect(loaded.licence).toBe("Apache-2.0");
    expect(Buffer.from(await encodeTensors(loaded.model.stateDict())).equals(file)).toBe(true);
    const grey = { width: 30, height: 40, pixels: new Uint8Array(3600).fill(128) };
    expect(loaded.preprocess([grey, grey]).shape).toEqual([2, 3, 288, 288]);

    const five = await models.load("resnet18.timm-a1", { numClasses: 5 });
    expect(five.labels).toBe(null);
    expect(five.model.fc.weight.shape).toEqual([5, 512]);
    expect(Math.max(...((await five.model.fc.weight.data()) as Float32Array))).toBeGreaterThan(0); // fresh, not empty
    const bare = await models.load("resnet18.timm-a1", { includeTop: false, globalPooling: "avg" });
    expect(models.countParameters(bare.model)).toBe(11_689_512 - 513_000);
    expect(bare.model.forward(bare.preprocess({ ...grey })).shape).toEqual([1, 512]);
  });

  it("says what does not fit", async () => {
    const file = join(cacheDir, "other.safetensors");
    await writeFile(file, await freshWeights("resnet20.cifar"));
    const tried = models.load("resnet18.timm-a1", { file });
    await expect(tried).rejects.toThrow(FoveaError);
    await expect(tried).rejects.toThrow(
      /other\.safetensors does not fit the network: .*missing \d+: .*unexpected \d+: .*layer1\.2\.bn1/,
    );
  });

  it("refuses what is not the published file, and says what to do without a network", async () => {
    files.set("/download.pytorch.org/models/resnet18-f37072fd.pth", Buffer.from("other bytes"));
    const wrong = models.load("resnet18.imagenet1k-v1", { mirror: url, cacheDir });
    await expect(wrong).rejects.toThrow(/the sha256 of what came is [0-9a-f]{64}, not f37072fd/);
    const offline = models.load("resnet18.imagenet1k-v1", { offline: true, cacheDir });
    const place = join(cacheDir, "resnet18-f37072fd.pth");
    await expect(offline).rejects.toThrow(
      `download https://download.pytorch.org/models/resnet18-f37072fd.pth by hand and put it at ${place}`,
    );
    await expect(models.load("squeezenet1.0.deep-compression")).rejects.toThrow(
      "squeezenet_v1.0_decoded.safetensors cannot be downloaded as it is",
    );
    await expect(models.load("resnet18" as models.WeightsName)).rejects.toThrow(UsageError);
  });
});

describe("names of tensors", () => {
  it("of torchvision's older files", () => {
    expect(withoutDots("features.denseblock1.denselayer2.norm.1.running_mean")).toBe(
      "features.denseblock1.denselayer2.norm1.running_mean",
    );
    expect(withoutDots("features.norm5.weight")).toBe("features.norm5.weight");
  });

  it("of Caffe's SqueezeNet", () => {
    const names = ["conv1.weight", "fire2/conv1x1_1.weight", "fire9/conv3x3_2.bias", "conv_final.bias"];
    expect(names.map(squeezenetFromCaffe)).toEqual([
      "features.0.weight",
      "features.3.squeeze.weight",
      "features.12.expand3x3.bias",
      "classifier.1.bias",
    ]);
  });
});

const cifarFile = shared("data/pretrained/cifar10-resnet/resnet20-12fca82f.th");

it.skipIf(cifarFile === null)(
  "the published file of resnet20.cifar10, put into the cache by hand, is found offline",
  async () => {
    await copyFile(cifarFile!, join(cacheDir, "resnet20-12fca82f.th"));
    const { model, labels } = await models.load("resnet20.cifar10", { cacheDir, offline: true });
    expect(models.countParameters(model)).toBe(269_722);
    expect(labels).toHaveLength(10);
    const first = Object.values(await model.conv1.weight.data()).slice(0, 3);
    expect(first.every((v) => v !== 0)).toBe(true);
  },
);

const squeezenet = shared("data/pretrained/squeezenet-deep-compression/squeezenet_v1.0_decoded.safetensors");
const photos = shared("data/imagenet-samples/images100.tar.gz");

// 70 and 87 by onnxruntime 1.30.0 with the same weights (SOURCES.md beside them).
it.skipIf(squeezenet === null || photos === null)(
  "SqueezeNet 1.0: top-1 70 ± 1, top-5 87 ± 1 of 100 photos",
  async () => {
    await init();
    const { model, preprocess, labels } = await models.load("squeezenet1.0.deep-compression", { file: squeezenet! });
    const predict = model.compile();
    const jpegs = readTar(gunzipSync(await readFile(photos!)), photos!).filter(({ path }) => path.endsWith(".JPEG"));
    expect(jpegs).toHaveLength(100);
    const right = { top1: 0, top5: 0 };
    for (const { path, bytes } of jpegs) {
      const scores = await predict(preprocess(await decodeImage(bytes, path))).data();
      const synset = /n\d{8}/.exec(path)![0];
      const places = topClasses(scores, labels!, 5).findIndex(({ index }) => imagenetClasses[index]!.synset === synset);
      if (places === 0) right.top1++;
      if (places >= 0) right.top5++;
    }
    expect(Math.abs(right.top1 - 70), `top-1 ${right.top1}`).toBeLessThanOrEqual(1);
    expect(Math.abs(right.top5 - 87), `top-5 ${right.top5}`).toBeLessThanOrEqual(1);
  },
);
