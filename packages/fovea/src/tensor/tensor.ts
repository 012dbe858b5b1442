import { FoveaError, ShapeError } from "../base/errors.ts";
import type { DType, TypedArray } from "../base/dtype.ts";
import { showShape, sizeOf, type Shape } from "../base/shape.ts";
import type { Attrs, TensorSpec } from "../backend/contract.ts";
import type { Op } from "./op.ts";
import { Storage } from "./storage.ts";
import { adopt, track } from "./memory.ts";

/** How a tensor came to be, for the gradient. */
export interface GradNode {
  readonly op: Op;
  readonly attrs: Attrs;
  /** Emptied when backward() has consumed the graph. */
  inputs: readonly (Tensor | undefined)[] | null;
  /** Creation order: a node's inputs always have smaller numbers. */
  readonly order: number;
}

/** A value that exists only while a graph is recorded. */
export interface SymbolicValue {
  readonly graph: object;
  readonly id: number;
}

/** Nested arrays of numbers, as read from or given to a tensor. */
export type NestedArray = number | readonly NestedArray[];

/**
 * An n-dimensional array with a gradient. Shapes are logical and in PyTorch's order: [N, C, H, W].
 *
 * Tensors are immutable, except weights under an optimizer. Building is synchronous; reading values is `await`ed.
 */
export class Tensor implements TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Where the values are, or which value of a graph being recorded this is. */
  readonly source: Storage | SymbolicValue;
  /** True when gradients flow to or through this tensor. */
  requiresGrad = false;
  #grad: Tensor | null = null;
  /** True when the gradient's memory is kept on its engine because it is a gradient. */
  #gradPinned = false;
  node: GradNode | null = null;

  constructor(spec: TensorSpec, source: Storage | SymbolicValue) {
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.source = source;
    if (source instanceof Storage) track(this, source);
  }

  /** The gradient that backward() left here; only for leaves that require one. It keeps its memory until replaced. */
  get grad(): Tensor | null {
    return this.#grad;
  }

  set grad(next: Tensor | null) {
    if (next === this.#grad) return;
    const before = this.#grad?.source;
    if (before instanceof Storage && this.#gradPinned) {
      before.pinned = false;
      adopt(before);
    }
    this.#grad = next;
    this.#gradPinned = next?.source instanceof Storage && !next.source.pinned;
    if (this.#gradPinned) next!.storage.pinned = true;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The storage; an error while recording, when there are no values yet. */
  get storage(): Storage {
    if (this.source instanceof Storage) return this.source;
    throw new FoveaError(
      `a tensor ${showShape(this.shape)} was used as a value while compile() records, or kept from a recording; ` +
        "return it from the compiled function instead",
    );
  }

  /** A copy of the values in row-major order: Float32Array, Int32Array or Uint8Array by dtype. */
  async data(): Promise<TypedArray> {
    const values = this.storage.values();
    return values instanceof Float64Array ? Float32Array.from(values) : values.slice();
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError(`item(): the tensor has shape ${showShape(this.shape)}, not one element`);
    return (await this.data())[0]!;
  }

  /** The values as nested arrays. */
  async toArray(): Promise<NestedArray> {
    return nest(await this.data(), this.shape);
  }

  /** The same values outside the gradient graph. */
  detach(): Tensor {
    return new Tensor(this, this.source instanceof Storage ? this.source.share() : this.source);
  }

  /** Marks a leaf as wanting a gradient; returns itself. */
  requireGrad(wanted = true): this {
    if (wanted && this.dtype !== "float32")
      throw new FoveaError(`only float32 tensors have gradients, this is ${this.dtype}`);
    this.requiresGrad = wanted;
    return this;
  }

  /** Frees the memory now instead of later; what `using` calls. */
  [Symbol.dispose](): void {
    if (this.source instanceof Storage) this.source.dispose();
  }

  toString(): string {
    return `Tensor(${showShape(this.shape)}, ${this.dtype})`;
  }
}

function nest(data: TypedArray, shape: Shape): NestedArray {
  const level = (axis: number, offset: number, size: number): NestedArray => {
    if (axis === shape.length) return data[offset]!;
    const step = size / shape[axis]!;
    return Array.from({ length: shape[axis]! }, (_, i) => level(axis + 1, offset + i * step, step));
  };
  return level(0, 0, data.length);
}
