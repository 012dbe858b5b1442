import { ShapeError } from "../../base/errors.ts";
import { showShape, type Shape } from "../../base/shape.ts";
import { elu, leakyRelu, threshold } from "../../ops/activations.ts";
import { softmax } from "../../ops/softmax.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Parameter } from "../parameter.ts";
import { activationOf, type ActivationArgument, type ResolvedActivation } from "./activations.ts";
import { numberIn, required } from "./arguments.ts";
import type { ConstraintArgument } from "./constraints.ts";
import type { InitializerArgument } from "./initializers.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import type { RegularizerArgument } from "./regularizers.ts";

/** Any activation as a layer. */
export class Activation extends Layer {
  readonly #activation: ResolvedActivation | null;

  constructor(options: LayerOptions & { activation: ActivationArgument }) {
    super(options, ["activation"]);
    this.#activation = activationOf("Activation", required("Activation", "activation", options.activation));
  }

  protected call(x: Tensor): Tensor {
    return this.#activation === null ? x : this.#activation.apply(x);
  }
}

export interface ReLUArguments extends LayerOptions {
  /** The largest output; default none. */
  maxValue?: number | null;
  /** Slope below the threshold; default 0. */
  negativeSlope?: number;
  /** Where the positive side begins; default 0. */
  threshold?: number;
}

/** x from the threshold on, up to maxValue; negativeSlope · (x − threshold) below it. */
export class ReLU extends Layer {
  readonly maxValue: number | null;
  readonly negativeSlope: number;
  readonly threshold: number;

  constructor(options: ReLUArguments = {}) {
    super(options, ["maxValue", "negativeSlope", "threshold"]);
    const { maxValue = null, negativeSlope = 0, threshold: from = 0 } = options;
    this.maxValue = maxValue === null ? null : numberIn("ReLU", "maxValue", maxValue, 0, Infinity, "a number ≥ 0");
    this.negativeSlope = numberIn("ReLU", "negativeSlope", negativeSlope, 0, Infinity, "a number ≥ 0");
    this.threshold = numberIn("ReLU", "threshold", from, 0, Infinity, "a number ≥ 0");
  }

  protected call(x: Tensor): Tensor {
    const { maxValue, negativeSlope, threshold: from } = this;
    const positive = from === 0 ? x.relu() : threshold(x, from);
    const capped = maxValue === null ? positive : positive.minimum(maxValue);
    return negativeSlope === 0 ? capped : capped.add(x.sub(from).minimum(0).mul(negativeSlope));
  }
}

/** x on the positive side, negativeSlope · x on the other. */
export class LeakyReLU extends Layer {
  readonly negativeSlope: number;

  /** `alpha` is what Keras 2 called `negativeSlope`; default 0.3. */
  constructor(options: LayerOptions & { negativeSlope?: number; alpha?: number } = {}) {
    super(options, ["negativeSlope", "alpha"]);
    const slope = options.negativeSlope ?? options.alpha ?? 0.3;
    this.negativeSlope = numberIn("LeakyReLU", "negativeSlope", slope, 0, Infinity, "a number ≥ 0");
  }

  protected call(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }
}

export interface PReLUArguments extends LayerOptions {
  alphaInitializer?: InitializerArgument;
  alphaRegularizer?: RegularizerArgument;
  alphaConstraint?: ConstraintArgument;
  /** Axes along which one slope serves, counted with the batch: [1, 2] for one per channel of [N, H, W, C]. */
  sharedAxes?: readonly number[] | null;
}

/** x on the positive side, a learned slope · x on the other; a slope per element unless axes are shared. */
export class PReLU extends Layer {
  alpha: Parameter | null = null;
  readonly sharedAxes: readonly number[];
  readonly #given: PReLUArguments;

  constructor(options: PReLUArguments = {}) {
    super(options, ["alphaInitializer", "alphaRegularizer", "alphaConstraint", "sharedAxes"]);
    this.sharedAxes = options.sharedAxes ?? [];
    this.#given = options;
  }

  protected override makeWeights(shape: Shape): void {
    if (this.sharedAxes.some((axis) => !Number.isInteger(axis) || axis < 1 || axis >= shape.length)) {
      throw new ShapeError(
        `PReLU: sharedAxes must be axes 1 … ${shape.length - 1} of ${showShape(shape)}, got ` +
          JSON.stringify(this.sharedAxes),
      );
    }
    const { alphaInitializer, alphaRegularizer, alphaConstraint } = this.#given;
    this.alpha = this.addWeight(
      "alpha",
      shape.slice(1).map((d, i) => (this.sharedAxes.includes(i + 1) ? 1 : d)),
      { initializer: alphaInitializer, regularizer: alphaRegularizer, constraint: alphaConstraint },
    );
  }

  protected call(x: Tensor): Tensor {
    return x.relu().add(x.minimum(0).mul(this.alpha!));
  }
}

/** x on the positive side, alpha · (eˣ − 1) on the other. */
export class ELU extends Layer {
  readonly alpha: number;

  constructor(options: LayerOptions & { alpha?: number } = {}) {
    super(options, ["alpha"]);
    this.alpha = numberIn("ELU", "alpha", options.alpha ?? 1, 0, Infinity, "a number ≥ 0");
  }

  protected call(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }
}

/** x above theta, 0 elsewhere (Keras 2). */
export class ThresholdedReLU extends Layer {
  readonly theta: number;

  constructor(options: LayerOptions & { theta?: number } = {}) {
    super(options, ["theta"]);
    this.theta = numberIn("ThresholdedReLU", "theta", options.theta ?? 1, 0, Infinity, "a number ≥ 0");
  }

  protected call(x: Tensor): Tensor {
    return threshold(x, this.theta);
  }
}

/** Positive numbers that sum to 1 along an axis; default the last. */
export class Softmax extends Layer {
  readonly axis: number;

  constructor(options: LayerOptions & { axis?: number } = {}) {
    super(options, ["axis"]);
    this.axis = options.axis ?? -1;
  }

  protected call(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
}
