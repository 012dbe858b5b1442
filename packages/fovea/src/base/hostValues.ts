import type { TypedArray } from "./dtype.ts";
import { Draw } from "./random.ts";

/** Values on the host: an array that nobody changes, or how to make one, the same each time. */
export type HostValues = TypedArray | (() => TypedArray) | Draw;

/** The array; one that is yet to be made is made anew at every call. */
export function arrayOf(values: HostValues): TypedArray {
  if (typeof values === "function") return values();
  return values instanceof Draw ? values.values() : values;
}
