import { ShapeError } from "../base/errors.ts";
import { philox } from "../base/random.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * y = x / (1 − p) where a random word says keep, else 0 (inverted dropout, Srivastava et al. 2014).
 *
 * `state` is int32 [6]: the Philox key (2 words) and the counter of the first block (4 words). Element i, in logical
 * row-major order, uses word i mod 4 of block i div 4 and is kept when word / 2³² (on the 24-bit grid) ≥ p. The
 * gradient draws the same words from the same state, so no mask is stored.
 */
export const dropoutOp = defineOp("dropout", {
  inputs: ["x", "state"],
  shape: ({ x, state }, { p }: { p: number }) => {
    if (x.dtype !== "float32" || state.dtype !== "int32" || state.shape[0] !== 6) {
      throw new ShapeError(
        `dropout: needs float32 and a state of 6 int32 words, got ${x.dtype} and ${state.dtype} [${state.shape.join(", ")}]`,
      );
    }
    if (!(p >= 0 && p < 1)) throw new ShapeError(`dropout: p must be in [0, 1), got ${p}`);
    return x;
  },
  // linear in x, with the same mask
  vjp: ({ state }, { p }, _y, g) => ({ x: () => dropout(g, state, p), state: null }),
  reference: ({ x, state }, { p }, y) => {
    const key = Array.from(state.data.subarray(0, 2));
    const counter = Array.from(state.data.subarray(2, 6));
    const words = new Uint32Array(4);
    const scale = 1 / (1 - p);
    for (let i = 0; i < y.data.length; i++) {
      if (i % 4 === 0) {
        philox(counter, key, words);
        for (let w = 0; w < 4 && (counter[w] = (counter[w]! + 1) | 0) === 0; w++);
      }
      y.data[i] = (words[i % 4]! >>> 8) * 2 ** -24 >= p ? x.data[i]! * scale : 0;
    }
  },
});

/** Drops elements with probability p and scales the rest by 1 / (1 − p); `state` names the random words to use. */
export function dropout(x: Tensor, state: Tensor, p = 0.5): Tensor {
  return p === 0 ? x : apply(dropoutOp, { x, state }, { p });
}
