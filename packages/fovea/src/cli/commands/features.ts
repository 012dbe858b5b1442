import { dirname } from "node:path";
import { FoveaError } from "../../base/errors.ts";
import { makeFolder, writeFileAtomic } from "../../io/files.ts";
import { encodeNpz } from "../../io/npz.ts";
import type { StoredTensor } from "../../io/safetensors.ts";
import { featureNames, features } from "../../nn/features.ts";
import { compile } from "../../graph/compile.ts";
import { noGrad } from "../../tensor/apply.ts";
import { showCount } from "../../train/format.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Command } from "../command.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { CommandLineError } from "../errors.ts";
import { networkHelp, networkOptions, openNetwork, type NetworkOptions } from "../network.ts";
import { wholeNumber } from "../parse.ts";
import { findPictures, forPictures, picturesHelp } from "../pictures.ts";

interface FeaturesOptions extends EngineOptions, NetworkOptions {
  readonly layer?: readonly string[];
  readonly pool?: boolean;
  readonly out?: string;
  readonly batch?: number;
  readonly listLayers?: boolean;
  readonly json?: boolean;
}

export const featuresCommand: Command<FeaturesOptions> = {
  arguments: [
    { name: "<model>", description: networkHelp },
    { name: "[image...]", description: picturesHelp },
  ],
  options: [
    {
      flags: "--layer <names>",
      description: "layers, with commas between: layer4,layer3.1.relu (see --list-layers)",
      parse: (text) => text.split(",").filter((name) => name !== ""),
    },
    { flags: "--pool", description: "save the mean of each feature map instead of the map" },
    {
      flags: "--out <file>",
      description: "file to write: an array [pictures, …] for each layer, named as the layer",
      default: "features.npz",
    },
    { flags: "--list-layers", description: "print the names that --layer takes" },
    { flags: "--batch <n>", description: "pictures at once", parse: wholeNumber(1, 1024), default: 8 },
    ...networkOptions,
    ...engineOptions,
    { flags: "--json", description: "print one JSON object about what was written" },
  ],
  examples: [
    ["fovea features resnet50.imagenet1k-v2 photos --layer layer4 --pool --out photos.npz", "2,048 numbers for each"],
    ["fovea features vgg16.imagenet1k-v1 --list-layers", "what the layers are called"],
  ],
  async run(
    { layer = [], pool = false, out = "features.npz", batch = 8, listLayers, json, ...options },
    [name, images],
  ) {
    useEngine(options);
    if (listLayers) {
      const { model } = await openNetwork(String(name), options);
      console.log(featureNames(model).join("\n"));
      return;
    }
    if ((images as readonly string[]).length === 0) throw new CommandLineError("name at least one picture");
    if (layer.length === 0)
      throw new CommandLineError("name the layers: --layer layer4 (--list-layers prints their names)");
    const files = await findPictures(images as readonly string[]);
    const network = await openNetwork(String(name), options);
    await makeFolder(dirname(out));

    let run: ((x: Tensor) => Readonly<Record<string, Tensor>>) | null = null;
    const chunks = new Map<string, Float32Array[]>(layer.map((one) => [one, []]));
    const shapes = new Map<string, readonly number[]>();
    const seen: string[] = [];
    await forPictures(files, { batch, maxSide: network.maxSide }, async (batchFiles, pictures) => {
      const x = network.prepare(pictures);
      run ??= extractor(network.model, layer, x.shape, pool);
      for (const [one, tensor] of Object.entries(run(x))) {
        chunks.get(one)!.push((await tensor.data()) as Float32Array);
        shapes.set(one, tensor.shape.slice(1));
      }
      seen.push(...batchFiles);
    });
    if (seen.length === 0) throw new FoveaError("no picture could be read; nothing was written");
    const arrays = new Map<string, StoredTensor>();
    for (const [one, parts] of chunks) {
      arrays.set(one, { dtype: "F32", shape: [seen.length, ...shapes.get(one)!], data: joined(parts) });
    }
    await writeFileAtomic(out, encodeNpz(arrays));
    if (json) {
      const layers = Object.fromEntries(Array.from(arrays, ([one, { shape }]) => [one, shape]));
      console.log(JSON.stringify({ out, layers, images: seen }));
      return;
    }
    const lines = Array.from(arrays, ([one, { shape }]) => `  ${one} [${shape.join(", ")}]`);
    console.log(`${out}: ${showCount(seen.length)} pictures, in the order given\n${lines.join("\n")}`);
  },
};

/** The outputs of the layers as a compiled function; averaged over the pixels on request. */
function extractor(
  model: Parameters<typeof features>[0],
  layer: readonly string[],
  input: readonly number[],
  pool: boolean,
): (x: Tensor) => Readonly<Record<string, Tensor>> {
  const part = features(model, ...layer, { input }).eval();
  return compile((x: Tensor) =>
    noGrad(() => {
      const entries = Object.entries(part.forward(x));
      const pooled = (y: Tensor) =>
        pool && y.rank > 2 ? y.mean(Array.from({ length: y.rank - 2 }, (_, i) => i + 2)) : y;
      return Object.fromEntries(entries.map(([name, y]) => [name, pooled(y)]));
    }),
  );
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
