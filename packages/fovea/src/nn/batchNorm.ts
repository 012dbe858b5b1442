import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { assign } from "../ops/assign.ts";
import { cast } from "../ops/cast.ts";
import { batchNorm, batchNormOfBatch, momentsOf } from "../ops/batchNorm.ts";
import { at } from "../ops/movement.ts";
import { channelsLastHint, sizesOf } from "../ops/windows.ts";
import { noGrad } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { ones } from "./init.ts";
import { Module } from "./module.ts";
import { Buffer, Parameter } from "./parameter.ts";

export interface BatchNormOptions {
  /** Added to the variance; default 1e-5, with Keras' convention 1e-3. */
  eps?: number;
  /**
   * PyTorch's convention: share of the new batch in the running statistics; default 0.1. Keras': share of the old
   * statistics; default 0.99. `null`: plain averages over all batches seen.
   */
  momentum?: number | null;
  /** Learn a scale and a shift per channel; default true. */
  affine?: boolean;
  /** Learn the scale too; default true. Without it there is a shift alone (Keras' `scale=False`). */
  scale?: boolean;
  /** Keep running statistics for inference; default true. Without them the batch's own are always used. */
  trackRunningStats?: boolean;
  /** Whose meaning of `momentum`, and whose defaults; default `pytorch`. */
  convention?: "pytorch" | "keras";
  /** Whether the running variance divides by n − 1 (PyTorch, default) or by n (default with Keras' convention). */
  unbiased?: boolean;
}

/** What `describe` leaves out, whatever the convention; Keras' own is said. */
const USUAL = { affine: true, scale: true, trackRunningStats: true, convention: "pytorch" };
const PYTORCH = { eps: 1e-5, momentum: 0.1, unbiased: true, ...USUAL };
const KERAS = { eps: 1e-3, momentum: 0.99, unbiased: false, ...USUAL };

/**
 * What BatchNorm1d, 2d and 3d share: normalising each channel over the batch and its pixels (Ioffe, Szegedy, 2015).
 *
 * While training, the statistics are the batch's, and the running ones move towards them. In inference the running
 * ones are used; `recomputeBatchNorm` replaces them by those of a whole data set. Frozen (`freeze()`), it acts as in
 * inference also while the rest trains.
 */
export abstract class BatchNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Buffer | null;
  readonly runningVar: Buffer | null;
  readonly numBatchesTracked: Buffer | null;
  readonly eps: number;
  readonly momentum: number | null;
  readonly convention: "pytorch" | "keras";
  readonly unbiased: boolean;
  readonly #features: number;
  /** Shapes taken, by rank, as errors print them. */
  protected abstract readonly takes: Readonly<Record<number, string>>;

  /** @param features Number of channels C. */
  constructor(features: number, options: BatchNormOptions = {}) {
    super();
    const { convention = "pytorch", affine = true, scale = true, trackRunningStats = true } = options;
    if (convention !== "pytorch" && convention !== "keras") {
      throw new UsageError(`BatchNorm: convention must be "pytorch" or "keras", got ${String(convention)}`);
    }
    const defaults = convention === "keras" ? KERAS : PYTORCH;
    const { eps = defaults.eps, momentum = defaults.momentum, unbiased = defaults.unbiased } = options;
    if (momentum !== null && !(momentum >= 0 && momentum <= 1)) {
      throw new UsageError(`${this.constructor.name}: momentum must be in [0, 1], got ${momentum}`);
    }
    sizesOf(features, 1, 1, `${this.constructor.name}: features`);
    if (!(eps >= 0)) throw new UsageError(`${this.constructor.name}: eps must be ≥ 0, got ${eps}`);
    this.weight = affine && scale ? ones(new Parameter([features])) : null;
    this.bias = affine ? new Parameter([features]) : null;
    this.runningMean = trackRunningStats ? new Buffer([features]) : null;
    this.runningVar = trackRunningStats ? ones(new Buffer([features])) : null;
    this.numBatchesTracked = trackRunningStats ? new Buffer([], "int32") : null;
    this.eps = eps;
    this.momentum = momentum;
    this.convention = convention;
    this.unbiased = unbiased;
    this.#features = features;
  }

  forward(x: Tensor): Tensor {
    if (this.takes[x.rank] === undefined || x.shape[1] !== this.#features) {
      const wanted = Object.values(this.takes).map((s) => s.replace("C", String(this.#features)));
      throw new ShapeError(
        `${this.constructor.name}: wanted ${wanted.join(" or ")}, got ${showShape(x.shape)}${this.#hint(x)}`,
      );
    }
    const { eps, training, runningMean, runningVar } = this;
    const [weight, bias] = [this.weight ?? undefined, this.bias ?? undefined];
    if ((!training || this.#frozen) && runningMean !== null && runningVar !== null) {
      return batchNorm(x, runningMean, runningVar, weight, bias, { eps });
    }
    const moments = momentsOf(x);
    if (training) this.#track(x, moments);
    return batchNormOfBatch(x, moments, weight, bias, eps);
  }

  /** Weights that take no gradients: the statistics stay as they are too, as Keras does it. */
  get #frozen(): boolean {
    const own = [this.weight, this.bias].filter((parameter) => parameter !== null);
    return own.length > 0 && own.every((parameter) => !parameter.requiresGrad);
  }

  #hint(x: Tensor): string {
    if (this.takes[x.rank] !== undefined) {
      const name = this.constructor.name;
      return channelsLastHint(x.shape, this.#features) || `; for this x it should be ${name}(${x.shape[1]})`;
    }
    const other = { 2: 1, 3: 1, 4: 2, 5: 3 }[x.rank];
    return other !== undefined && x.shape[1] === this.#features ? `; BatchNorm${other}d takes such an x` : "";
  }

  /** Moves the running statistics towards those of the batch x. */
  #track(x: Tensor, moments: Tensor): void {
    const count = x.size / this.#features;
    if (count < 2) {
      throw new ShapeError(
        `${this.constructor.name}: one value per channel has no variance; got x ${showShape(x.shape)}; train with more images or pixels, or call eval() for inference`,
      );
    }
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (runningMean === null || runningVar === null || numBatchesTracked === null) return;
    noGrad(() => {
      assign(numBatchesTracked, numBatchesTracked.add(1));
      const [kept, entering] = this.#shares(numBatchesTracked);
      const follow = (running: Buffer, now: Tensor) => assign(running, running.mul(kept).add(now.mul(entering)));
      const [mean, variance] = [at(moments, 0), at(moments, 1)];
      follow(runningMean, mean);
      follow(runningVar, this.unbiased ? variance.mul(count / (count - 1)) : variance);
    });
  }

  /** What the old statistics and the new batch count. */
  #shares(batches: Tensor): [Tensor | number, Tensor | number] {
    const { momentum } = this;
    if (momentum === null) {
      const entering = cast(batches, "float32").reciprocal();
      return [entering.neg().add(1), entering];
    }
    return this.convention === "keras" ? [momentum, 1 - momentum] : [1 - momentum, momentum];
  }

  override extraRepr(): string {
    const { eps, momentum, convention, unbiased } = this;
    const affine = this.bias !== null;
    const scale = this.weight !== null || !affine;
    const trackRunningStats = this.runningMean !== null;
    return showArguments(
      [this.#features],
      { eps, momentum, affine, scale, trackRunningStats, convention, unbiased },
      convention === "keras" ? KERAS : PYTORCH,
    );
  }
}

/** Normalises each channel of [N, C] or [N, C, L] over the batch and its positions. */
export class BatchNorm1d extends BatchNorm {
  protected override readonly takes = { 2: "[N, C]", 3: "[N, C, L]" };
}

/** Normalises each channel of [N, C, H, W] over the batch and its pixels. */
export class BatchNorm2d extends BatchNorm {
  protected override readonly takes = { 4: "[N, C, H, W]" };
}

/** Normalises each channel of [N, C, D, H, W] over the batch and its voxels. */
export class BatchNorm3d extends BatchNorm {
  protected override readonly takes = { 5: "[N, C, D, H, W]" };
}
