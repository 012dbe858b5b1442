import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { showShape, sizeOf, type Shape } from "../base/shape.ts";
import { init, models, noGrad, tensor } from "../index.ts";
import type { StoredTensor } from "../io/safetensors.ts";
import { skipInit } from "../nn/init.ts";
import { h5File, type KerasValues } from "../testing/kerasFiles.ts";
import { fillFromKeras, savedLayers, type SavedLayer } from "./_kerasFile.ts";

interface Layers {
  readonly count: number;
  readonly sha256: string;
}

interface Parity {
  readonly name: models.ModelName;
  readonly input: Shape;
  readonly layers: Layers;
  readonly output: { readonly some: readonly number[]; readonly largest: number };
}

/** Keras' own networks with weights from a formula: made by kerasApplications.py beside it, which says how. */
const fixture = JSON.parse(
  await readFile(new URL("../../test/fixtures/kerasApplications.json", import.meta.url), "utf8"),
) as { readonly parity: readonly Parity[]; readonly order: readonly { name: models.ModelName; layers: Layers }[] };

const square = (name: models.ModelName): Shape => [1, ...models.inputShape(name)];

/** What a file of Keras says of its layers, in order. */
function layersOf(model: models.ModelOf<models.ModelName>, input: Shape): Layers {
  const lines = savedLayers(model, input).map(({ weights }) =>
    weights.map(({ layout }) => showShape(layout.keras).replaceAll(" ", "")).join(" "),
  );
  return { count: lines.length, sha256: createHash("sha256").update(lines.join("\n")).digest("hex") };
}

/** Numbers in [−0.5, 0.5): FNV-1a of the name, MurmurHash3's last step of the position. */
function uniform(name: string, size: number, scale: number, offset = 0): Float32Array {
  const seed = Array.from(name).reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5 | 0);
  return Float32Array.from({ length: size }, (_, i) => {
    let h = (i + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    return offset + scale * ((h >>> 0) / 2 ** 32 - 0.5);
  });
}

/** Weights by layer, as Keras has them, from the formula of kerasApplications.py. */
function keras(layers: readonly SavedLayer[]): KerasValues {
  return new Map(
    layers.map(({ weights }, k) => [
      `layer_${k}`,
      weights.map(({ name, layout: { keras: shape } }, j) => {
        const fan = shape.length === 4 && shape[3] === 1 ? sizeOf(shape.slice(0, 2)) : sizeOf(shape.slice(0, -1));
        const scaling = name.endsWith("running_var") || name.endsWith("weight");
        const [scale, offset] = shape.length > 1 ? [2 * Math.sqrt(6 / fan), 0] : scaling ? [0.5, 1] : [0.2, 0];
        return { name: `w${j}`, shape, data: uniform(`${k}/${j}`, sizeOf(shape), scale, offset) };
      }),
    ]),
  );
}

const stored = (values: KerasValues): Map<string, StoredTensor> =>
  new Map(
    [...values].flatMap(([layer, weights]) =>
      weights.map(({ name, shape, data }) => [`${layer}/${layer}/${name}:0`, { dtype: "F32", shape, data }] as const),
    ),
  );

describe("weights as Keras Applications saves them", () => {
  for (const { name, input, layers, output } of fixture.parity) {
    it(`${name}: the same layers in the same order, and Keras' own logits`, { timeout: 180_000 }, async () => {
      await init();
      const options = { numClasses: 10 } as models.ModelOptions<typeof name>;
      const model = skipInit(() => models.create(name, options)).eval();
      expect(layersOf(model, input)).toEqual(layers);
      fillFromKeras(model, input, stored(keras(savedLayers(model, input))), "the file");
      const x = tensor(uniform("image", sizeOf(input), 2), { shape: input });
      const y = (await noGrad(() => model.forward(x)).data()) as Float32Array;
      for (const [k, v] of output.some.entries()) {
        const at = Math.floor((k * (y.length - 1)) / 23);
        expect(Math.abs(y[at]! - v) / output.largest).toBeLessThan(1e-4);
      }
    });
  }

  for (const { name, layers } of fixture.order) {
    it(`${name}: the same layers in the same order`, () => {
      expect(
        layersOf(
          skipInit(() => models.create(name)),
          square(name),
        ),
      ).toEqual(layers);
    });
  }

  it("turn the columns of a dense layer behind a flattened map", () => {
    const vgg = skipInit(() => models.create("vgg16"));
    const first = savedLayers(vgg, [1, 3, 224, 224]).find(({ path }) => path === "classifier.0")!;
    expect(first.weights[0]!.layout.split).toEqual([7, 7, 512, 4096]);
  });

  it(
    "are loaded by name from a server, in order though the names are counted, and what does not fit is told",
    { timeout: 180_000 },
    async () => {
      await init();
      const name = "mobilenetv1-0.25.keras";
      const wanted = skipInit(() => models.create(name)).eval();
      const values = keras(savedLayers(wanted, square(name)));
      fillFromKeras(wanted, square(name), stored(values), "the file");

      const cacheDir = await mkdtemp(join(tmpdir(), "fovea-keras-"));
      const bytes = await h5File(null, values);
      const server = createServer((request, response) => {
        const known =
          request.url === "/storage.googleapis.com/tensorflow/keras-applications/mobilenet/mobilenet_2_5_224_tf.h5";
        response.writeHead(known ? 200 : 404, known ? { "content-length": bytes.length } : {});
        response.end(known && request.method !== "HEAD" ? bytes : undefined);
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      try {
        const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const { model, preprocess, labels, metrics } = await models.load("mobilenetv1-0.25.keras-imagenet", {
          mirror,
          cacheDir,
        });
        expect(labels).toHaveLength(1000);
        expect(metrics.top1).toBe(51.582);
        const grey = { width: 30, height: 40, pixels: new Uint8Array(3600).fill(200) };
        const x = preprocess(grey);
        expect(x.shape).toEqual([1, 3, 224, 224]);
        expect((await x.data())[0]).toBeCloseTo(200 / 127.5 - 1, 6); // Keras' mode "tf"
        const [ours, theirs] = await Promise.all([model, wanted].map((m) => noGrad(() => m.forward(x)).data()));
        expect(ours).toEqual(theirs);

        const file = join(cacheDir, "odd.h5");
        await writeFile(file, await h5File(null, new Map([...values].slice(0, -1))));
        const tried = models.load("mobilenetv1-0.25.keras-imagenet", { file });
        await expect(tried).rejects.toThrow(
          /odd\.h5 does not fit the network: it has 54 layers with weights, the network 55.*layer 55, classifier\.conv_preds, wanted \[1, 1, 256, 1000\], \[1000\], got nothing/,
        );
      } finally {
        server.close();
        await rm(cacheDir, { recursive: true });
      }
    },
  );
});
