import { ShapeError, UsageError } from "../base/errors.ts";
import type { DType, TypedArray } from "../base/dtype.ts";
import { showShape, sizeOf, type Shape } from "../base/shape.ts";
import { fromHost, tensor } from "../tensor/create.ts";
import { Tensor, type NestedArray } from "../tensor/tensor.ts";

/** Numbers with a shape, on the host. */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * Numbers to train on, first axis examples: a tensor, nested arrays, a typed array (one number per example), or a typed
 * array with its shape. Float and byte arrays become float32, whole numbers (Int32Array) class numbers.
 */
export type Values =
  | Tensor
  | TypedArray
  | readonly NestedArray[]
  | { readonly data: TypedArray; readonly shape: Shape };

/** One tensor, or several by name (a list counts: "0", "1", …), for networks with several outputs. */
export type Named<T> = T | readonly T[] | { readonly [name: string]: T };

/** A batch as the trainer runs it. */
export interface TrainBatch {
  /** The arguments of the network's forward. */
  readonly x: readonly HostArray[];
  /** Targets by output; under "" the only one. */
  readonly y: ReadonlyMap<string, HostArray>;
  /** Weight of each example, [size]. */
  readonly weight: HostArray | null;
  readonly size: number;
  /** Where in the dataset the examples are, where that is known. */
  readonly indices: ArrayLike<number> | null;
  /** Number of the batch in its pass, where its loader tells (it leaves out batches that nothing could be read of). */
  readonly index?: number;
}

/** Values on the host. A tensor's are copied out of its engine. */
export async function toHost(values: Values): Promise<HostArray> {
  if (values instanceof Tensor) return { data: await values.data(), shape: values.shape, dtype: values.dtype };
  if (ArrayBuffer.isView(values)) return typed(values, [values.length]);
  if (Array.isArray(values)) return toHost(tensor(values as NestedArray));
  const { data, shape } = values as { readonly data: TypedArray; readonly shape: Shape };
  if (!ArrayBuffer.isView(data) || !Array.isArray(shape)) {
    throw new UsageError("data to train on are tensors, arrays, typed arrays, or { data, shape }");
  }
  if (sizeOf(shape) !== data.length) {
    throw new ShapeError(`${data.length} values do not fill shape ${showShape(shape)} (${sizeOf(shape)} elements)`);
  }
  return typed(data, shape);
}

function typed(data: TypedArray, shape: Shape): HostArray {
  if (data instanceof Int32Array) return { data, shape, dtype: "int32" };
  const floats = data instanceof Float32Array ? data : Float32Array.from(data);
  return { data: floats, shape, dtype: "float32" };
}

/** Named values as a map; a single one under "". */
export async function toHosts(values: Named<Values>): Promise<Map<string, HostArray>> {
  const found = new Map<string, HostArray>();
  for (const [name, value] of entriesOf<Values>(values, isValues)) found.set(name, await toHost(value));
  return found;
}

/** The parts of something that may be one, a list or a record. */
export function entriesOf<T>(values: Named<T>, isOne: (v: Named<T>) => v is T & Named<T>): [name: string, value: T][] {
  if (isOne(values)) return [["", values]];
  return Object.entries(values as { readonly [name: string]: T });
}

export function isValues(v: unknown): v is Values {
  if (v instanceof Tensor || ArrayBuffer.isView(v)) return true;
  // A list of numbers is one vector, nested lists one array; a list of anything else is several values.
  if (Array.isArray(v)) return v.length > 0 && isNumbers(v[0]);
  return typeof v === "object" && v !== null && "data" in v && "shape" in v;
}

export function isTensor(v: unknown): v is Tensor {
  return v instanceof Tensor;
}

function isNumbers(v: unknown): boolean {
  return typeof v === "number" || (Array.isArray(v) && v.length > 0 && isNumbers(v[0]));
}

/** On the engine; dispose what comes back. */
export function toDevice({ data, shape, dtype }: HostArray): Tensor {
  return fromHost(data, shape, dtype);
}

/** The rows at `indices`. */
export function takeRows({ data, shape, dtype }: HostArray, indices: ArrayLike<number>): HostArray {
  const row = sizeOf(shape.slice(1));
  const Kind = data.constructor as new (length: number) => TypedArray;
  const out = new Kind(indices.length * row);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * row;
    out.set(data.subarray(from, from + row), i * row);
  }
  return { data: out, shape: [indices.length, ...shape.slice(1)], dtype };
}

/** The rows from `from` up to `to`, without copying. */
export function rowsBetween({ data, shape, dtype }: HostArray, from: number, to: number): HostArray {
  const row = sizeOf(shape.slice(1));
  return { data: data.subarray(from * row, to * row), shape: [to - from, ...shape.slice(1)], dtype };
}
