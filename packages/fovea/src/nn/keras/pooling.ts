import { globalAvgPool, globalMaxPool } from "../../ops/adaptivePool.ts";
import { avgPool1d, avgPool2d, avgPool3d } from "../../ops/avgPool.ts";
import { maxPool1d, maxPool3d } from "../../ops/maxPool.ts";
import { maxPool2d } from "../../ops/maxPool2d.ts";
import { reshape } from "../../ops/movement.ts";
import { sizesOf, type Pair, type Single, type Triple } from "../../ops/windows.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { choice, flag } from "./arguments.ts";
import { channelsFirst, channelsLast, dataFormatOf, type DataFormat } from "./dataFormat.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { needsRank } from "./shapes.ts";

export interface PoolingArguments<Size = number | readonly number[]> extends LayerOptions {
  /** Size of the window; default 2. */
  poolSize?: Size;
  /** Distance of neighbouring windows; default: the window, so that windows tile the input. */
  strides?: Size | null;
  /** `valid` (no padding, default), or `same`: padding that never wins a maximum and does not count in a mean. */
  padding?: "valid" | "same";
  /** Where the channels are; default `channels_last`. */
  dataFormat?: DataFormat | null;
}

type Pool = (x: Tensor, size: readonly number[], options: object) => Tensor;

/** What the pooling layers share. */
abstract class Pooling extends Layer {
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: "valid" | "same";
  readonly dataFormat: DataFormat;
  protected abstract readonly pool: Pool;

  constructor(axes: number, options: PoolingArguments) {
    super(options, ["poolSize", "strides", "padding", "dataFormat"]);
    const who = this.constructor.name;
    this.poolSize = sizesOf(options.poolSize ?? 2, axes, 1, `${who}: poolSize`);
    this.strides = sizesOf(options.strides ?? this.poolSize, axes, 1, `${who}: strides`);
    this.padding = choice(who, "padding", options.padding ?? "valid", ["valid", "same"]);
    this.dataFormat = dataFormatOf(who, options.dataFormat);
  }

  protected call(x: Tensor): Tensor {
    needsRank(this.constructor.name, x.shape, this.poolSize.length + 2, this.dataFormat);
    const options = { stride: this.strides, padding: this.padding };
    return channelsLast(this.pool(channelsFirst(x, this.dataFormat), this.poolSize, options), this.dataFormat);
  }
}

/** The largest value of each window: [N, L, C] → [N, L', C]. */
export class MaxPooling1D extends Pooling {
  protected override readonly pool = maxPool1d as Pool;

  constructor(options: PoolingArguments<Single> = {}) {
    super(1, options);
  }
}

/**
 * The largest value of each window: [N, H, W, C] → [N, H', W', C].
 *
 * @example
 * new keras.MaxPooling2D({ poolSize: 3, strides: 2, padding: "same" })
 */
export class MaxPooling2D extends Pooling {
  protected override readonly pool = maxPool2d as Pool;

  constructor(options: PoolingArguments<Pair> = {}) {
    super(2, options);
  }
}

/** The largest value of each window: [N, D, H, W, C] → [N, D', H', W', C]. */
export class MaxPooling3D extends Pooling {
  protected override readonly pool = maxPool3d as Pool;

  constructor(options: PoolingArguments<Triple> = {}) {
    super(3, options);
  }
}

/** The mean of each window: [N, L, C] → [N, L', C]. */
export class AveragePooling1D extends Pooling {
  protected override readonly pool = avgPool1d as Pool;

  constructor(options: PoolingArguments<Single> = {}) {
    super(1, options);
  }
}

/** The mean of each window: [N, H, W, C] → [N, H', W', C]. */
export class AveragePooling2D extends Pooling {
  protected override readonly pool = avgPool2d as Pool;

  constructor(options: PoolingArguments<Pair> = {}) {
    super(2, options);
  }
}

/** The mean of each window: [N, D, H, W, C] → [N, D', H', W', C]. */
export class AveragePooling3D extends Pooling {
  protected override readonly pool = avgPool3d as Pool;

  constructor(options: PoolingArguments<Triple> = {}) {
    super(3, options);
  }
}

export interface GlobalPoolingArguments extends LayerOptions {
  /** Where the channels are; default `channels_last`. */
  dataFormat?: DataFormat | null;
  /** Keep the pixel axes, with size 1; default false. */
  keepdims?: boolean;
}

/** What the global pooling layers share. */
abstract class GlobalPooling extends Layer {
  readonly dataFormat: DataFormat;
  readonly keepdims: boolean;
  readonly #axes: number;
  protected abstract readonly pool: (x: Tensor) => Tensor;

  constructor(axes: number, options: GlobalPoolingArguments) {
    super(options, ["dataFormat", "keepdims"]);
    const who = this.constructor.name;
    this.dataFormat = dataFormatOf(who, options.dataFormat);
    this.keepdims = flag(who, "keepdims", options.keepdims ?? false);
    this.#axes = axes;
  }

  protected call(x: Tensor): Tensor {
    needsRank(this.constructor.name, x.shape, this.#axes + 2, this.dataFormat);
    const y = this.pool(channelsFirst(x, this.dataFormat));
    return this.keepdims ? channelsLast(y, this.dataFormat) : reshape(y, y.shape.slice(0, 2));
  }
}

/** The mean of each channel: [N, L, C] → [N, C]. */
export class GlobalAveragePooling1D extends GlobalPooling {
  protected override readonly pool = globalAvgPool;

  constructor(options: GlobalPoolingArguments = {}) {
    super(1, options);
  }
}

/** The mean of each channel: [N, H, W, C] → [N, C]. */
export class GlobalAveragePooling2D extends GlobalPooling {
  protected override readonly pool = globalAvgPool;

  constructor(options: GlobalPoolingArguments = {}) {
    super(2, options);
  }
}

/** The mean of each channel: [N, D, H, W, C] → [N, C]. */
export class GlobalAveragePooling3D extends GlobalPooling {
  protected override readonly pool = globalAvgPool;

  constructor(options: GlobalPoolingArguments = {}) {
    super(3, options);
  }
}

/** The largest value of each channel: [N, L, C] → [N, C]. */
export class GlobalMaxPooling1D extends GlobalPooling {
  protected override readonly pool = globalMaxPool;

  constructor(options: GlobalPoolingArguments = {}) {
    super(1, options);
  }
}

/** The largest value of each channel: [N, H, W, C] → [N, C]. */
export class GlobalMaxPooling2D extends GlobalPooling {
  protected override readonly pool = globalMaxPool;

  constructor(options: GlobalPoolingArguments = {}) {
    super(2, options);
  }
}

/** The largest value of each channel: [N, D, H, W, C] → [N, C]. */
export class GlobalMaxPooling3D extends GlobalPooling {
  protected override readonly pool = globalMaxPool;

  constructor(options: GlobalPoolingArguments = {}) {
    super(3, options);
  }
}
