import { ShapeError, UsageError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { interpolate } from "../../ops/interpolate.ts";
import { pad, slice } from "../../ops/movement.ts";
import { resize } from "../../ops/resize.ts";
import { sizesOf, type Pair, type Side, type Single, type Triple } from "../../ops/windows.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { choice } from "./arguments.ts";
import { channelsFirst, channelsLast, dataFormatOf, type DataFormat } from "./dataFormat.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { needsRank } from "./shapes.ts";

interface Format {
  /** Where the channels are; default `channels_last`. */
  dataFormat?: DataFormat | null;
}

/** A number for all sides, one per axis, or [before, after] per axis. */
export type Border2D = number | readonly [number, number] | readonly [Side, Side];
export type Border3D = number | readonly [number, number, number] | readonly [Side, Side, Side];
/** A number for both ends, or [before, after]. */
export type Border1D = number | Side;

type Border = number | readonly (number | Side)[];

/** Both sides of every axis. A pair of numbers means [before, after] for one axis, and one per axis for two. */
function sidesOf(who: string, value: Border, axes: number): Side[] {
  const list: readonly unknown[] = typeof value === "number" ? Array.from({ length: axes }, () => value) : value;
  const perAxis = axes === 1 && typeof value !== "number" && typeof value[0] === "number" ? [value] : list;
  if (!Array.isArray(perAxis) || perAxis.length !== axes) {
    const pairs = axes === 1 ? "[before, after]" : `${axes} of them or ${axes} pairs [before, after]`;
    throw new UsageError(`${who} must be one number, ${pairs}, got ${JSON.stringify(value)}`);
  }
  return perAxis.map((side): Side => sizesOf(side as number | Side, 2, 0, who) as [number, number]);
}

/** What ZeroPadding and Cropping share: sides of every pixel axis, in the layer's own order. */
abstract class BorderLayer extends Layer {
  readonly sides: readonly Side[];
  readonly dataFormat: DataFormat;

  constructor(argument: "padding" | "cropping", axes: number, options: LayerOptions & Format, value: Border) {
    super(options, [argument, "dataFormat"]);
    const who = this.constructor.name;
    this.sides = sidesOf(`${who}: ${argument}`, value, axes);
    this.dataFormat = dataFormatOf(who, options.dataFormat);
  }

  /** Sides of every axis, batch and channels included. */
  protected sidesOfAll(x: Tensor): Side[] {
    needsRank(this.constructor.name, x.shape, this.sides.length + 2, this.dataFormat);
    const none: Side = [0, 0];
    return this.dataFormat === "channels_last" ? [none, ...this.sides, none] : [none, none, ...this.sides];
  }
}

export interface ZeroPadding1DArguments extends LayerOptions {
  /** Zeros on both ends, or [before, after]; default 1. */
  padding?: Border1D;
  dataFormat?: DataFormat | null;
}
export interface ZeroPadding2DArguments extends LayerOptions, Format {
  /** Zeros around: a number, [vertical, horizontal] or [[top, bottom], [left, right]]; default 1. */
  padding?: Border2D;
}
export interface ZeroPadding3DArguments extends LayerOptions, Format {
  /** Zeros around: a number, three of them, or three pairs [before, after]; default 1. */
  padding?: Border3D;
}

abstract class ZeroPadding extends BorderLayer {
  constructor(axes: number, options: LayerOptions & Format & { padding?: Border }) {
    super("padding", axes, options, options.padding ?? 1);
  }

  protected call(x: Tensor): Tensor {
    return pad(x, this.sidesOfAll(x));
  }
}

/** Zeros at the ends: [N, L, C] → [N, L + before + after, C]. */
export class ZeroPadding1D extends ZeroPadding {
  constructor(options: ZeroPadding1DArguments = {}) {
    super(1, options);
  }
}

/**
 * Zeros around pictures: [N, H, W, C] → [N, H', W', C].
 *
 * @example
 * new keras.ZeroPadding2D({ padding: [[0, 1], [0, 1]] }) // MobileNet's before a stride of 2
 */
export class ZeroPadding2D extends ZeroPadding {
  constructor(options: ZeroPadding2DArguments = {}) {
    super(2, options);
  }
}

/** Zeros around volumes: [N, D, H, W, C] → [N, D', H', W', C]. */
export class ZeroPadding3D extends ZeroPadding {
  constructor(options: ZeroPadding3DArguments = {}) {
    super(3, options);
  }
}

export interface Cropping1DArguments extends LayerOptions {
  /** Elements cut off at both ends, or [before, after]; default 1. */
  cropping?: Border1D;
  dataFormat?: DataFormat | null;
}
export interface Cropping2DArguments extends LayerOptions, Format {
  /** Pixels cut off: a number, [vertical, horizontal] or [[top, bottom], [left, right]]; default 0. */
  cropping?: Border2D;
}
export interface Cropping3DArguments extends LayerOptions, Format {
  /** Voxels cut off: a number, three of them, or three pairs [before, after]; default 1. */
  cropping?: Border3D;
}

abstract class Cropping extends BorderLayer {
  constructor(axes: number, options: LayerOptions & Format & { cropping?: Border }, usual: number) {
    super("cropping", axes, options, options.cropping ?? usual);
  }

  protected call(x: Tensor): Tensor {
    const sides = this.sidesOfAll(x);
    const ends = sides.map(([, after], i) => x.shape[i]! - after);
    if (sides.some(([before], i) => before >= ends[i]!)) {
      throw new ShapeError(
        `${this.constructor.name}: cropping ${JSON.stringify(this.sides)} leaves nothing of ${showShape(x.shape)}`,
      );
    }
    return slice(
      x,
      sides.map(([before]) => before),
      ends,
    );
  }
}

/** Cuts off the ends: [N, L, C] → [N, L − before − after, C]. */
export class Cropping1D extends Cropping {
  constructor(options: Cropping1DArguments = {}) {
    super(1, options, 1);
  }
}

/** Cuts off the borders of pictures: [N, H, W, C] → [N, H', W', C]. */
export class Cropping2D extends Cropping {
  constructor(options: Cropping2DArguments = {}) {
    super(2, options, 0);
  }
}

/** Cuts off the borders of volumes: [N, D, H, W, C] → [N, D', H', W', C]. */
export class Cropping3D extends Cropping {
  constructor(options: Cropping3DArguments = {}) {
    super(3, options, 1);
  }
}

/** How pixels between pixels are found. */
export type Interpolation = "nearest" | "bilinear" | "bicubic";

export interface UpSamplingArguments<Size = number | readonly number[]> extends LayerOptions, Format {
  /** How many times larger each axis becomes; default 2. */
  size?: Size;
}
export interface UpSampling2DArguments extends UpSamplingArguments<Pair> {
  /** `nearest` (repeat pixels, default), `bilinear` or `bicubic`, as TensorFlow's with half-pixel centres. */
  interpolation?: Interpolation;
}

abstract class UpSampling extends Layer {
  readonly size: readonly number[];
  readonly dataFormat: DataFormat;
  readonly interpolation: Interpolation;

  constructor(
    axes: number,
    options: LayerOptions & Format & { size?: number | readonly number[]; interpolation?: Interpolation },
  ) {
    super(options, ["size", "dataFormat", ...(axes === 2 ? ["interpolation"] : [])]);
    const who = this.constructor.name;
    this.size = sizesOf(options.size ?? 2, axes, 1, `${who}: size`);
    this.dataFormat = dataFormatOf(who, options.dataFormat);
    const known = ["nearest", "bilinear", "bicubic"] as const satisfies Interpolation[];
    this.interpolation = choice<Interpolation>(who, "interpolation", options.interpolation ?? "nearest", known);
  }

  protected call(x: Tensor): Tensor {
    needsRank(this.constructor.name, x.shape, this.size.length + 2, this.dataFormat);
    return channelsLast(this.#larger(channelsFirst(x, this.dataFormat)), this.dataFormat);
  }

  #larger(x: Tensor): Tensor {
    if (this.interpolation !== "bicubic") return interpolate(x, { scaleFactor: this.size, mode: this.interpolation });
    // TensorFlow's cubic: Keys' coefficient, and no pixels outside.
    return resize(x, { scales: this.size, mode: "cubic", cubicCoefficient: -0.5, excludeOutside: true });
  }
}

/** Repeats elements: [N, L, C] → [N, L · size, C]. */
export class UpSampling1D extends UpSampling {
  constructor(options: UpSamplingArguments<Single> = {}) {
    super(1, options);
  }
}

/** Enlarges pictures: [N, H, W, C] → [N, H · size, W · size, C]. */
export class UpSampling2D extends UpSampling {
  constructor(options: UpSampling2DArguments = {}) {
    super(2, options);
  }
}

/** Repeats voxels: [N, D, H, W, C] → [N, D · size, H · size, W · size, C]. */
export class UpSampling3D extends UpSampling {
  constructor(options: UpSamplingArguments<Triple> = {}) {
    super(3, options);
  }
}
