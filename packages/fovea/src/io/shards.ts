import type { JsonObject } from "./jsonObject.ts";
import { parseSafetensors, type StoredTensor } from "./safetensors.ts";
import type { Beside, WeightsFile } from "./weightsFile.ts";

/**
 * Reads a network whose safetensors are spread over files, by its `….safetensors.index.json`: `weight_map` says which
 * file has which tensor. Every tensor must be where it says, and no file may have others.
 */
export function readShards(index: JsonObject, beside: Beside): WeightsFile {
  const map = index.object("weight_map");
  const tensors = new Map<string, StoredTensor>();
  const metadata = new Map<string, string>();
  for (const shard of new Set(map.keys.map((key) => map.text(key)))) {
    const file = parseSafetensors(beside(shard), shard);
    for (const [key, value] of file.metadata) metadata.set(key, value);
    for (const [key, tensor] of file.tensors) {
      if (!map.has(key) || map.text(key) !== shard)
        map.fail(`does not name the tensor ${JSON.stringify(key)} of ${shard}`);
      tensors.set(key, tensor);
    }
  }
  for (const key of map.keys) {
    if (!tensors.has(key))
      map.fail(`puts the tensor ${JSON.stringify(key)} into ${map.text(key)}, which does not have it`);
  }
  return { format: "safetensors", tensors, metadata, architecture: null };
}
