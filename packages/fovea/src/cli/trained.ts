import { stat } from "node:fs/promises";
import { FoveaError } from "../base/errors.ts";
import { readFile } from "../io/files.ts";
import type { ClassifierModel } from "../train/classifier.ts";
import { RunFolder } from "../train/runFolder.ts";
import { decodeTensors } from "../train/weights.ts";
import { buildModel, fromMetadata, type ModelSpec } from "./model.ts";

/** A network with the weights of a run (its best ones) or of a safetensors file. */
export async function openTrained(path: string): Promise<{ model: ClassifierModel; spec: ModelSpec; file: string }> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new FoveaError(`there is no run and no file ${path}; fovea train makes runs`);
  let file = path;
  if (found.isDirectory()) {
    file = (await RunFolder.open(path)).file("best.safetensors");
    if ((await stat(file).catch(() => null)) === null) {
      throw new FoveaError(
        `${path} has no best.safetensors: no epoch is done yet; go on with fovea train --resume ${path}`,
      );
    }
  }
  const { tensors, metadata } = decodeTensors(await readFile(file), file);
  const spec = fromMetadata(metadata, file);
  const model = buildModel(spec);
  explain(file, () => model.loadStateDict(tensors));
  return { model, spec, file };
}

/** Puts the weights of a safetensors file into a network. */
export async function loadWeights(model: ClassifierModel, file: string): Promise<void> {
  const { tensors } = decodeTensors(await readFile(file), file);
  explain(file, () => model.loadStateDict(tensors));
}

function explain(file: string, load: () => void): void {
  try {
    load();
  } catch (error) {
    if (!(error instanceof FoveaError)) throw error;
    throw new FoveaError(`${file} does not fit the network: ${error.message}`, { cause: error });
  }
}
