import type { Shape } from "../../base/shape.ts";
import { locallyConnected1d, locallyConnected2d, locallyConnectedShapes } from "../../ops/locallyConnected.ts";
import { sizesOf, type Pair, type Single } from "../../ops/windows.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Parameter } from "../parameter.ts";
import { choice, count, flag, required } from "./arguments.ts";
import { ActivatedLayer, weightArguments, type ConvArguments, type WeightArguments } from "./conv.ts";
import { channelsFirst } from "./dataFormat.ts";
import { channelsOf } from "./shapes.ts";
import { locallyConnectedBias, locallyConnectedKernel } from "./weights.ts";

export type LocallyConnectedArguments<Size = number | readonly number[]> = Omit<
  ConvArguments<Size>,
  "dilationRate" | "groups"
>;

const known = ["filters", "kernelSize", "strides", "padding", "dataFormat", ...weightArguments];

/** What LocallyConnected1D and 2D share. */
abstract class LocallyConnected extends ActivatedLayer {
  /** [...output size, filters, channels, ...kernelSize] */
  weight: Parameter | null = null;
  /** [filters, ...output size] */
  bias: Parameter | null = null;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: "valid" | "same";
  readonly #axes: 1 | 2;
  readonly #given: WeightArguments;

  constructor(axes: 1 | 2, options: LocallyConnectedArguments) {
    super(options, known);
    const who = this.constructor.name;
    this.filters = count(who, "filters", required(who, "filters", options.filters));
    this.kernelSize = sizesOf(required(who, "kernelSize", options.kernelSize), axes, 1, `${who}: kernelSize`);
    this.strides = sizesOf(options.strides ?? 1, axes, 1, `${who}: strides`);
    this.padding = choice(who, "padding", options.padding ?? "valid", ["valid", "same"]);
    flag(who, "useBias", options.useBias ?? true);
    this.#axes = axes;
    this.#given = options;
  }

  protected override makeWeights(shape: Shape): void {
    const axes = this.#axes;
    const last = this.dataFormat === "channels_last";
    const channels = channelsOf(this.constructor.name, shape, axes, this.dataFormat);
    const pixels = last ? shape.slice(1, -1) : shape.slice(2);
    const { kernelSize, filters } = this;
    const { bias } = locallyConnectedShapes([1, channels, ...pixels], filters, kernelSize, this.#windows(), axes);
    const places = bias.slice(1);
    const given = this.#given;
    this.weight = this.addWeight("kernel", locallyConnectedKernel(places, kernelSize, channels, filters, last), {
      initializer: given.kernelInitializer ?? "glorotUniform",
      regularizer: given.kernelRegularizer,
      constraint: given.kernelConstraint,
    });
    if (given.useBias === false) return;
    this.bias = this.addWeight("bias", locallyConnectedBias(places, filters), {
      initializer: given.biasInitializer,
      regularizer: given.biasRegularizer,
      constraint: given.biasConstraint,
    });
  }

  protected call(x: Tensor): Tensor {
    const channels = this.weight!.shape[this.#axes + 1]!;
    channelsOf(this.constructor.name, x.shape, this.#axes, this.dataFormat, channels);
    const connect = { 1: locallyConnected1d, 2: locallyConnected2d }[this.#axes] as Connect;
    return this.finish(connect(channelsFirst(x, this.dataFormat), this.weight!, this.bias, this.#windows()));
  }

  #windows() {
    return { stride: this.strides, padding: this.padding };
  }
}

type Connect = (x: Tensor, weight: Tensor, bias: Tensor | null, options: object) => Tensor;

/** A 1-D convolution whose kernel differs at every position: [N, L, C] → [N, L', filters]. */
export class LocallyConnected1D extends LocallyConnected {
  constructor(options: LocallyConnectedArguments<Single>) {
    super(1, options);
  }
}

/** A 2-D convolution whose kernel differs at every pixel: [N, H, W, C] → [N, H', W', filters]. */
export class LocallyConnected2D extends LocallyConnected {
  constructor(options: LocallyConnectedArguments<Pair>) {
    super(2, options);
  }
}
