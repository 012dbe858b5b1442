import { FoveaError } from "../base/errors.ts";
import { toHostTensor } from "../io/stored-dtype.ts";
import type { StoredTensor } from "../io/safetensors.ts";
import type { AnyModule } from "../nn/module.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Names of tensors in published files, where they are not those of our networks. */

/** torchvision's DenseNet files are older than its class: `denselayer1.norm.1.weight` → `denselayer1.norm1.weight`. */
export function withoutDots(name: string): string {
  return name.replace(/(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)/, "$1$2");
}

/** Caffe's layers of SqueezeNet 1.0: `fire2/conv1x1_1.weight` → `features.3.squeeze.weight`. */
export function squeezenetFromCaffe(name: string): string {
  const [layer, parameter] = name.split(".") as [string, string];
  if (layer === "conv1") return `features.0.${parameter}`;
  if (layer === "conv_final") return `classifier.1.${parameter}`;
  const [fire, part] = layer.split("/") as [string, string?];
  const position = [3, 4, 5, 7, 8, 9, 10, 12][Number(fire.slice(4)) - 2];
  const ours = { conv1x1_1: "squeeze", conv1x1_2: "expand1x1", conv3x3_2: "expand3x3" }[part ?? ""];
  return position === undefined || ours === undefined ? name : `features.${position}.${ours}.${parameter}`;
}

export interface FillOptions {
  readonly rename?: ((name: string) => string) | undefined;
  readonly ignore?: RegExp | undefined;
}

/**
 * Puts the tensors of a file into a network. What frameworks put before all names (`state_dict.`, `module.`, `model.`)
 * is taken off, and counts of batches may be missing: files of early PyTorch have none.
 */
export function fillModel(
  model: AnyModule,
  tensors: ReadonlyMap<string, StoredTensor>,
  file: string,
  { rename = (name) => name, ignore }: FillOptions = {},
): void {
  const state = model.stateDict();
  const values = new Map<string, Tensor>();
  for (const [stored, tensor] of withoutPrefixes(tensors, state)) {
    const name = rename(stored);
    if (ignore?.test(name)) continue;
    const host = toHostTensor(tensor, stored);
    // A count may be stored as [] or [1].
    const shape = state.get(name)?.size === 1 && host.data.length === 1 ? state.get(name)!.shape : host.shape;
    values.set(name, fromHost(host.data, shape, host.dtype));
  }
  for (const [name, own] of state) {
    if (name.endsWith("num_batches_tracked") && !values.has(name)) values.set(name, own);
  }
  try {
    model.loadStateDict(values);
  } catch (error) {
    if (!(error instanceof FoveaError)) throw error;
    throw new FoveaError(`${file} does not fit the network: ${error.message}`, { cause: error });
  }
}

/** Takes off what stands before all names, as long as none of ours begins so. */
function withoutPrefixes<T>(
  tensors: ReadonlyMap<string, T>,
  state: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, T> {
  const prefix = /^(?:state_dict|module|model)\./.exec([...tensors.keys()][0] ?? "")?.[0];
  if (prefix === undefined) return tensors;
  const everywhere = [...tensors.keys()].every((name) => name.startsWith(prefix));
  if (!everywhere || [...state.keys()].some((name) => name.startsWith(prefix))) return tensors;
  return withoutPrefixes(new Map(Array.from(tensors, ([name, tensor]) => [name.slice(prefix.length), tensor])), state);
}
