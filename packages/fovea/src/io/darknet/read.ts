import { FormatError } from "../../base/errors.ts";
import { tensor } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { readElements, type StoredTensor } from "../safetensors.ts";
import type { WeightsFile } from "../weightsFile.ts";
import { DarknetNetwork } from "./network.ts";
import { planNetwork, type ConnectedPlan, type ConvolutionPlan, type LayerPlan } from "./plan.ts";

/** Whether a text begins as a Darknet configuration: comments, then `[net]`. */
export const isDarknetConfig = (start: string): boolean => /^(\s*[#;][^\n]*\n)*\s*\[net(work)?\]/.test(start);

/** Weights have no magic number: a version 0.1 or 0.2, and then whole floats. */
export function isDarknetWeights(bytes: Uint8Array): boolean {
  if (bytes.length < 16) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [major, minor, revision] = [0, 4, 8].map((at) => view.getInt32(at, true)) as [number, number, number];
  const header = minor === 2 ? 20 : 16; // the count of images seen has 8 or 4 bytes
  const sound = major === 0 && (minor === 1 || minor === 2) && revision >= 0 && revision < 100;
  return sound && bytes.length >= header && bytes.length % 4 === 0;
}

/**
 * A Darknet network from its configuration and weights. Tensors have the names and layouts of the module's state dict:
 * Darknet's kernels are [out, in / groups, height, width] as ours, and each layer's biases come first.
 */
export function readDarknet(config: Uint8Array, weights: Uint8Array, name: string): WeightsFile {
  const plan = planNetwork(config, name);
  if (!isDarknetWeights(weights)) throw new FormatError(`${name}: its weights do not begin as Darknet's do`);
  const view = new DataView(weights.buffer, weights.byteOffset, weights.byteLength);
  const version = [0, 4, 8].map((at) => view.getInt32(at, true));
  const seenBytes = version[1] === 2 ? 8 : 4;
  const seen = seenBytes === 8 ? Number(view.getBigUint64(12, true)) : view.getUint32(12, true);
  const body = weights.subarray(12 + seenBytes);

  const wanted = plan.layers.flatMap((layer, i) => weightsOf(layer, i));
  const total = wanted.reduce((sum, [, shape]) => sum + shape.reduce((n, d) => n * d, 1), 0);
  if (4 * total !== body.length) {
    throw new FormatError(
      `${name}: the layers have ${total} weights, but the file of weights holds ${body.length / 4}; are they of one network?`,
    );
  }
  const tensors = new Map<string, StoredTensor>();
  let at = 0;
  for (const [key, shape] of wanted) {
    const size = 4 * shape.reduce((n, d) => n * d, 1);
    tensors.set(key, { dtype: "F32", shape, data: readElements(body.subarray(at, at + size), "F32") });
    at += size;
  }
  return {
    format: "Darknet",
    tensors,
    metadata: new Map([
      ["version", version.join(".")],
      ["seen", String(seen)],
    ]),
    architecture: {
      layers: plan.layers.map((layer, i) => `${i} (${layer.kind}, [${layer.output.join(", ")}])`),
      build() {
        const model = new DarknetNetwork(plan);
        const values = new Map<string, Tensor>();
        for (const [key, { data, shape }] of tensors) values.set(key, tensor(data as Float32Array, { shape }));
        // All but the counts of batches, which Darknet does not keep.
        model.loadStateDict(values, { strict: false });
        return {
          model: model.eval(),
          run: ([x]) => model.forwardAll(x!),
          inputShapes: [[null, ...plan.input]],
          report: [],
        };
      },
    },
  };
}

/** The weights of a layer in the order of the file. */
function weightsOf(plan: LayerPlan, index: number): [name: string, shape: readonly number[]][] {
  if (plan.kind !== "convolutional" && plan.kind !== "connected") return [];
  const { filters } = plan;
  const of = (part: string): string => `layers.${index}.${part}`;
  const kernel: [string, readonly number[]] = [of("conv.weight"), kernelShape(plan)];
  const perFilter = (part: string): [string, readonly number[]] => [of(part), [filters]];
  const norm = ["norm.weight", "norm.running_mean", "norm.running_var"].map(perFilter);
  if (!plan.normalize) return [perFilter("conv.bias"), kernel];
  // Dense layers have their batch norm last, convolutions before the kernel.
  const bias = perFilter("norm.bias");
  return plan.kind === "connected" ? [bias, kernel, ...norm] : [bias, ...norm, kernel];
}

const kernelShape = (plan: ConvolutionPlan | ConnectedPlan): readonly number[] =>
  plan.kind === "connected"
    ? [plan.filters, plan.inputs]
    : [plan.filters, plan.inChannels / plan.groups, plan.size, plan.size];
