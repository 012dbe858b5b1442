import type { Shape } from "../../base/shape.ts";
import { conv1d } from "../../ops/conv1d.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { conv3d } from "../../ops/conv3d.ts";
import { checkGroups } from "../../ops/convShape.ts";
import { sizesOf, type Pair, type Single, type Triple } from "../../ops/windows.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Parameter } from "../parameter.ts";
import { activationOf, type ActivationArgument, type ResolvedActivation } from "./activations.ts";
import { choice, count, flag, required } from "./arguments.ts";
import type { ConstraintArgument } from "./constraints.ts";
import { channelsFirst, channelsLast, dataFormatOf, type DataFormat } from "./dataFormat.ts";
import type { InitializerArgument } from "./initializers.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { channelsOf } from "./shapes.ts";
import type { RegularizerArgument } from "./regularizers.ts";
import { convKernel } from "./weights.ts";

/** Arguments about kernel, bias and output that most layers with weights share. */
export interface WeightArguments {
  /** A function of the output by name or as a function; default none. */
  activation?: ActivationArgument;
  /** Add a bias; default true. */
  useBias?: boolean;
  /** First values of the kernel; default `glorot_uniform`. */
  kernelInitializer?: InitializerArgument;
  /** First values of the bias; default `zeros`. */
  biasInitializer?: InitializerArgument;
  /** Adds a term of the kernel to the loss; default none. */
  kernelRegularizer?: RegularizerArgument;
  /** Adds a term of the bias to the loss; default none. */
  biasRegularizer?: RegularizerArgument;
  /** Adds a term of the output to the loss; default none. As in Keras 3 it is not divided by the batch. */
  activityRegularizer?: RegularizerArgument;
  /** Where the kernel is put after a step; default anywhere. */
  kernelConstraint?: ConstraintArgument;
  /** Where the bias is put after a step; default anywhere. */
  biasConstraint?: ConstraintArgument;
}

export const weightArguments = [
  "activation",
  "useBias",
  "kernelInitializer",
  "biasInitializer",
  "kernelRegularizer",
  "biasRegularizer",
  "activityRegularizer",
  "kernelConstraint",
  "biasConstraint",
] as const satisfies (keyof WeightArguments)[];

/** How a window moves. */
export interface WindowArguments<Size = number | readonly number[]> {
  /** Pixels from one position of the kernel to the next; default 1. */
  strides?: Size;
  /** `valid` (none, default) or `same` (TensorFlow's rule: ⌈size / strides⌉ outputs, the extra zero at the end). */
  padding?: "valid" | "same";
  /** Where the channels are; default `channels_last`. */
  dataFormat?: DataFormat | null;
  /** Pixels from one kernel cell to the next; default 1. Works together with strides, which in Keras it does not. */
  dilationRate?: Size;
}

export const windowArguments = [
  "strides",
  "padding",
  "dataFormat",
  "dilationRate",
] as const satisfies (keyof WindowArguments)[];

export interface ConvArguments<Size = number | readonly number[]>
  extends LayerOptions, WeightArguments, WindowArguments<Size> {
  /** Number of output channels. */
  filters: number;
  /** Size of the kernel: one number for all axes, or one each. */
  kernelSize: Size;
  /** Channels are cut into this many groups that do not see each other; default 1. */
  groups?: number;
}

const known = ["filters", "kernelSize", ...windowArguments, "groups", ...weightArguments];

/** What layers share that end with an activation: its place is where the format does not matter, if it can be. */
export abstract class ActivatedLayer extends Layer {
  readonly #activation: ResolvedActivation | null;
  readonly dataFormat: DataFormat;

  constructor(
    options: LayerOptions & { activation?: ActivationArgument; dataFormat?: DataFormat | null },
    known: readonly string[],
  ) {
    super(options, known);
    const who = this.constructor.name;
    this.#activation = activationOf(who, options.activation);
    this.dataFormat = dataFormatOf(who, options.dataFormat);
  }

  /** From the order of ops to the layer's, with the activation. */
  protected finish(y: Tensor): Tensor {
    if (this.#activation?.elementwise) return channelsLast(this.#activation.apply(y), this.dataFormat);
    return this.activated(channelsLast(y, this.dataFormat));
  }

  /** The activation of an output that is in the layer's order already. */
  protected activated(y: Tensor): Tensor {
    return this.#activation === null ? y : this.#activation.apply(y);
  }
}

/** What Conv1D, 2D and 3D share. */
export abstract class Conv extends ActivatedLayer {
  /** [filters, inChannels / groups, ...kernelSize] */
  weight: Parameter | null = null;
  /** [filters] */
  bias: Parameter | null = null;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: "valid" | "same" | "causal";
  readonly dilationRate: readonly number[];
  readonly groups: number;
  readonly #axes: number;
  readonly #given: WeightArguments;

  constructor(axes: number, options: Omit<ConvArguments, "padding"> & { padding?: "valid" | "same" | "causal" }) {
    super(options, known);
    const who = this.constructor.name;
    this.filters = count(who, "filters", required(who, "filters", options.filters));
    this.kernelSize = sizesOf(required(who, "kernelSize", options.kernelSize), axes, 1, `${who}: kernelSize`);
    this.strides = sizesOf(options.strides ?? 1, axes, 1, `${who}: strides`);
    const rules = axes === 1 ? (["valid", "same", "causal"] as const) : (["valid", "same"] as const);
    this.padding = choice<"valid" | "same" | "causal">(who, "padding", options.padding ?? "valid", rules);
    this.dilationRate = sizesOf(options.dilationRate ?? 1, axes, 1, `${who}: dilationRate`);
    this.groups = count(who, "groups", options.groups ?? 1);
    flag(who, "useBias", options.useBias ?? true);
    this.#axes = axes;
    this.#given = options;
  }

  protected override makeWeights(shape: Shape): void {
    const who = this.constructor.name;
    const channels = channelsOf(who, shape, this.#axes, this.dataFormat);
    checkGroups(this.groups, channels, this.filters, who);
    const given = this.#given;
    this.weight = this.addWeight("kernel", convKernel([...this.kernelSize, channels / this.groups, this.filters]), {
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
    const channels = this.weight!.shape[1]! * this.groups;
    channelsOf(this.constructor.name, x.shape, this.#axes, this.dataFormat, channels);
    const options = {
      stride: this.strides,
      padding: this.padding,
      dilation: this.dilationRate,
      groups: this.groups,
    };
    const convolve = [conv1d, conv2d, conv3d][this.#axes - 1] as unknown as (
      x: Tensor,
      weight: Tensor,
      bias: Tensor | null,
      given: typeof options,
    ) => Tensor;
    return this.finish(convolve(channelsFirst(x, this.dataFormat), this.weight!, this.bias, options));
  }
}

/**
 * A 1-D convolution: [N, L, C] → [N, L', filters].
 *
 * @example
 * new keras.Conv1D({ filters: 32, kernelSize: 3, padding: "causal", dilationRate: 2, activation: "relu" })
 */
export class Conv1D extends Conv {
  constructor(
    options: Omit<ConvArguments<Single>, "padding"> & {
      /** `valid` (default), `same`, or `causal`: no output sees a later input. */
      padding?: "valid" | "same" | "causal";
    },
  ) {
    super(1, options);
  }
}

/**
 * A 2-D convolution: [N, H, W, C] → [N, H', W', filters].
 *
 * @example
 * new keras.Conv2D({ filters: 32, kernelSize: 3, strides: 2, padding: "same", activation: "relu" })
 */
export class Conv2D extends Conv {
  constructor(options: ConvArguments<Pair>) {
    super(2, options);
  }
}

/** A 3-D convolution: [N, D, H, W, C] → [N, D', H', W', filters]. */
export class Conv3D extends Conv {
  constructor(options: ConvArguments<Triple>) {
    super(3, options);
  }
}
