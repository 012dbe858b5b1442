import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape, type Shape } from "../base/shape.ts";
import { assign } from "../ops/assign.ts";
import { batchNorm } from "../ops/batchNorm.ts";
import { groupNorm, instanceNorm, layerNorm } from "../ops/norm.ts";
import { noGrad } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { ones } from "./init.ts";
import { Module } from "./module.ts";
import { Buffer, Parameter } from "./parameter.ts";

export interface LayerNormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Learn a scale (and a shift) per element; default true. */
  elementwiseAffine?: boolean;
  /** Learn the shift too; default true. */
  bias?: boolean;
}

/** Normalises each example over its last axes (Ba, Kiros and Hinton, 2016). */
export class LayerNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly eps: number;
  readonly normalizedShape: Shape;

  /** @param normalizedShape Sizes of the last axes, which are normalised over; a number stands for one axis. */
  constructor(
    normalizedShape: number | Shape,
    { eps = 1e-5, elementwiseAffine = true, bias = true }: LayerNormOptions = {},
  ) {
    super();
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    this.weight = elementwiseAffine ? ones(new Parameter(this.normalizedShape)) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(this.normalizedShape) : null;
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this.weight ?? undefined, this.bias ?? undefined, { eps: this.eps });
  }

  override extraRepr(): string {
    const options = { eps: this.eps, elementwiseAffine: this.weight !== null };
    return showArguments([showShape(this.normalizedShape)], options, { eps: 1e-5, elementwiseAffine: true });
  }
}

export interface GroupNormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Learn a scale and a shift per channel; default true. */
  affine?: boolean;
}

/** Normalises each image over groups of channels and their pixels (Wu and He, 2018): [N, C, ...]. */
export class GroupNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;

  /**
   * @param groups Number of groups; divides the channels.
   * @param channels Number of channels C.
   */
  constructor(groups: number, channels: number, { eps = 1e-5, affine = true }: GroupNormOptions = {}) {
    super();
    if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw new UsageError(`GroupNorm: ${groups} groups must divide the ${channels} channels`);
    }
    this.weight = affine ? ones(new Parameter([channels])) : null;
    this.bias = affine ? new Parameter([channels]) : null;
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    if (x.shape[1] !== this.channels) {
      throw new ShapeError(`GroupNorm: wanted [N, ${this.channels}, ...], got ${showShape(x.shape)}`);
    }
    return groupNorm(x, this.groups, this.weight ?? undefined, this.bias ?? undefined, { eps: this.eps });
  }

  override extraRepr(): string {
    const options = { eps: this.eps, affine: this.weight !== null };
    return showArguments([this.groups, this.channels], options, { eps: 1e-5, affine: true });
  }
}

export interface InstanceNormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Share of the new batch in the running statistics; default 0.1. */
  momentum?: number;
  /** Learn a scale and a shift per channel; default false. */
  affine?: boolean;
  /** Keep running statistics and use them in inference; default false: each image has its own, always. */
  trackRunningStats?: boolean;
}

/** What InstanceNorm1d, 2d and 3d share: normalising each channel of each image (Ulyanov et al., 2016). */
abstract class InstanceNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Buffer | null;
  readonly runningVar: Buffer | null;
  readonly eps: number;
  readonly momentum: number;
  readonly #features: number;
  protected abstract readonly takes: string;

  /** @param features Number of channels C. */
  constructor(
    features: number,
    { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false }: InstanceNormOptions = {},
  ) {
    super();
    this.weight = affine ? ones(new Parameter([features])) : null;
    this.bias = affine ? new Parameter([features]) : null;
    this.runningMean = trackRunningStats ? new Buffer([features]) : null;
    this.runningVar = trackRunningStats ? ones(new Buffer([features])) : null;
    this.eps = eps;
    this.momentum = momentum;
    this.#features = features;
  }

  forward(x: Tensor): Tensor {
    if (x.rank !== this.takes.split(",").length || x.shape[1] !== this.#features) {
      const wanted = this.takes.replace("C", String(this.#features));
      throw new ShapeError(`${this.constructor.name}: wanted ${wanted}, got ${showShape(x.shape)}`);
    }
    const { runningMean, runningVar, eps } = this;
    const [weight, bias] = [this.weight ?? undefined, this.bias ?? undefined];
    if (runningMean !== null && runningVar !== null) {
      if (!this.training) return batchNorm(x, runningMean, runningVar, weight, bias, { eps });
      noGrad(() => this.#track(x, runningMean, runningVar));
    }
    return instanceNorm(x, weight, bias, { eps });
  }

  /** Moves the running statistics towards the mean over the images of their means and (unbiased) variances. */
  #track(x: Tensor, runningMean: Buffer, runningVar: Buffer): void {
    const pixels = x.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
    const follow = (running: Buffer, now: Tensor) =>
      assign(running, running.mul(1 - this.momentum).add(now.mean(0).mul(this.momentum)));
    follow(runningMean, x.mean(pixels));
    follow(runningVar, x.variance(pixels));
  }

  override extraRepr(): string {
    const { eps, momentum } = this;
    const options = { eps, momentum, affine: this.weight !== null, trackRunningStats: this.runningMean !== null };
    const defaults = { eps: 1e-5, momentum: 0.1, affine: false, trackRunningStats: false };
    return showArguments([this.#features], options, defaults);
  }
}

/** Normalises each channel of each signal [N, C, L]. */
export class InstanceNorm1d extends InstanceNorm {
  protected override readonly takes = "[N, C, L]";
}

/** Normalises each channel of each image [N, C, H, W]. */
export class InstanceNorm2d extends InstanceNorm {
  protected override readonly takes = "[N, C, H, W]";
}

/** Normalises each channel of each volume [N, C, D, H, W]. */
export class InstanceNorm3d extends InstanceNorm {
  protected override readonly takes = "[N, C, D, H, W]";
}
