import { flatten } from "../ops/movement.ts";
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
