import { UsageError } from "../base/errors.ts";
import { defaultStream } from "../base/random.ts";
import { dropout } from "../ops/dropout.ts";
import { hostInput } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

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
    if (!(p >= 0 && p < 1)) throw new UsageError(`Dropout: p must be in [0, 1), got ${p}`);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    const { size } = x;
    const state = hostInput({ shape: [6], dtype: "int32" }, () => {
      const { key, counter } = defaultStream().reserve(size);
      return Int32Array.of(...key, ...counter);
    });
    return dropout(x, state, this.p);
  }

  override extraRepr(): string {
    return `${this.p}`;
  }
}
