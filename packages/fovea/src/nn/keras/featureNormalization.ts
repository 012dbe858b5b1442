import { ShapeError, UsageError } from "../../base/errors.ts";
import { showShape, type Shape } from "../../base/shape.ts";
import { maximum } from "../../ops/binary.ts";
import { tensor } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { constant } from "../init.ts";
import { Buffer } from "../parameter.ts";
import { flag } from "./arguments.ts";
import { Layer, type LayerOptions } from "./layer.ts";

/** Keras' backend epsilon, below which no deviation falls. */
const EPSILON = 1e-7;

export interface NormalizationArguments extends LayerOptions {
  /** The axes that have statistics of their own; default −1, the last. null: one mean and one variance for all. */
  axis?: number | readonly number[] | null;
  /** Fixed means, one number or one for each place along `axis`; by default they are weights. */
  mean?: number | readonly number[];
  /** Fixed variances, given together with `mean`. */
  variance?: number | readonly number[];
  /** Give x · √variance + mean instead; default false. */
  invert?: boolean;
}

/**
 * (x − mean) / √variance with statistics of the training data: Keras' preprocessing layer `Normalization`, as files have it.
 * As weights they are `mean`, `variance` and `count`; a fresh layer has 0 and 1.
 */
export class Normalization extends Layer {
  readonly axis: readonly number[];
  readonly invert: boolean;
  readonly #fixed: readonly [mean: Tensor, variance: Tensor] | null;
  mean: Buffer | null = null;
  variance: Buffer | null = null;
  count: Buffer | null = null;

  constructor(options: NormalizationArguments = {}) {
    super(options, ["axis", "mean", "variance", "invert"]);
    const { axis = -1, mean, variance, invert } = options;
    this.axis = axis === null ? [] : typeof axis === "number" ? [axis] : axis;
    this.invert = flag("Normalization", "invert", invert ?? false);
    if ((mean === undefined) !== (variance === undefined)) {
      throw new UsageError("Normalization: mean and variance are given together, or neither");
    }
    const values = (given: number | readonly number[]) => tensor(typeof given === "number" ? [given] : [...given]);
    this.#fixed = mean === undefined ? null : [values(mean), values(variance!)];
  }

  protected override makeWeights(shape: Shape): void {
    if (this.#fixed !== null) return;
    const kept = this.#axesOf(shape).map((i) => shape[i]!);
    const make = (name: string, of: Shape, first: number) => {
      const buffer = this.keep(name, new Buffer(of));
      this.fill(name, buffer, (x) => constant(x, first));
      return buffer;
    };
    this.mean = make("mean", kept, 0);
    this.variance = make("variance", kept, 1);
    this.count = make("count", [], 0);
  }

  protected call(x: Tensor): Tensor {
    const axes = this.#axesOf(x.shape);
    const along = (t: Tensor) =>
      t.size === 1 ? t.reshape([]) : t.reshape(x.shape.map((d, i) => (axes.includes(i) ? d : 1)));
    const [mean, variance] = this.#fixed ?? [this.mean!, this.variance!];
    const deviation = maximum(along(variance).sqrt(), EPSILON);
    return this.invert ? x.mul(deviation).add(along(mean)) : x.sub(along(mean)).div(deviation);
  }

  #axesOf(shape: Shape): number[] {
    return this.axis.map((axis) => {
      const at = axis < 0 ? axis + shape.length : axis;
      if (Number.isInteger(axis) && at > 0 && at < shape.length) return at;
      throw new ShapeError(`Normalization: axis ${axis} is not one of ${showShape(shape)} after the batch`);
    });
  }
}
