import type { Shape } from "../../base/shape.ts";
import { UsageError } from "../../base/errors.ts";
import { checkGroups } from "../../ops/convShape.ts";
import { convTranspose1d, convTranspose2d, convTranspose3d } from "../../ops/convTranspose.ts";
import { sizesOf, type Pair, type Side, type Single, type Triple } from "../../ops/windows.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Parameter } from "../parameter.ts";
import { choice, count, flag, required } from "./arguments.ts";
import { ActivatedLayer, weightArguments, windowArguments, type ConvArguments, type WeightArguments } from "./conv.ts";
import { channelsFirst } from "./dataFormat.ts";
import { channelsOf } from "./shapes.ts";
import { convKernel } from "./weights.ts";

export interface ConvTransposeArguments<Size = number | readonly number[]> extends ConvArguments<Size> {
  /** Pixels added at the end of each axis, fewer than the stride; default as many as the padding rule gives. */
  outputPadding?: Size | null;
}

const known = ["filters", "kernelSize", ...windowArguments, "groups", "outputPadding", ...weightArguments];

/** What Conv1DTranspose, 2D and 3D share. */
abstract class ConvTranspose extends ActivatedLayer {
  /** [inChannels, filters / groups, ...kernelSize] */
  weight: Parameter | null = null;
  /** [filters] */
  bias: Parameter | null = null;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: "valid" | "same";
  readonly outputPadding: readonly number[] | null;
  readonly dilationRate: readonly number[];
  readonly groups: number;
  readonly #axes: number;
  readonly #given: WeightArguments;

  constructor(axes: number, options: ConvTransposeArguments) {
    super(options, known);
    const who = this.constructor.name;
    const { outputPadding = null } = options;
    this.filters = count(who, "filters", required(who, "filters", options.filters));
    this.kernelSize = sizesOf(required(who, "kernelSize", options.kernelSize), axes, 1, `${who}: kernelSize`);
    this.strides = sizesOf(options.strides ?? 1, axes, 1, `${who}: strides`);
    this.padding = choice(who, "padding", options.padding ?? "valid", ["valid", "same"]);
    this.outputPadding = outputPadding === null ? null : sizesOf(outputPadding, axes, 0, `${who}: outputPadding`);
    this.dilationRate = sizesOf(options.dilationRate ?? 1, axes, 1, `${who}: dilationRate`);
    this.groups = count(who, "groups", options.groups ?? 1);
    flag(who, "useBias", options.useBias ?? true);
    for (const [k, extra] of (this.outputPadding ?? []).entries()) {
      if (extra < this.strides[k]!) continue;
      throw new UsageError(
        `${who}: outputPadding must be less than strides, got ${JSON.stringify(outputPadding)} with strides ` +
          JSON.stringify(this.strides),
      );
    }
    this.#axes = axes;
    this.#given = options;
  }

  protected override makeWeights(shape: Shape): void {
    const who = this.constructor.name;
    const channels = channelsOf(who, shape, this.#axes, this.dataFormat);
    checkGroups(this.groups, channels, this.filters, who);
    const given = this.#given;
    this.weight = this.addWeight("kernel", convKernel([...this.kernelSize, this.filters / this.groups, channels]), {
      initializer: given.kernelInitializer ?? "glorotUniform",
      regularizer: given.kernelRegularizer,
      constraint: given.kernelConstraint,
    });
    if (given.useBias === false) return;
    this.bias = this.addWeight("bias", [this.filters], {
      initializer: given.biasInitializer,
      regularizer: given.biasRegularizer,
      constraint: given.biasConstraint,
    });
  }

  protected call(x: Tensor): Tensor {
    channelsOf(this.constructor.name, x.shape, this.#axes, this.dataFormat, this.weight!.shape[0]!);
    const first = channelsFirst(x, this.dataFormat);
    const sides = this.kernelSize.map((_, k) => this.#sides(first.shape[2 + k]!, k));
    const options = {
      stride: this.strides,
      padding: sides.map((side): Side => side.cut),
      outputPadding: sides.map(({ added }) => added),
      dilation: this.dilationRate,
      groups: this.groups,
    };
    const transpose = [convTranspose1d, convTranspose2d, convTranspose3d][this.#axes - 1] as unknown as (
      x: Tensor,
      weight: Tensor,
      bias: Tensor | null,
      given: typeof options,
    ) => Tensor;
    return this.finish(transpose(first, this.weight!, this.bias, options));
  }

  /**
   * Pixels cut off around an axis, or added at its end: from all that kernels reach, (size − 1) · stride + reach, to
   * Keras' output length. That is size · stride for `same`, and at least so much for `valid`.
   */
  #sides(size: number, k: number): { cut: Side; added: number } {
    const [stride, kernel] = [this.strides[k]!, this.dilationRate[k]! * (this.kernelSize[k]! - 1) + 1];
    const all = (size - 1) * stride + kernel;
    const same = this.padding === "same";
    const wished =
      this.outputPadding !== null
        ? all - (same ? 2 * Math.floor(kernel / 2) : 0) + this.outputPadding[k]!
        : same
          ? size * stride
          : Math.max(all, size * stride);
    const cut = all - wished;
    return cut >= 0 ? { cut: [cut >> 1, cut - (cut >> 1)], added: 0 } : { cut: [0, 0], added: -cut };
  }
}

/** A transposed 1-D convolution: [N, L, C] → [N, L', filters]. */
export class Conv1DTranspose extends ConvTranspose {
  constructor(options: ConvTransposeArguments<Single>) {
    super(1, options);
  }
}

/**
 * A transposed 2-D convolution: [N, H, W, C] → [N, H', W', filters].
 *
 * @example
 * new keras.Conv2DTranspose({ filters: 64, kernelSize: 2, strides: 2 }) // U-Net's way up
 */
export class Conv2DTranspose extends ConvTranspose {
  constructor(options: ConvTransposeArguments<Pair>) {
    super(2, options);
  }
}

/** A transposed 3-D convolution: [N, D, H, W, C] → [N, D', H', W', filters]. */
export class Conv3DTranspose extends ConvTranspose {
  constructor(options: ConvTransposeArguments<Triple>) {
    super(3, options);
  }
}
