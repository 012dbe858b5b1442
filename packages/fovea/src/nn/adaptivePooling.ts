import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool1dWithIndices,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
  adaptiveMaxPool3d,
  adaptiveMaxPool3dWithIndices,
  type OutputPair,
  type OutputTriple,
} from "../ops/adaptivePool.ts";
import type { ValuesAndIndices } from "../ops/maxPool.ts";
import type { Single } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

const show = (size: number | readonly (number | null)[]): string =>
  typeof size === "number" ? `${size}` : `[${size.map(String).join(", ")}]`;

/** Means over bins that cover the input whatever its size: [N, C, L] → [N, C, outputSize]. */
export class AdaptiveAvgPool1d extends Module {
  readonly outputSize: Single;

  constructor(outputSize: Single) {
    super();
    this.outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }

  override extraRepr(): string {
    return show(this.outputSize);
  }
}

/** Means over bins that cover the input whatever its size: [N, C, H, W] → [N, C, ...outputSize]. null keeps a size. `new AdaptiveAvgPool2d(1)` is global average pooling. */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: OutputPair;

  constructor(outputSize: OutputPair) {
    super();
    this.outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }

  override extraRepr(): string {
    return show(this.outputSize);
  }
}

/** Means over bins that cover the input whatever its size: [N, C, D, H, W] → [N, C, ...outputSize]. null keeps a size. */
export class AdaptiveAvgPool3d extends Module {
  readonly outputSize: OutputTriple;

  constructor(outputSize: OutputTriple) {
    super();
    this.outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool3d(x, this.outputSize);
  }

  override extraRepr(): string {
    return show(this.outputSize);
  }
}

/** Maxima over bins that cover the input whatever its size: [N, C, L] → [N, C, outputSize]. */
export class AdaptiveMaxPool1d extends Module {
  readonly outputSize: Single;

  constructor(outputSize: Single) {
    super();
    this.outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptiveMaxPool1d(x, this.outputSize);
  }

  /** The maxima, and where they lie: positions in the row-major order of an input map. */
  forwardWithIndices(x: Tensor): ValuesAndIndices {
    return adaptiveMaxPool1dWithIndices(x, this.outputSize);
  }

  override extraRepr(): string {
    return show(this.outputSize);
  }
}

/** Maxima over bins that cover the input whatever its size: [N, C, H, W] → [N, C, ...outputSize]. null keeps a size. */
export class AdaptiveMaxPool2d extends Module {
  readonly outputSize: OutputPair;

  constructor(outputSize: OutputPair) {
    super();
    this.outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, this.outputSize);
  }

  /** The maxima, and where they lie: positions in the row-major order of an input map. */
  forwardWithIndices(x: Tensor): ValuesAndIndices {
    return adaptiveMaxPool2dWithIndices(x, this.outputSize);
  }

  override extraRepr(): string {
    return show(this.outputSize);
  }
}

/** Maxima over bins that cover the input whatever its size: [N, C, D, H, W] → [N, C, ...outputSize]. null keeps a size. */
export class AdaptiveMaxPool3d extends Module {
  readonly outputSize: OutputTriple;

  constructor(outputSize: OutputTriple) {
    super();
    this.outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptiveMaxPool3d(x, this.outputSize);
  }

  /** The maxima, and where they lie: positions in the row-major order of an input map. */
  forwardWithIndices(x: Tensor): ValuesAndIndices {
    return adaptiveMaxPool3dWithIndices(x, this.outputSize);
  }

  override extraRepr(): string {
    return show(this.outputSize);
  }
}
