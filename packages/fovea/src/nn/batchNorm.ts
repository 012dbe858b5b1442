import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { assign } from "../ops/assign.ts";
import { batchNorm, channelMoments } from "../ops/norm.ts";
import { noGrad } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { ones } from "./init.ts";
import { Module } from "./module.ts";
import { Buffer, Parameter } from "./parameter.ts";

export interface BatchNormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Share of the new batch in the running statistics; default 0.1. */
  momentum?: number;
  /** Learn a scale and a shift per channel; default true. */
  affine?: boolean;
  /** Keep running statistics for inference; default true. Without them the batch's own are always used. */
  trackRunningStats?: boolean;
}

/**
 * Normalises each channel of [N, C, H, W] over the batch and its pixels (Ioffe and Szegedy, 2015).
 *
 * While training, the statistics are the batch's, and the running ones move towards them (with the unbiased variance,
 * as in PyTorch). In inference the running ones are used.
 */
export class BatchNorm2d extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Buffer | null;
  readonly runningVar: Buffer | null;
  readonly numBatchesTracked: Buffer | null;
  readonly eps: number;
  readonly momentum: number;
  readonly #features: number;

  constructor(
    features: number,
    { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true }: BatchNormOptions = {},
  ) {
    super();
    if (!(momentum >= 0 && momentum <= 1))
      throw new UsageError(`BatchNorm2d: momentum must be in [0, 1], got ${momentum}`);
    this.weight = affine ? ones(new Parameter([features])) : null;
    this.bias = affine ? new Parameter([features]) : null;
    this.runningMean = trackRunningStats ? new Buffer([features]) : null;
    this.runningVar = trackRunningStats ? ones(new Buffer([features])) : null;
    this.numBatchesTracked = trackRunningStats ? new Buffer([], "int32") : null;
    this.eps = eps;
    this.momentum = momentum;
    this.#features = features;
  }

  forward(x: Tensor): Tensor {
    if (x.rank !== 4 || x.shape[1] !== this.#features) {
      throw new ShapeError(`BatchNorm2d: wanted [N, ${this.#features}, H, W], got ${showShape(x.shape)}`);
    }
    const batch = this.training || this.runningMean === null ? channelMoments(x) : null;
    if (batch !== null && this.training) this.#track(x.size / this.#features, batch.mean, batch.variance);
    const mean = batch?.mean ?? this.runningMean!;
    const variance = batch?.variance ?? this.runningVar!;
    return batchNorm(x, mean, variance, this.weight ?? undefined, this.bias ?? undefined, { eps: this.eps });
  }

  /** Moves the running statistics towards those of a batch with `count` values per channel. */
  #track(count: number, mean: Tensor, variance: Tensor): void {
    if (count < 2) {
      throw new ShapeError("BatchNorm2d: one value per channel has no variance; train with more images or pixels");
    }
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (runningMean === null || runningVar === null || numBatchesTracked === null) return;
    const follow = (running: Buffer, now: Tensor) =>
      assign(running, running.mul(1 - this.momentum).add(now.reshape([this.#features]).mul(this.momentum)));
    noGrad(() => {
      follow(runningMean, mean);
      follow(runningVar, variance.mul(count / (count - 1))); // unbiased
      assign(numBatchesTracked, numBatchesTracked.add(1));
    });
  }

  override extraRepr(): string {
    const { eps, momentum } = this;
    const options = { eps, momentum, affine: this.weight !== null, trackRunningStats: this.runningMean !== null };
    return showArguments([this.#features], options, {
      eps: 1e-5,
      momentum: 0.1,
      affine: true,
      trackRunningStats: true,
    });
  }
}
