import { ShapeError } from "../../base/errors.ts";
import { showShape, type Shape } from "../../base/shape.ts";
import { linear } from "../../ops/linear.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Parameter } from "../parameter.ts";
import { count, flag, required } from "./arguments.ts";
import { ActivatedLayer, weightArguments, type WeightArguments } from "./conv.ts";
import type { LayerOptions } from "./layer.ts";
import { denseKernel } from "./weights.ts";

export interface DenseArguments extends LayerOptions, WeightArguments {
  /** Number of outputs. */
  units: number;
}

/**
 * A fully connected layer over the last axis: [N, ..., in] → [N, ..., units].
 *
 * @example
 * new keras.Dense({ units: 10, activation: "softmax" })
 */
export class Dense extends ActivatedLayer {
  /** [units, in] */
  weight: Parameter | null = null;
  /** [units] */
  bias: Parameter | null = null;
  readonly units: number;
  readonly #given: WeightArguments;

  constructor(options: DenseArguments) {
    super(options, ["units", ...weightArguments]);
    const who = this.constructor.name;
    this.units = count(who, "units", required(who, "units", options.units));
    flag(who, "useBias", options.useBias ?? true);
    this.#given = options;
  }

  protected override makeWeights(shape: Shape): void {
    if (shape.length < 2) {
      throw new ShapeError(`Dense: wanted [N, ..., in], got ${showShape(shape)}; is the batch missing?`);
    }
    const given = this.#given;
    this.weight = this.addWeight("kernel", denseKernel([shape.at(-1)!, this.units]), {
      initializer: given.kernelInitializer ?? "glorotUniform",
      regularizer: given.kernelRegularizer,
      constraint: given.kernelConstraint,
    });
    if (given.useBias === false) return;
    this.bias = this.addWeight("bias", [this.units], {
      initializer: given.biasInitializer,
      regularizer: given.biasRegularizer,
      constraint: given.biasConstraint,
    });
  }

  protected call(x: Tensor): Tensor {
    const inputs = this.weight!.shape[1]!;
    if (x.shape.at(-1) !== inputs || x.rank < 2) {
      throw new ShapeError(
        `Dense: the input ${showShape(x.shape)} has ${x.shape.at(-1)} elements along its last axis, the layer was built ` +
          `for ${inputs}`,
      );
    }
    return this.activated(linear(x, this.weight!, this.bias ?? undefined));
  }
}
