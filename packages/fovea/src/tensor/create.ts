import { FoveaError, ShapeError, UsageError } from "../base/errors.ts";
import { hostArray, type DType, type TypedArray } from "../base/dtype.ts";
import type { HostValues } from "../base/hostValues.ts";
import { checkShape, sameShape, showShape, sizeOf, type Shape } from "../base/shape.ts";
import { Storage } from "./storage.ts";
import { Tensor, type NestedArray } from "./tensor.ts";

export interface TensorOptions {
  /** Element type; by default from the data: typed arrays keep theirs, numbers become float32. */
  dtype?: DType;
  /** Shape; by default from the nesting. */
  shape?: Shape;
  /**
   * With false, a typed array of the right kind becomes the tensor's own instead of being copied: nobody may change it
   * afterwards. For large weights. Default true.
   */
  copy?: boolean;
}

/**
 * A tensor from numbers, nested arrays or a typed array. The values are copied, unless `copy` is false.
 *
 * A function gives values that are made when they are wanted, such as weights that stay in their file: `shape` is then
 * needed (and `dtype`, default float32), and every call must give the same, for an engine that let go of values asks again.
 */
export function tensor(values: NestedArray | TypedArray | (() => TypedArray), options: TensorOptions = {}): Tensor {
  if (typeof values === "function") return later(values, options);
  const flat = typeof values === "number" || Array.isArray(values) ? flatten(values as NestedArray) : null;
  const source = flat?.data ?? (values as TypedArray);
  const shape = options.shape ?? flat?.shape ?? [source.length];
  checkShape(shape, "tensor");
  if (sizeOf(shape) !== source.length) {
    throw new ShapeError(
      `tensor: ${source.length} values do not fill shape ${showShape(shape)} (${sizeOf(shape)} elements)`,
    );
  }
  const dtype = options.dtype ?? dtypeOf(source);
  const fits = dtype !== "bool" && source.constructor === hostArray(dtype, 0).constructor;
  if (options.copy === false && fits) return fromHost(source as TypedArray, shape, dtype);
  const host = hostArray(dtype, source.length);
  if (dtype === "bool") for (let i = 0; i < host.length; i++) host[i] = source[i] === 0 ? 0 : 1;
  else host.set(source);
  return fromHost(host, shape, dtype);
}

function later(values: () => TypedArray, { shape, dtype = "float32" }: TensorOptions): Tensor {
  if (shape === undefined) throw new UsageError("tensor: values made by a function need { shape }");
  checkShape(shape, "tensor");
  const array = hostArray(dtype, 0).constructor;
  const made = () => {
    const data = values();
    if (data.constructor === array && data.length === sizeOf(shape)) return data;
    throw new FoveaError(
      `tensor: the function made a ${data.constructor.name} of ${data.length} elements for ${dtype} of shape ` +
        `${showShape(shape)}, which is a ${array.name} of ${sizeOf(shape)}`,
    );
  };
  return fromHost(made, shape, dtype);
}

/** A tensor over values that nobody will change. */
export function fromHost(host: HostValues, shape: Shape, dtype: DType): Tensor {
  const spec = { shape: Object.freeze([...shape]), dtype };
  return new Tensor(spec, new Storage(spec, { host }));
}

export function full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  checkShape(shape, "full");
  return fromHost(hostArray(dtype, sizeOf(shape)).fill(value), shape, dtype);
}

export function zeros(shape: Shape, dtype: DType = "float32"): Tensor {
  return full(shape, 0, dtype);
}

export function ones(shape: Shape, dtype: DType = "float32"): Tensor {
  return full(shape, 1, dtype);
}

/** 0, 1, …, n − 1 as float32 unless another dtype is given. */
export function arange(n: number, dtype: DType = "float32"): Tensor {
  checkShape([n], "arange");
  const host = hostArray(dtype, n);
  for (let i = 0; i < n; i++) host[i] = i;
  return fromHost(host, [n], dtype);
}

/** A number as a tensor of rank 0; tensors pass through. */
export function toTensor(x: Tensor | number): Tensor {
  return typeof x === "number" ? fromHost(Float32Array.of(x), [], "float32") : x;
}

function dtypeOf(source: TypedArray | readonly number[]): DType {
  if (source instanceof Int32Array) return "int32";
  if (source instanceof Uint8Array) return "uint8";
  return "float32";
}

function flatten(values: NestedArray): { data: number[]; shape: number[] } {
  const data: number[] = [];
  const walk = (v: NestedArray): number[] => {
    if (typeof v === "number") {
      data.push(v);
      return [];
    }
    if (!Array.isArray(v)) throw new FoveaError(`tensor: expected numbers or nested arrays, got ${typeof v}`);
    const shapes = v.map(walk);
    for (const s of shapes) {
      if (!sameShape(s, shapes[0]!)) {
        throw new ShapeError(`tensor: nested arrays are ragged: ${showShape(shapes[0]!)} beside ${showShape(s)}`);
      }
    }
    return [v.length, ...(shapes[0] ?? [])];
  };
  const shape = walk(values);
  return { data, shape };
}
