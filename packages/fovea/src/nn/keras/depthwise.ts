import type { Shape } from "../../base/shape.ts";
import { conv1d } from "../../ops/conv1d.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { sizesOf, type Pair, type Single } from "../../ops/windows.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Parameter } from "../parameter.ts";
import { choice, count, flag, required } from "./arguments.ts";
import { ActivatedLayer, windowArguments, type WeightArguments, type WindowArguments } from "./conv.ts";
import type { ConstraintArgument } from "./constraints.ts";
import { channelsFirst } from "./dataFormat.ts";
import type { InitializerArgument } from "./initializers.ts";
import type { LayerOptions } from "./layer.ts";
import type { RegularizerArgument } from "./regularizers.ts";
import { channelsOf } from "./shapes.ts";
import { convKernel, depthwiseKernel } from "./weights.ts";

type BiasArguments = Omit<WeightArguments, "kernelInitializer" | "kernelRegularizer" | "kernelConstraint">;

const biasArguments = [
  "activation",
  "useBias",
  "biasInitializer",
  "biasRegularizer",
  "activityRegularizer",
  "biasConstraint",
] as const satisfies (keyof BiasArguments)[];

export interface DepthwiseConvArguments<Size = number | readonly number[]>
  extends LayerOptions, BiasArguments, WindowArguments<Size> {
  /** Size of the kernel: one number for all axes, or one each. */
  kernelSize: Size;
  /** Output channels for every input channel; default 1. */
  depthMultiplier?: number;
  /** First values of the depthwise kernel; default `glorot_uniform`. */
  depthwiseInitializer?: InitializerArgument;
  /** Adds a term of the depthwise kernel to the loss; default none. */
  depthwiseRegularizer?: RegularizerArgument;
  /** Where the depthwise kernel is put after a step; default anywhere. */
  depthwiseConstraint?: ConstraintArgument;
}

export interface SeparableConvArguments<Size = number | readonly number[]> extends DepthwiseConvArguments<Size> {
  /** Number of output channels. */
  filters: number;
  /** First values of the pointwise kernel; default `glorot_uniform`. */
  pointwiseInitializer?: InitializerArgument;
  /** Adds a term of the pointwise kernel to the loss; default none. */
  pointwiseRegularizer?: RegularizerArgument;
  /** Where the pointwise kernel is put after a step; default anywhere. */
  pointwiseConstraint?: ConstraintArgument;
}

const depthwiseKnown = [
  "kernelSize",
  ...windowArguments,
  "depthMultiplier",
  "depthwiseInitializer",
  "depthwiseRegularizer",
  "depthwiseConstraint",
  ...biasArguments,
];

const separableKnown = [
  "filters",
  ...depthwiseKnown,
  "pointwiseInitializer",
  "pointwiseRegularizer",
  "pointwiseConstraint",
];

/** What depthwise layers share: one kernel, or a few, for every channel. */
abstract class Depthwise extends ActivatedLayer {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: "valid" | "same" | "causal";
  readonly dilationRate: readonly number[];
  readonly depthMultiplier: number;
  protected readonly axes: 1 | 2;
  protected readonly given: DepthwiseConvArguments;

  constructor(axes: 1 | 2, options: AnyDepthwise, known: readonly string[]) {
    super(options, known);
    const who = this.constructor.name;
    this.kernelSize = sizesOf(required(who, "kernelSize", options.kernelSize), axes, 1, `${who}: kernelSize`);
    this.strides = sizesOf(options.strides ?? 1, axes, 1, `${who}: strides`);
    const rules = axes === 1 ? (["valid", "same", "causal"] as const) : (["valid", "same"] as const);
    this.padding = choice<"valid" | "same" | "causal">(who, "padding", options.padding ?? "valid", rules);
    this.dilationRate = sizesOf(options.dilationRate ?? 1, axes, 1, `${who}: dilationRate`);
    this.depthMultiplier = count(who, "depthMultiplier", options.depthMultiplier ?? 1);
    flag(who, "useBias", options.useBias ?? true);
    this.axes = axes;
    this.given = options as DepthwiseConvArguments;
  }

  /** The channels of an input, which must be those the layer was built for. */
  protected channelsOf(shape: Shape, expected?: number): number {
    return channelsOf(this.constructor.name, shape, this.axes, this.dataFormat, expected);
  }

  protected makeDepthwise(channels: number): Parameter {
    const { given } = this;
    return this.addWeight("depthwise", depthwiseKernel([...this.kernelSize, channels, this.depthMultiplier]), {
      initializer: given.depthwiseInitializer ?? "glorotUniform",
      regularizer: given.depthwiseRegularizer,
      constraint: given.depthwiseConstraint,
    });
  }

  protected makeBias(filters: number): Parameter | null {
    const { given } = this;
    if (given.useBias === false) return null;
    return this.addWeight("bias", [filters], {
      initializer: given.biasInitializer,
      regularizer: given.biasRegularizer,
      constraint: given.biasConstraint,
    });
  }

  /** The depthwise convolution of an input in the layer's format: [N, C · multiplier, ...]. */
  protected convolve(x: Tensor, weight: Parameter, bias: Parameter | null): Tensor {
    this.channelsOf(x.shape, weight.shape[0]! / this.depthMultiplier);
    return convolutions[this.axes](channelsFirst(x, this.dataFormat), weight, bias, {
      stride: this.strides,
      padding: this.padding,
      dilation: this.dilationRate,
      groups: weight.shape[0]! / this.depthMultiplier,
    });
  }
}

type AnyDepthwise = Omit<DepthwiseConvArguments, "padding"> & { padding?: "valid" | "same" | "causal" };

type Convolution = (x: Tensor, weight: Tensor, bias: Tensor | null, options: object) => Tensor;
const convolutions: Record<1 | 2, Convolution> = { 1: conv1d, 2: conv2d };

/** What DepthwiseConv1D and 2D share. */
abstract class DepthwiseConv extends Depthwise {
  /** [channels · depthMultiplier, 1, ...kernelSize] */
  weight: Parameter | null = null;
  /** [channels · depthMultiplier] */
  bias: Parameter | null = null;

  constructor(axes: 1 | 2, options: AnyDepthwise) {
    super(axes, options, depthwiseKnown);
  }

  protected override makeWeights(shape: Shape): void {
    const channels = this.channelsOf(shape);
    this.weight = this.makeDepthwise(channels);
    this.bias = this.makeBias(channels * this.depthMultiplier);
  }

  protected call(x: Tensor): Tensor {
    return this.finish(this.convolve(x, this.weight!, this.bias));
  }
}

/** A 1-D convolution of every channel by itself: [N, L, C] → [N, L', C · depthMultiplier]. */
export class DepthwiseConv1D extends DepthwiseConv {
  constructor(options: Omit<DepthwiseConvArguments<Single>, "padding"> & { padding?: "valid" | "same" | "causal" }) {
    super(1, options);
  }
}

/** A 2-D convolution of every channel by itself: [N, H, W, C] → [N, H', W', C · depthMultiplier]. */
export class DepthwiseConv2D extends DepthwiseConv {
  constructor(options: DepthwiseConvArguments<Pair>) {
    super(2, options);
  }
}

/** What SeparableConv1D and 2D share: a depthwise convolution, then one of size 1 over the channels. */
abstract class SeparableConv extends Depthwise {
  /** [channels · depthMultiplier, 1, ...kernelSize] */
  depthwise: Parameter | null = null;
  /** [filters, channels · depthMultiplier, 1, ...] */
  pointwise: Parameter | null = null;
  /** [filters] */
  bias: Parameter | null = null;
  readonly filters: number;

  constructor(axes: 1 | 2, options: AnyDepthwise & { filters: number }) {
    super(axes, options, separableKnown);
    const who = this.constructor.name;
    this.filters = count(who, "filters", required(who, "filters", options.filters));
  }

  protected override makeWeights(shape: Shape): void {
    const given = this.given as SeparableConvArguments;
    const channels = this.channelsOf(shape);
    const ones = this.kernelSize.map(() => 1);
    this.depthwise = this.makeDepthwise(channels);
    this.pointwise = this.addWeight("pointwise", convKernel([...ones, channels * this.depthMultiplier, this.filters]), {
      initializer: given.pointwiseInitializer ?? "glorotUniform",
      regularizer: given.pointwiseRegularizer,
      constraint: given.pointwiseConstraint,
    });
    this.bias = this.makeBias(this.filters);
  }

  protected call(x: Tensor): Tensor {
    const between = this.convolve(x, this.depthwise!, null);
    return this.finish(convolutions[this.axes](between, this.pointwise!, this.bias, {}));
  }
}

/** A depthwise 1-D convolution, then one of length 1: [N, L, C] → [N, L', filters]. */
export class SeparableConv1D extends SeparableConv {
  constructor(options: Omit<SeparableConvArguments<Single>, "padding"> & { padding?: "valid" | "same" | "causal" }) {
    super(1, options);
  }
}

/** A depthwise 2-D convolution, then a 1×1: [N, H, W, C] → [N, H', W', filters]. */
export class SeparableConv2D extends SeparableConv {
  constructor(options: SeparableConvArguments<Pair>) {
    super(2, options);
  }
}
