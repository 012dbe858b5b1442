import type { AnyModule } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { StoredTensor } from "./safetensors.ts";

export const weightsFormats = [
  "safetensors",
  "PyTorch",
  "HDF5",
  "Keras",
  "TensorFlow.js",
  "ONNX",
  "Darknet",
  "npy",
  "npz",
] as const;

export type WeightsFormat = (typeof weightsFormats)[number];

/** What a file of weights has in it, whatever its format. */
export interface WeightsFile {
  readonly format: WeightsFormat;
  /** Tensors by the names of the file, in its layout. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
  /** The network, where the file describes one. */
  readonly architecture: Architecture | null;
}

export interface Architecture {
  /** One line for each layer, in order. */
  readonly layers: readonly string[];
  /** Makes the network with the file's weights in place, in inference mode. Throws a FormatError if they do not fit. */
  build(): BuiltModel;
}

export interface BuiltModel {
  readonly model: AnyModule;
  /** All outputs for all inputs, in the order of the file, whatever the model's class. */
  run(inputs: readonly Tensor[]): Tensor[];
  /** Shapes of the inputs as the model takes them, batch first, null where any size will do. */
  readonly inputShapes: readonly (readonly (number | null)[])[];
  /** What was converted on the way, and what was left out: one line each. */
  readonly report: readonly string[];
}

/** The bytes of a file in the same folder, by its name: shards, data files. */
export type Beside = (name: string) => Uint8Array;
