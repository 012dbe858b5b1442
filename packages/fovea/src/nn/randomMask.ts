import { defaultStream } from "../base/random.ts";
import type { Shape } from "../base/shape.ts";
import { dropout } from "../ops/dropout.ts";
import { hostInput } from "../tensor/apply.ts";
import { ones } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The state for `dropout` over `size` elements: words of the global stream (`manualSeed`), set aside anew at every
 * call, so a compiled step draws what the same step run eagerly would draw.
 */
export function reservedWords(size: number): Tensor {
  return hostInput({ shape: [6], dtype: "int32" }, () => {
    const { key, counter } = defaultStream().reserve(size);
    return Int32Array.of(...key, ...counter);
  });
}

/** 0 with probability p, else 1 / (1 − p). */
export function randomMask(shape: Shape, p: number): Tensor {
  const all = ones(shape);
  return dropout(all, reservedWords(all.size), p);
}
