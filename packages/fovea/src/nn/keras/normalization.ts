import { ShapeError, UsageError } from "../../base/errors.ts";
import { showShape, type Shape } from "../../base/shape.ts";
import { permute } from "../../ops/movement.ts";
import { groupNorm, layerNorm } from "../../ops/norm.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNorm } from "../batchNorm.ts";
import type { Buffer, Parameter } from "../parameter.ts";
import { count, flag, numberIn } from "./arguments.ts";
import type { ConstraintArgument } from "./constraints.ts";
import { initializerOf, type InitializerArgument } from "./initializers.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import type { RegularizerArgument } from "./regularizers.ts";
import { sameLayout } from "./weights.ts";

/** Arguments about scale (gamma) and shift (beta) that all normalisations share. */
export interface ScaleArguments extends LayerOptions {
  /** Added to the variance; default 1e-3. */
  epsilon?: number;
  /** Learn a shift, beta; default true. */
  center?: boolean;
  /** Learn a scale, gamma; default true. */
  scale?: boolean;
  betaInitializer?: InitializerArgument;
  gammaInitializer?: InitializerArgument;
  betaRegularizer?: RegularizerArgument;
  gammaRegularizer?: RegularizerArgument;
  betaConstraint?: ConstraintArgument;
  gammaConstraint?: ConstraintArgument;
}

const scaleArguments = [
  "epsilon",
  "center",
  "scale",
  "betaInitializer",
  "gammaInitializer",
  "betaRegularizer",
  "gammaRegularizer",
  "betaConstraint",
  "gammaConstraint",
] as const satisfies (keyof ScaleArguments)[];

abstract class Normalization extends Layer {
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  protected readonly given: ScaleArguments;

  constructor(options: ScaleArguments, known: readonly string[]) {
    super(options, [...known, ...scaleArguments]);
    const who = this.constructor.name;
    this.epsilon = numberIn(who, "epsilon", options.epsilon ?? 1e-3, 0, Infinity, "a number ≥ 0");
    this.center = flag(who, "center", options.center ?? true);
    this.scale = flag(who, "scale", options.scale ?? true);
    this.given = options;
  }

  /** The axis of x counted from the front; throws for one that is not there, and for the batch. */
  protected axisOf(axis: number, shape: Shape): number {
    const at = axis < 0 ? axis + shape.length : axis;
    if (Number.isInteger(axis) && at > 0 && at < shape.length) return at;
    throw new ShapeError(
      `${this.constructor.name}: axis ${axis} is not one of ${showShape(shape)} after the batch: ` +
        `use 1 … ${shape.length - 1}, or −1 for the last`,
    );
  }

  protected makeGamma(shape: Shape): Parameter | null {
    const { gammaInitializer = "ones", gammaRegularizer, gammaConstraint } = this.given;
    const options = { initializer: gammaInitializer, regularizer: gammaRegularizer, constraint: gammaConstraint };
    return this.scale ? this.addWeight("gamma", shape, options) : null;
  }

  protected makeBeta(shape: Shape): Parameter | null {
    const { betaInitializer, betaRegularizer, betaConstraint } = this.given;
    const options = { initializer: betaInitializer, regularizer: betaRegularizer, constraint: betaConstraint };
    return this.center ? this.addWeight("beta", shape, options) : null;
  }
}

/** x with one axis at position 1, and the way back. */
function withAxisSecond(x: Tensor, axis: number): { y: Tensor; back: (y: Tensor) => Tensor } {
  if (axis === 1) return { y: x, back: (y) => y };
  const others = x.shape.flatMap((_, i) => (i === 0 || i === axis ? [] : [i]));
  const order = [0, axis, ...others];
  const reverse: number[] = [];
  for (const [i, from] of order.entries()) reverse[from] = i;
  return { y: permute(x, order), back: (y) => permute(y, reverse) };
}

export interface BatchNormalizationArguments extends ScaleArguments {
  /** The axis of the channels; default −1, the last. For `channels_first` it is 1. */
  axis?: number;
  /** Share of the old statistics in the moving ones, Keras' convention; default 0.99. */
  momentum?: number;
  movingMeanInitializer?: InitializerArgument;
  movingVarianceInitializer?: InitializerArgument;
}

/**
 * Normalises each channel over the batch and its pixels (Ioffe and Szegedy, 2015): shape unchanged.
 *
 * The moving variance is the biased one, as in Keras. With `trainable: false` the layer uses its moving statistics in
 * training too, and leaves them as they are.
 */
export class BatchNormalization extends Normalization {
  readonly axis: number;
  readonly momentum: number;
  /** The module at work, with its running statistics; scale and shift are its own when there are both. */
  norm: BatchNorm | null = null;
  gamma: Parameter | null = null;
  beta: Parameter | null = null;
  readonly #given: BatchNormalizationArguments;

  constructor(options: BatchNormalizationArguments = {}) {
    super(options, ["axis", "momentum", "movingMeanInitializer", "movingVarianceInitializer"]);
    this.axis = options.axis ?? -1;
    this.momentum = numberIn("BatchNormalization", "momentum", options.momentum ?? 0.99, 0, 1, "in [0, 1]");
    this.#given = options;
  }

  protected override makeWeights(shape: Shape): void {
    const channels = shape[this.axisOf(this.axis, shape)]!;
    const kind = [BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d][shape.length - 2];
    if (kind === undefined) throw new ShapeError(`BatchNormalization: wanted rank 2 to 5, got ${showShape(shape)}`);
    const both = this.scale && this.center;
    const { momentum, epsilon: eps } = this;
    const norm = new kind(channels, { convention: "keras", momentum, eps, affine: both });
    this.norm = norm;
    const given = this.#given;
    const fill = (x: Parameter | Buffer, name: string, initializer: InitializerArgument | undefined, usual: string) =>
      this.fill(name, x, initializerOf("BatchNormalization", `${name}Initializer`, initializer ?? usual));
    if (both) {
      const scale = { regularizer: given.gammaRegularizer, constraint: given.gammaConstraint };
      const shift = { regularizer: given.betaRegularizer, constraint: given.betaConstraint };
      const same = sameLayout([channels]);
      fill(this.keep("gamma", norm.weight!, same, scale), "gamma", given.gammaInitializer, "ones");
      fill(this.keep("beta", norm.bias!, same, shift), "beta", given.betaInitializer, "zeros");
    } else {
      this.gamma = this.makeGamma([channels]);
      this.beta = this.makeBeta([channels]);
    }
    const { movingMeanInitializer, movingVarianceInitializer } = given;
    fill(this.keep("movingMean", norm.runningMean!), "movingMean", movingMeanInitializer, "zeros");
    fill(this.keep("movingVariance", norm.runningVar!), "movingVariance", movingVarianceInitializer, "ones");
  }

  protected call(x: Tensor): Tensor {
    const { y, back } = withAxisSecond(x, this.axisOf(this.axis, x.shape));
    const norm = this.norm!;
    norm.training = this.training && this.trainable;
    const perChannel = (t: Tensor) => t.reshape(y.shape.map((d, i) => (i === 1 ? d : 1)));
    let z = norm.forward(y);
    if (this.gamma !== null) z = z.mul(perChannel(this.gamma));
    if (this.beta !== null) z = z.add(perChannel(this.beta));
    return back(z);
  }
}

export interface LayerNormalizationArguments extends ScaleArguments {
  /** The axis or axes normalised over; default −1, the last. */
  axis?: number | readonly number[];
}

/** Normalises each example over some of its axes (Ba, Kiros and Hinton, 2016): shape unchanged. */
export class LayerNormalization extends Normalization {
  readonly axis: number | readonly number[];
  gamma: Parameter | null = null;
  beta: Parameter | null = null;

  constructor(options: LayerNormalizationArguments = {}) {
    super(options, ["axis"]);
    this.axis = options.axis ?? -1;
  }

  protected override makeWeights(shape: Shape): void {
    const sizes = this.#axes(shape).map((i) => shape[i]!);
    this.gamma = this.makeGamma(sizes);
    this.beta = this.makeBeta(sizes);
  }

  protected call(x: Tensor): Tensor {
    const axes = this.#axes(x.shape);
    const order = [...x.shape.keys()].filter((i) => !axes.includes(i)).concat(axes);
    const reverse: number[] = [];
    for (const [i, from] of order.entries()) reverse[from] = i;
    const sizes = axes.map((i) => x.shape[i]!);
    const y = layerNorm(permute(x, order), sizes, this.gamma ?? undefined, this.beta ?? undefined, {
      eps: this.epsilon,
    });
    return permute(y, reverse);
  }

  #axes(shape: Shape): number[] {
    const list = typeof this.axis === "number" ? [this.axis] : this.axis;
    return list.map((axis) => this.axisOf(axis, shape)).toSorted((a, b) => a - b);
  }
}

export interface GroupNormalizationArguments extends ScaleArguments {
  /** Number of groups, which divides the channels; −1 for one each; default 32. */
  groups?: number;
  /** The axis of the channels; default −1, the last. */
  axis?: number;
}

/** Normalises each image over groups of channels and their pixels (Wu and He, 2018): shape unchanged. */
export class GroupNormalization extends Normalization {
  readonly groups: number;
  readonly axis: number;
  gamma: Parameter | null = null;
  beta: Parameter | null = null;

  constructor(options: GroupNormalizationArguments = {}) {
    super(options, ["groups", "axis"]);
    const { groups = 32, axis = -1 } = options;
    this.groups = groups === -1 ? -1 : count("GroupNormalization", "groups", groups);
    this.axis = axis;
  }

  protected override makeWeights(shape: Shape): void {
    const channels = shape[this.axisOf(this.axis, shape)]!;
    if (this.groups !== -1 && channels % this.groups !== 0) {
      throw new UsageError(`GroupNormalization: groups ${this.groups} must divide the ${channels} channels`);
    }
    this.gamma = this.makeGamma([channels]);
    this.beta = this.makeBeta([channels]);
  }

  protected call(x: Tensor): Tensor {
    const { y, back } = withAxisSecond(x, this.axisOf(this.axis, x.shape));
    const groups = this.groups === -1 ? y.shape[1]! : this.groups;
    return back(groupNorm(y, groups, this.gamma ?? undefined, this.beta ?? undefined, { eps: this.epsilon }));
  }
}
