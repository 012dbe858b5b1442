import { UsageError } from "../base/errors.ts";
import { pad } from "../ops/movement.ts";
import { padMode, type PaddingMode } from "../ops/padding.ts";
import { signals, type Side } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

/** One number for all sides, or PyTorch's order: left, right, then top, bottom, then front, back. */
export type PadSides = number | readonly number[];

/** What the padding layers share. Negative numbers cut off. */
abstract class Pad extends Module {
  readonly padding: PadSides;
  readonly #sides: readonly Side[];

  constructor(who: string, axes: number, padding: PadSides) {
    super();
    const list = typeof padding === "number" ? Array.from({ length: 2 * axes }, () => padding) : padding;
    if (list.length !== 2 * axes || !list.every(Number.isInteger)) {
      const order = ["left", "right", "top", "bottom", "front", "back"].slice(0, 2 * axes).join(", ");
      throw new UsageError(`${who}: padding must be a whole number or [${order}], got ${JSON.stringify(padding)}`);
    }
    this.padding = padding;
    // PyTorch counts from the last axis.
    this.#sides = Array.from({ length: axes }, (_, k): Side => [list[2 * k]!, list[2 * k + 1]!]).toReversed();
  }

  /** The padding of every axis, outermost first. */
  protected sides(x: Tensor): readonly Side[] {
    signals(x.shape, this.#sides.length, this.constructor.name);
    return this.#sides;
  }

  override extraRepr(): string {
    return showArguments([], { padding: this.padding });
  }
}

abstract class ModePad extends Pad {
  readonly #mode: PaddingMode;

  constructor(who: string, axes: number, padding: PadSides, mode: PaddingMode) {
    super(who, axes, padding);
    this.#mode = mode;
  }

  forward(x: Tensor): Tensor {
    return padMode(x, this.sides(x), this.#mode);
  }
}

abstract class ConstantPad extends Pad {
  readonly value: number;

  constructor(who: string, axes: number, padding: PadSides, value: number) {
    super(who, axes, padding);
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    const sides = this.sides(x);
    // What is cut off goes first, so that the value stands around what is left.
    const cut = padMode(
      x,
      sides.map(([a, b]): Side => [Math.min(0, a), Math.min(0, b)]),
    );
    return pad(cut, [[0, 0], [0, 0], ...sides.map(([a, b]): Side => [Math.max(0, a), Math.max(0, b)])], this.value);
  }

  override extraRepr(): string {
    return showArguments([], { padding: this.padding, value: this.value });
  }
}

/** A value around a line: [N, C, L] → [N, C, L']. */
export class ConstantPad1d extends ConstantPad {
  constructor(padding: PadSides, value: number) {
    super("ConstantPad1d", 1, padding, value);
  }
}

/** A value around a picture: [N, C, H, W] → [N, C, H', W']. */
export class ConstantPad2d extends ConstantPad {
  constructor(padding: PadSides, value: number) {
    super("ConstantPad2d", 2, padding, value);
  }
}

/** A value around a volume: [N, C, D, H, W] → [N, C, D', H', W']. */
export class ConstantPad3d extends ConstantPad {
  constructor(padding: PadSides, value: number) {
    super("ConstantPad3d", 3, padding, value);
  }
}

/** Zeros around a line: [N, C, L] → [N, C, L']. */
export class ZeroPad1d extends ModePad {
  constructor(padding: PadSides) {
    super("ZeroPad1d", 1, padding, "zeros");
  }
}

/** Zeros around a picture: [N, C, H, W] → [N, C, H', W']. */
export class ZeroPad2d extends ModePad {
  constructor(padding: PadSides) {
    super("ZeroPad2d", 2, padding, "zeros");
  }
}

/** Zeros around a volume: [N, C, D, H, W] → [N, C, D', H', W']. */
export class ZeroPad3d extends ModePad {
  constructor(padding: PadSides) {
    super("ZeroPad3d", 3, padding, "zeros");
  }
}

/** The mirror image, without the edge, around a line. */
export class ReflectionPad1d extends ModePad {
  constructor(padding: PadSides) {
    super("ReflectionPad1d", 1, padding, "reflect");
  }
}

/** The mirror image, without the edge, around a picture. */
export class ReflectionPad2d extends ModePad {
  constructor(padding: PadSides) {
    super("ReflectionPad2d", 2, padding, "reflect");
  }
}

/** The mirror image, without the edge, around a volume. */
export class ReflectionPad3d extends ModePad {
  constructor(padding: PadSides) {
    super("ReflectionPad3d", 3, padding, "reflect");
  }
}

/** The edge repeated around a line. */
export class ReplicationPad1d extends ModePad {
  constructor(padding: PadSides) {
    super("ReplicationPad1d", 1, padding, "replicate");
  }
}

/** The edge repeated around a picture. */
export class ReplicationPad2d extends ModePad {
  constructor(padding: PadSides) {
    super("ReplicationPad2d", 2, padding, "replicate");
  }
}

/** The edge repeated around a volume. */
export class ReplicationPad3d extends ModePad {
  constructor(padding: PadSides) {
    super("ReplicationPad3d", 3, padding, "replicate");
  }
}

/** The line again around itself. */
export class CircularPad1d extends ModePad {
  constructor(padding: PadSides) {
    super("CircularPad1d", 1, padding, "circular");
  }
}

/** The picture again around itself. */
export class CircularPad2d extends ModePad {
  constructor(padding: PadSides) {
    super("CircularPad2d", 2, padding, "circular");
  }
}

/** The volume again around itself. */
export class CircularPad3d extends ModePad {
  constructor(padding: PadSides) {
    super("CircularPad3d", 3, padding, "circular");
  }
}
