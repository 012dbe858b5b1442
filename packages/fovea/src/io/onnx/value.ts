import { ShapeError, UnsupportedOpError } from "../../base/errors.ts";
import { sizeOf, type Shape } from "../../base/shape.ts";
import { isRecording } from "../../tensor/apply.ts";
import { fromHost } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { computeDType, isFloat, isInteger, type ElementType } from "./elementTypes.ts";
import type { Constant } from "./tensors.ts";

/**
 * What flows along an edge of the graph: a tensor, a constant known on the host, or both.
 *
 * Floats compute as float32 and integers as int32. Shape arithmetic stays constant: nodes whose inputs are all constant
 * are computed when the graph runs, on the host, and so are known inside compile().
 */
export class Value {
  readonly type: ElementType;
  readonly shape: Shape;
  #tensor: Tensor | null;
  #constant: Constant | null;

  private constructor(type: ElementType, shape: Shape, tensor: Tensor | null, constant: Constant | null) {
    this.type = type;
    this.shape = shape;
    this.#tensor = tensor;
    this.#constant = constant;
  }

  static of(tensor: Tensor, type: ElementType): Value {
    return new Value(type, tensor.shape, tensor, null);
  }

  /** A constant; `tensor` holds the same values where a module keeps them as state. */
  static constant(constant: Constant, tensor: Tensor | null = null): Value {
    return new Value(constant.type, constant.shape, tensor, constant);
  }

  /** Integers on the host, as int64 unless said otherwise. */
  static integers(values: readonly number[], shape: Shape = [values.length], type: ElementType = "int64"): Value {
    return Value.constant({ type, shape, data: Float64Array.from(values) });
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The values when they are known before anything runs. */
  get known(): Constant | null {
    return this.#constant;
  }

  /** The values as a tensor that computes. Integers that do not fit 32 bits are an error, never wrapped. */
  get tensor(): Tensor {
    return (this.#tensor ??= toTensor(this.#constant!));
  }

  /**
   * The values as numbers. Values that only exist once the graph has run are read eagerly; inside compile() they cannot
   * be, because a shape must not depend on them.
   */
  numbers(what: string): number[] {
    if (this.#constant !== null) return Array.from(this.#constant.data);
    if (isRecording()) {
      throw new UnsupportedOpError(
        `${what} depends on values computed by the graph, which compile() cannot record: make the input constant, or run ` +
          "the model without compile()",
      );
    }
    return Array.from(this.tensor.storage.values());
  }
}

function toTensor({ type, shape, data }: Constant): Tensor {
  if (isFloat(type)) return fromHost(data instanceof Float32Array ? data : Float32Array.from(data), shape, "float32");
  if (type === "bool")
    return fromHost(
      Uint8Array.from(data, (v) => Number(v !== 0)),
      shape,
      "bool",
    );
  return fromHost(toInt32(data, type), shape, "int32");
}

/** Integers as int32, the only integers that compute. */
export function toInt32(data: ArrayLike<number>, type: ElementType): Int32Array {
  const out = Int32Array.from(data);
  for (let i = 0; i < out.length; i++) {
    if (out[i] !== data[i]) {
      throw new UnsupportedOpError(`the ${type} value ${data[i]} does not fit the 32-bit integers that compute`);
    }
  }
  return out;
}

/** A tensor's values as a constant of an ONNX type. */
export function toConstant(tensor: Tensor, type: ElementType): Constant {
  const values = tensor.storage.values();
  const { shape } = tensor;
  if (isFloat(type)) return { type, shape, data: Float32Array.from(values) };
  return { type, shape, data: type === "bool" ? Uint8Array.from(values) : Float64Array.from(values) };
}

/** Checks that a tensor given to the graph can serve as an input of that type, and converts bytes to int32. */
export function fitsInput(dtype: Tensor["dtype"], type: ElementType): boolean {
  return dtype === computeDType(type) || (dtype === "uint8" && isInteger(type));
}

/** The single number of a constant. */
export function scalar(values: readonly number[], what: string): number {
  if (values.length !== 1) throw new ShapeError(`${what} must be one number, got ${values.length}`);
  return values[0]!;
}

export function isEmpty(shape: Shape): boolean {
  return sizeOf(shape) === 0;
}
