import { FoveaError, UsageError } from "../base/errors.ts";
import { channelMoments } from "../ops/batchNorm.ts";
import { overwrite } from "../ops/assign.ts";
import { noGrad } from "../tensor/apply.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BatchNorm } from "./batchNorm.ts";
import { observeForward, rememberModes, walk, type AnyModule } from "./module.ts";

/** Batches to go through several times: an array, or a function that starts anew. */
export type Batches<B> = Iterable<B> | AsyncIterable<B> | (() => Iterable<B> | AsyncIterable<B>);

export interface RecomputeOptions<B> {
  /** Runs the model on a batch; default `model.forward(batch)`. */
  forward?: (batch: B) => unknown;
  /**
   * True (default): every layer sees what it will see in inference, so the statistics are those of the whole data set
   * taken as one batch. It takes one pass over the data per layer. False: one pass in all, in which every layer
   * normalises by the batch at hand, as PyTorch's `update_bn`; exact only for the first layer.
   */
  exact?: boolean;
}

/** Count, mean and sum of squared distances per channel, over all values seen. */
interface Moments {
  count: number;
  readonly mean: Float64Array;
  readonly squares: Float64Array;
}

/**
 * Replaces the running statistics of every batch norm by those of a whole data set (Ioffe and Szegedy, 2015, alg. 2).
 *
 * @example
 * await nn.recomputeBatchNorm(model, batches); // tensors [N, C, H, W]
 *
 * // a DataLoader's batches
 * const forward = (b: Batch) => model.forward(tensor(b.x, { shape: b.shape }));
 * await nn.recomputeBatchNorm(model, () => loader.epoch(0), { forward });
 */
export async function recomputeBatchNorm<B = Tensor>(
  model: AnyModule,
  batches: Batches<B>,
  options: RecomputeOptions<B> = {},
): Promise<void> {
  const { exact = true, forward = (batch) => (model.forward as unknown as (x: B) => unknown)(batch) } = options;
  const restore = rememberModes(walk(model));
  const pass = async (layers: (layer: BatchNorm) => boolean): Promise<Map<BatchNorm, Moments>> => {
    const found = new Map<BatchNorm, Moments>();
    for await (const batch of start(batches)) {
      scope(() => noGrad(() => observeForward(observer(found, layers), () => forward(batch))));
    }
    return found;
  };
  const layers = [...model.namedModules().values()].filter((m) => m instanceof BatchNorm && tracked(m));
  if (layers.length === 0) return;
  try {
    model.eval();
    if (!exact) for (const layer of layers) layer.training = true;
    const first = await pass(tracked);
    if (first.size === 0) {
      throw new FoveaError(
        `recomputeBatchNorm: none of the ${layers.length} batch norms ran; are there batches, and does \`forward\` call the model?`,
      );
    }
    for (const [i, layer] of [...first.keys()].entries()) {
      // As they ran: each pass has the final statistics of all layers before its own.
      write(layer, (exact && i > 0 ? await pass((l) => l === layer) : first).get(layer)!);
    }
  } finally {
    restore();
  }
}

const tracked = (layer: BatchNorm): boolean => layer.runningMean !== null;

function start<B>(batches: Batches<B>): Iterable<B> | AsyncIterable<B> {
  if (typeof batches === "function") return batches();
  const iterator =
    (batches as Iterable<B>)[Symbol.iterator]?.() ?? (batches as AsyncIterable<B>)[Symbol.asyncIterator]();
  if ((iterator as unknown) === batches) {
    throw new UsageError(
      "recomputeBatchNorm: the batches are an iterator that can be used once; pass an array, or a function that starts it",
    );
  }
  return batches;
}

function observer(found: Map<BatchNorm, Moments>, wanted: (layer: BatchNorm) => boolean) {
  return (module: AnyModule, _output: unknown, inputs: readonly unknown[]): void => {
    if (!(module instanceof BatchNorm) || !wanted(module)) return;
    const x = inputs[0] as Tensor;
    const { mean, variance } = channelMoments(x);
    const [m, v] = [mean.storage.values(), variance.storage.values()];
    const count = x.size / m.length;
    const all = found.get(module) ?? {
      count: 0,
      mean: new Float64Array(m.length),
      squares: new Float64Array(m.length),
    };
    found.set(module, all);
    // Two sets of values joined (Chan, Golub and LeVeque, 1979): no difference of large sums.
    const total = all.count + count;
    for (let c = 0; c < m.length; c++) {
      const apart = m[c]! - all.mean[c]!;
      all.mean[c]! += (apart * count) / total;
      all.squares[c]! += v[c]! * count + (apart * apart * all.count * count) / total;
    }
    all.count = total;
  };
}

function write(layer: BatchNorm, { count, mean, squares }: Moments): void {
  if (count < 2) throw new FoveaError("recomputeBatchNorm: one value per channel has no variance; give more images");
  overwrite(layer.runningMean!, Float32Array.from(mean));
  overwrite(
    layer.runningVar!,
    Float32Array.from(squares, (s) => s / (layer.unbiased ? count - 1 : count)),
  );
}
