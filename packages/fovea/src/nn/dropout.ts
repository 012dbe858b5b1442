import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { cast } from "../ops/cast.ts";
import { dropout } from "../ops/dropout.ts";
import { maxPool2d } from "../ops/maxPool2d.ts";
import { pad } from "../ops/movement.ts";
import { noGrad } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";
import { randomMask, reservedWords } from "./randomMask.ts";

function checkProbability(name: string, p: number): void {
  if (!(p >= 0 && p < 1)) throw new UsageError(`${name}: p must be in [0, 1), got ${p}`);
}

/**
 * Sets elements to 0 with probability p while training, and scales the others by 1 / (1 − p).
 *
 * The random words come from the global stream (`manualSeed`), set aside anew at every call, so a compiled step
 * draws what the same step run eagerly would draw.
 */
export class Dropout extends Module {
  readonly p: number;

  /** @param p Probability of 0, in [0, 1); default 0.5. */
  constructor(p = 0.5) {
    super();
    checkProbability("Dropout", p);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return dropout(x, reservedWords(x.size), this.p);
  }

  override extraRepr(): string {
    return `${this.p}`;
  }
}

/** What Dropout1d, 2d and 3d share: whole channels are dropped (Tompson et al., 2015). */
abstract class ChannelDropout extends Module {
  readonly p: number;
  protected abstract readonly takes: string;

  /** @param p Probability of a channel to be 0, in [0, 1); default 0.5. */
  constructor(p = 0.5) {
    super();
    checkProbability(this.constructor.name, p);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    if (x.rank !== this.takes.split(",").length) {
      throw new ShapeError(`${this.constructor.name}: wanted ${this.takes}, got ${showShape(x.shape)}`);
    }
    if (!this.training || this.p === 0) return x;
    return x.mul(
      randomMask(
        x.shape.map((d, i) => (i < 2 ? d : 1)),
        this.p,
      ),
    );
  }

  override extraRepr(): string {
    return `${this.p}`;
  }
}

/** Sets whole channels of [N, C, L] to 0 with probability p while training, and scales the others by 1 / (1 − p). */
export class Dropout1d extends ChannelDropout {
  protected override readonly takes = "[N, C, L]";
}

/** Sets whole channels of [N, C, H, W] to 0 with probability p while training, and scales the others by 1 / (1 − p). */
export class Dropout2d extends ChannelDropout {
  protected override readonly takes = "[N, C, H, W]";
}

/** Sets whole channels of [N, C, D, H, W] to 0 with probability p while training, and scales the others. */
export class Dropout3d extends ChannelDropout {
  protected override readonly takes = "[N, C, D, H, W]";
}

/** Dropout that keeps mean 0 and variance 1: for networks of SELU (Klambauer et al., 2017). */
export class AlphaDropout extends Module {
  readonly p: number;

  /** @param p Probability of an element to be dropped, in [0, 1); default 0.5. */
  constructor(p = 0.5) {
    super();
    checkProbability("AlphaDropout", p);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    const { p } = this;
    if (!this.training || p === 0) return x;
    const low = -1.7580993408473766; // −scale · α: where SELU goes at −∞
    const a = 1 / Math.sqrt((1 - p) * (1 + p * low * low));
    const kept = randomMask(x.shape, p).mul(1 - p);
    return x
      .mul(kept)
      .add(kept.neg().add(1).mul(low))
      .mul(a)
      .add(-a * low * p);
  }

  override extraRepr(): string {
    return `${this.p}`;
  }
}

/** What a random decision of `StochasticDepth` is about: each image, or the whole batch. */
export type StochasticDepthMode = "row" | "batch";

/**
 * Sets a branch to 0 with probability p while training, and scales it by 1 / (1 − p) otherwise (Huang et al., 2016).
 *
 * @example
 * x.add(depth.forward(branch)) // a residual block that is sometimes skipped
 */
export class StochasticDepth extends Module {
  readonly p: number;
  readonly mode: StochasticDepthMode;

  /**
   * @param p Probability to be skipped, in [0, 1].
   * @param mode `row` decides per image, `batch` once for all; as in torchvision, there is no default.
   */
  constructor(p: number, mode: StochasticDepthMode) {
    super();
    if (!(p >= 0 && p <= 1)) throw new UsageError(`StochasticDepth: p must be in [0, 1], got ${p}`);
    if (mode !== "row" && mode !== "batch") {
      throw new UsageError(`StochasticDepth: mode must be "row" or "batch", got ${String(mode)}`);
    }
    this.p = p;
    this.mode = mode;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    if (this.p === 1) return x.mul(0);
    const shape = x.shape.map((d, i) => (i === 0 && this.mode === "row" ? d : 1));
    return x.mul(randomMask(shape, this.p));
  }

  override extraRepr(): string {
    return showArguments([this.p, this.mode]);
  }
}

/** Sets squares of pixels to 0 while training, each channel its own (Ghiasi, Lin and Le, 2018): [N, C, H, W]. */
export class DropBlock2d extends Module {
  readonly p: number;
  readonly blockSize: number;
  readonly eps: number;

  /**
   * @param p Share of pixels to be dropped, about; in [0, 1).
   * @param blockSize Side of the squares; smaller where the image is.
   * @param eps Added to the number of kept pixels that the rest is scaled by; default 1e-6.
   */
  constructor(p: number, blockSize: number, eps = 1e-6) {
    super();
    checkProbability("DropBlock2d", p);
    if (!Number.isInteger(blockSize) || blockSize < 1) {
      throw new UsageError(`DropBlock2d: blockSize must be a whole number ≥ 1, got ${blockSize}`);
    }
    this.p = p;
    this.blockSize = blockSize;
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    if (x.rank !== 4) throw new ShapeError(`DropBlock2d: wanted [N, C, H, W], got ${showShape(x.shape)}`);
    if (!this.training || this.p === 0) return x;
    return x.mul(noGrad(() => this.#mask(x.shape as readonly [number, number, number, number])));
  }

  /** 0 in the blocks, elsewhere so much that the mean is 1. */
  #mask([n, c, h, w]: readonly [number, number, number, number]): Tensor {
    const size = Math.min(this.blockSize, h, w);
    const [rows, columns] = [h - size + 1, w - size + 1];
    // Corners of blocks, so many that p of the pixels are covered when none overlap.
    const share = (this.p * h * w) / (size * size * rows * columns);
    const corners = cast(randomMask([n, c, rows, columns], share).equal(0), "float32");
    const around: [number, number] = [size - 1, size - 1];
    const blocks = maxPool2d(pad(corners, [[0, 0], [0, 0], around, around]), size, { stride: 1 });
    const kept = blocks.neg().add(1);
    return kept.mul(kept.sum().add(this.eps).reciprocal().mul(kept.size));
  }

  override extraRepr(): string {
    return showArguments([this.p, this.blockSize], { eps: this.eps }, { eps: 1e-6 });
  }
}
