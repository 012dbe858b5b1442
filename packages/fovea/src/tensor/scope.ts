import { checkNotAsync } from "../base/notAsync.ts";
import { runScope } from "./memory.ts";
import { Storage } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/**
 * Runs `fn` and frees at once every tensor made inside, except those in its result (a tensor, or arrays and records
 * of them). Never needed for correctness; useful to keep the peak low in long eager computations. `fn` must not be async.
 */
export function scope<T>(fn: () => T): T {
  checkNotAsync(fn, "scope");
  return runScope(fn, storagesIn);
}

function* storagesIn(value: unknown): Generator<Storage> {
  if (value instanceof Tensor) {
    if (value.source instanceof Storage) yield value.source;
  } else if (Array.isArray(value)) {
    for (const v of value) yield* storagesIn(v);
  } else if (typeof value === "object" && value !== null) {
    for (const v of Object.values(value)) yield* storagesIn(v);
  }
}
