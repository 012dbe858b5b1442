import { FormatError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import type { Hdf5File } from "../hdf5.ts";
import { JsonObject } from "../jsonObject.ts";
import type { StoredTensor } from "../safetensors.ts";
import { kerasArchitecture, type LayerAddress, type LayerWeights } from "./model.ts";
import type { Architecture } from "../weightsFile.ts";

/** The network in a whole model that Keras 2 (or 3, as `.h5`) saved; null for a file of weights alone. */
export function h5Architecture(file: Hdf5File, name: string): Architecture | null {
  const root = file.attributes.get("");
  const config = root?.get("model_config");
  if (config === undefined) return null;
  if (typeof config !== "string") throw new FormatError(`${name}: its model_config is not a text`);
  const version = root!.get("keras_version");
  return kerasArchitecture(
    JsonObject.parse(config, `${name}: model_config`),
    h5Weights(file, name),
    typeof version === "string" ? version : "2",
    name,
  );
}

/** The datasets of a file; where Keras says in which order it saved its layers and their weights, in that order. */
export function inSavedOrder({ attributes, datasets }: Hdf5File): ReadonlyMap<string, StoredTensor> {
  const file = { attributes, datasets };
  const top = attributes.has("model_weights") ? "model_weights/" : "";
  const first = texts(file, top.slice(0, -1), "layer_names").flatMap((layer) =>
    texts(file, `${top}${layer}`, "weight_names").map((weight) => `${top}${layer}/${weight}`),
  );
  const known = first.filter((path) => datasets.has(path)).map((path) => [path, datasets.get(path)!] as const);
  return new Map([...known, ...datasets]);
}

/** Weights by layer: the group of a layer lists its weights by name, in Keras' order. */
function h5Weights(file: Hdf5File, name: string): LayerWeights {
  const top = file.attributes.has("model_weights") ? "model_weights/" : "";
  const groups = texts(file, top.slice(0, -1), "layer_names");
  return {
    of({ name: layer, outermost }) {
      const group = `${top}${outermost}`;
      if (!file.attributes.has(group)) return [];
      return texts(file, group, "weight_names")
        .filter((weight) => outermost === layer || weight.split("/").at(-2) === layer)
        .map((weight) => {
          const found = file.datasets.get(`${group}/${weight}`);
          if (found === undefined) throw new FormatError(`${name}: there is no dataset ${group}/${weight}`);
          return found;
        });
    },
    near: ({ outermost }) => showNear(outermost, groups),
  };
}

/** A list of texts among the attributes; Keras cuts long ones into `name0`, `name1` and so on. */
function texts(file: Hdf5File, path: string, key: string): readonly string[] {
  const attributes = file.attributes.get(path);
  const numbered = [...(attributes ?? [])].filter(
    ([name]) => name.startsWith(key) && /^\d*$/.test(name.slice(key.length)),
  );
  const order = ([name]: readonly [string, unknown]) => Number(name.slice(key.length));
  return numbered
    .toSorted((a, b) => order(a) - order(b))
    .flatMap(([, part]): readonly unknown[] => (Array.isArray(part) ? part : [part]))
    .filter((text): text is string => typeof text === "string");
}

/** The weights in an archive of Keras 3: `layers/conv2d/vars/0`, named by class and number, not by the layer's name. */
export function v3Weights(file: Hdf5File): LayerWeights {
  const older = "_layer_checkpoint_dependencies";
  const isOld = file.attributes.has(older);
  const pathOf = ({ path }: LayerAddress) => (isOld ? path.replaceAll("layers/", `${older}/`) : path);
  return {
    of(address) {
      const found: StoredTensor[] = [];
      for (;;) {
        const next = file.datasets.get(`${pathOf(address)}/vars/${found.length}`);
        if (next === undefined) return found;
        found.push(next);
      }
    },
    near(address) {
      const groups = [...file.attributes.keys()].filter((path) => path.endsWith("/vars"));
      return showNear(`${pathOf(address)}/vars`, groups);
    },
  };
}

/** Weights named `layer/kernel`, as TensorFlow.js lists them. */
export function namedWeights(tensors: ReadonlyMap<string, StoredTensor>): LayerWeights {
  const byLayer = new Map<string, StoredTensor[]>();
  for (const [name, tensor] of tensors) {
    const layer = name.split("/").at(-2) ?? "";
    const list = byLayer.get(layer);
    if (list === undefined) byLayer.set(layer, [tensor]);
    else list.push(tensor);
  }
  return {
    of: ({ name }) => byLayer.get(name) ?? [],
    near: ({ name }) => showNear(name, byLayer.keys()),
  };
}

function showNear(name: string, names: Iterable<string>): string {
  const near = nearest(name, names);
  return near === null || near === name ? "" : ` (near: ${near})`;
}
