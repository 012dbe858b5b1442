import { FormatError } from "../../base/errors.ts";
import { isHdf5, readHdf5 } from "../hdf5.ts";
import { JsonObject } from "../jsonObject.ts";
import type { WeightsFile } from "../weightsFile.ts";
import { kerasArchitecture } from "./model.ts";
import { v3Weights } from "./weights.ts";

const CONFIG = "config.json";
const WEIGHTS = "model.weights.h5";

/** Whether an archive is one that Keras 3 wrote. */
export const isKerasArchive = (files: ReadonlyMap<string, Uint8Array>): boolean =>
  files.has(CONFIG) && files.has(WEIGHTS);

/** Reads the files of a `.keras` archive: its configuration and its weights. */
export async function readKerasArchive(files: ReadonlyMap<string, Uint8Array>, name: string): Promise<WeightsFile> {
  const weights = files.get(WEIGHTS)!;
  if (!isHdf5(weights)) throw new FormatError(`${name}: its ${WEIGHTS} is no HDF5 file`);
  const file = await readHdf5(weights, `${name}: ${WEIGHTS}`);
  const about = files.get("metadata.json");
  const metadata = new Map<string, string>();
  if (about !== undefined) {
    const facts = JsonObject.parse(about, `${name}: metadata.json`);
    for (const key of facts.keys) metadata.set(key, String(facts.get(key)));
  }
  const config = JsonObject.parse(files.get(CONFIG)!, `${name}: ${CONFIG}`);
  const version = metadata.get("keras_version") ?? "3";
  return {
    format: "Keras",
    tensors: file.datasets,
    metadata,
    architecture: kerasArchitecture(config, v3Weights(file), version, name),
  };
}
