import { UsageError } from "../base/errors.ts";
import { conv2d, type Conv2dOptions as ConvOpOptions } from "../ops/conv2d.ts";
import type { Pair } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { initLayer, type InitScheme } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface Conv2dOptions extends ConvOpOptions {
  /** Add a bias per output channel; default true. */
  bias?: boolean;
  /** How weights start: as in PyTorch (default) or as in Keras (Glorot uniform, zero bias). */
  init?: InitScheme;
}

/**
 * A 2-D convolution: [N, inChannels, H, W] → [N, outChannels, H', W'].
 *
 * @example
 * new nn.Conv2d(64, 128, 3, { stride: 2, padding: 1 })
 */
export class Conv2d extends Module {
  /** [outChannels, inChannels / groups, kernel height, kernel width] */
  readonly weight: Parameter;
  /** [outChannels] */
  readonly bias: Parameter | null;
  readonly options: ConvOpOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    { bias = true, init, ...options }: Conv2dOptions = {},
  ) {
    super();
    const groups = options.groups ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new UsageError(
        `Conv2d: ${groups} groups must divide both ${inChannels} input and ${outChannels} output channels`,
      );
    }
    const [kernelHeight, kernelWidth] = typeof kernelSize === "number" ? [kernelSize, kernelSize] : kernelSize;
    this.weight = new Parameter([outChannels, inChannels / groups, kernelHeight, kernelWidth]);
    this.bias = bias ? new Parameter([outChannels]) : null;
    this.options = options;
    initLayer(this.weight, this.bias, init);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }

  override extraRepr(): string {
    const [outChannels, inChannels, height, width] = this.weight.shape as [number, number, number, number];
    const kernelSize = height === width ? height : [height, width];
    return showArguments(
      [inChannels * (this.options.groups ?? 1), outChannels],
      { kernelSize, ...this.options, bias: this.bias !== null },
      { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true },
    );
  }
}
