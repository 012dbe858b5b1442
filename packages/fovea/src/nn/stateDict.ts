import { hostArray, type DType, type TypedArray } from "../base/dtype.ts";
import { arrayOf, type HostValues } from "../base/hostValues.ts";
import { FoveaError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { overwrite } from "../ops/assign.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface LoadOptions {
  /** Names must agree exactly; default true. With false, what both sides have is loaded. Shapes must always agree. */
  strict?: boolean;
}

export interface LoadResult {
  /** Names that the target has and the values do not. */
  readonly missing: readonly string[];
  /** Names that the values have and the target does not. */
  readonly unexpected: readonly string[];
}

/** Copies named values into named tensors in place, after checking that all of them fit. */
export function loadTensors(
  targets: ReadonlyMap<string, Tensor>,
  values: ReadonlyMap<string, Tensor>,
  who: string,
  { strict = true }: LoadOptions = {},
): LoadResult {
  const missing = [...targets.keys()].filter((name) => !values.has(name));
  const unexpected = [...values.keys()].filter((name) => !targets.has(name));
  const misshapen = [...targets].flatMap(([name, target]) => {
    const value = values.get(name);
    if (value === undefined || sameShape(value.shape, target.shape)) return [];
    const turned = sameShape(value.shape.toReversed(), target.shape) ? ": transpose it" : "";
    return [`${name} (wanted ${showShape(target.shape)}, got ${showShape(value.shape)}${turned})`];
  });
  const faults: string[] = [];
  if (strict && missing.length > 0) faults.push(`missing ${list(missing, unexpected)}`);
  if (strict && unexpected.length > 0) faults.push(`unexpected ${list(unexpected, missing)}`);
  if (misshapen.length > 0) faults.push(`wrong shape: ${misshapen.join(", ")}`);
  if (faults.length > 0) {
    const lenient = misshapen.length === 0 ? "; rename them, or load what both sides have with { strict: false }" : "";
    throw new FoveaError(`${who}: the values do not fit: ${faults.join("; ")}${lenient}`);
  }

  for (const [name, target] of targets) {
    const value = values.get(name);
    if (value !== undefined && value !== target) overwrite(target, valuesFor(value, target.dtype));
  }
  return { missing, unexpected };
}

/** The names, each with the one of the other side that it was perhaps meant to be. */
function list(names: readonly string[], others: readonly string[]): string {
  const shown = names.map((name) => {
    const near = nearest(name, others);
    return near === null ? name : `${name} (near: ${near})`;
  });
  return `${names.length}: ${shown.join(", ")}`;
}

/** Values that are yet to be made, or read from a file, stay so. */
function valuesFor({ dtype, storage }: Tensor, wanted: DType): HostValues {
  const source = storage.hostSource();
  return dtype === wanted && !ArrayBuffer.isView(source) ? source : convert(arrayOf(source), wanted);
}

function convert(values: TypedArray, dtype: DType): TypedArray {
  const wanted = hostArray(dtype, 0);
  // Double precision is the reference engine's own and stays.
  if (values.constructor === wanted.constructor || (values instanceof Float64Array && dtype === "float32"))
    return values;
  const converted = hostArray(dtype, values.length);
  converted.set(values);
  return converted;
}
