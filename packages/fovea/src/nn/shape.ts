import { normalizeAxis } from "../base/shape.ts";
import { flatten, reshape } from "../ops/movement.ts";
import { channelShuffle, pixelShuffle, pixelUnshuffle } from "../ops/rearrange.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

/** Joins a range of axes into one; by default all but the first: [N, C, H, W] → [N, C·H·W]. */
export class Flatten extends Module {
  readonly start: number;
  readonly end: number;

  /**
   * @param start First axis that is joined; default 1.
   * @param end Last axis that is joined; default −1, the last.
   */
  constructor(start = 1, end = -1) {
    super();
    this.start = start;
    this.end = end;
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.start, this.end);
  }

  override extraRepr(): string {
    return showArguments([], { start: this.start, end: this.end }, { start: 1, end: -1 });
  }
}

/** Passes its input on; a place to put another layer later. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** [N, C·r², H, W] → [N, C, H·r, W·r]: channels become pixels (Shi et al., 2016). */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  /** @param upscaleFactor r */
  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = upscaleFactor;
  }

  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor);
  }

  override extraRepr(): string {
    return `${this.upscaleFactor}`;
  }
}

/** [N, C, H·r, W·r] → [N, C·r², H, W]: pixels become channels. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  /** @param downscaleFactor r */
  constructor(downscaleFactor: number) {
    super();
    this.downscaleFactor = downscaleFactor;
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }

  override extraRepr(): string {
    return `${this.downscaleFactor}`;
  }
}

/** Interleaves the channels of groups (Zhang et al., ShuffleNet, 2018). */
export class ChannelShuffle extends Module {
  readonly groups: number;

  /** @param groups Number of groups; divides the channels. */
  constructor(groups: number) {
    super();
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }

  override extraRepr(): string {
    return `${this.groups}`;
  }
}

/** Splits an axis into several: the inverse of `Flatten`. */
export class Unflatten extends Module {
  readonly axis: number;
  readonly sizes: readonly number[];

  /**
   * @param axis The axis that is split.
   * @param sizes Its new sizes; one may be −1.
   */
  constructor(axis: number, sizes: readonly number[]) {
    super();
    this.axis = axis;
    this.sizes = [...sizes];
  }

  forward(x: Tensor): Tensor {
    const a = normalizeAxis(this.axis, x.rank, "Unflatten");
    const known = this.sizes.reduce((n, d) => (d === -1 ? n : n * d), 1);
    const sizes = this.sizes.map((d) => (d === -1 ? x.shape[a]! / known : d));
    return reshape(x, [...x.shape.slice(0, a), ...sizes, ...x.shape.slice(a + 1)]);
  }

  override extraRepr(): string {
    return showArguments([this.axis, `[${this.sizes.join(", ")}]`]);
  }
}
