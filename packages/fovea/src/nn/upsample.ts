import { interpolate, type InterpolateOptions } from "../ops/interpolate.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

/**
 * Resizes its input: [N, C, …] → [N, C, …] with other sizes. Give `size` or `scaleFactor`.
 *
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: "bilinear" })
 */
export class Upsample extends Module {
  readonly options: InterpolateOptions;

  constructor(options: InterpolateOptions) {
    super();
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return interpolate(x, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { ...this.options }, { alignCorners: false, antialias: false });
  }
}

/** Repeats pixels: `Upsample` with mode "nearest". */
export class UpsamplingNearest2d extends Upsample {
  constructor(options: Pick<InterpolateOptions, "size" | "scaleFactor">) {
    super({ ...options, mode: "nearest" });
  }
}

/** Interpolates between pixels, corners on corners: `Upsample` with mode "bilinear" and alignCorners. */
export class UpsamplingBilinear2d extends Upsample {
  constructor(options: Pick<InterpolateOptions, "size" | "scaleFactor">) {
    super({ ...options, mode: "bilinear", alignCorners: true });
  }
}
