import { FoveaError } from "../base/errors.ts";
import type { Attrs, NdArray, OpKernel, TensorSpec } from "../backend/contract.ts";
import type { Tensor } from "./tensor.ts";

/** `"bias?"` names an optional input; the record of inputs has its key without the mark. */
type Required<N extends string> = N extends `${string}?` ? never : N;
type Optional<N extends string> = N extends `${infer K}?` ? K : never;
type Key<N extends string> = Required<N> | Optional<N>;

/** Inputs by name, each a T. */
export type Inputs<N extends string, T> = { readonly [K in Required<N>]: T } & {
  readonly [K in Optional<N>]?: T | undefined;
};

/** One lazy gradient per input; `null` = not differentiable. Every key must be there. */
export type Gradients<N extends string> = { readonly [K in Key<N>]: (() => Tensor) | null };

export interface OpDefinition<N extends string, A extends Attrs> {
  /** Names of the inputs in kernel order; a `?` at the end makes one optional. */
  readonly inputs: readonly N[];
  /** Result shape and dtype; throws a ShapeError that names the shapes and the law. */
  shape(inputs: Inputs<N, TensorSpec>, attrs: A): TensorSpec;
  /** Gradients in terms of ops, given inputs, output `y` and its gradient `g`; `null` for ops without gradient. */
  readonly vjp: ((inputs: Inputs<N, Tensor>, attrs: A, y: Tensor, g: Tensor) => Gradients<N>) | null;
  /** Multiply–accumulates; 0 unless given. */
  macs?(inputs: Inputs<N, TensorSpec>, attrs: A, output: TensorSpec): number;
  /** Plain float64 loops over row-major arrays: the specification. Writes `output.data`. */
  reference(inputs: Inputs<N, NdArray>, attrs: A, output: NdArray): void;
  /** The output is the first input, changed in place. */
  readonly inPlace?: boolean;
}

/** An op whose inputs are a list, such as `concat`. */
export interface ListOpDefinition<A extends Attrs> {
  shape(inputs: readonly TensorSpec[], attrs: A): TensorSpec;
  readonly vjp: ((inputs: readonly Tensor[], attrs: A, y: Tensor, g: Tensor) => readonly (() => Tensor)[]) | null;
  reference(inputs: readonly NdArray[], attrs: A, output: NdArray): void;
}

/** An op as the door sees it: inputs are a list in kernel order. */
export interface Op<Name extends string = string> extends OpKernel {
  readonly name: Name;
  shape(inputs: readonly (TensorSpec | undefined)[], attrs: Attrs): TensorSpec;
  vjp:
    | ((
        inputs: readonly (Tensor | undefined)[],
        attrs: Attrs,
        y: Tensor,
        g: Tensor,
      ) => readonly ((() => Tensor) | null)[])
    | null;
  macs(inputs: readonly (TensorSpec | undefined)[], attrs: Attrs, output: TensorSpec): number;
}

/** An op with named inputs; `apply` checks call sites against these types. */
export interface NamedOp<Name extends string, N extends string, A extends Attrs> extends Op<Name> {
  readonly inputNames: readonly Key<N>[];
  readonly types?: { readonly names: N; readonly attrs: A };
}

export interface ListOp<Name extends string, A extends Attrs> extends Op<Name> {
  readonly types?: { readonly attrs: A };
}

/** Describes an op once, true on every engine. See ARCHITECTURE.md, "the door". */
export function defineOp<const Name extends string, const N extends string, A extends Attrs = Record<never, never>>(
  name: Name,
  definition: OpDefinition<N, A>,
): NamedOp<Name, N, A> {
  const keys = definition.inputs.map((n) => n.replace(/\?$/, "")) as Key<N>[];
  const named = <T>(list: readonly (T | undefined)[]) => {
    const inputs: Record<string, T | undefined> = {};
    for (let i = 0; i < keys.length; i++) inputs[keys[i]!] = list[i];
    return inputs as unknown as Inputs<N, T>;
  };
  const { vjp, macs } = definition;
  return {
    name,
    inputNames: keys,
    inPlace: definition.inPlace ?? false,
    shape: (inputs, attrs) => definition.shape(named(inputs), attrs as A),
    vjp:
      vjp &&
      ((inputs, attrs, y, g) => {
        const gradients = vjp(named(inputs), attrs as A, y, g);
        return keys.map((k) => gradients[k]);
      }),
    macs: macs === undefined ? () => 0 : (inputs, attrs, output) => macs(named(inputs), attrs as A, output),
    reference: (inputs, attrs, output) => definition.reference(named(inputs), attrs as A, output),
  };
}

/** `defineOp` for an op over a list of tensors. */
export function defineListOp<const Name extends string, A extends Attrs = Record<never, never>>(
  name: Name,
  definition: ListOpDefinition<A>,
): ListOp<Name, A> {
  const all = <T>(list: readonly (T | undefined)[]): readonly T[] => {
    if (list.includes(undefined)) throw new FoveaError(`${name}: a tensor in the list is undefined`);
    return list as readonly T[];
  };
  const { vjp } = definition;
  return {
    name,
    inPlace: false,
    shape: (inputs, attrs) => definition.shape(all(inputs), attrs as A),
    vjp: vjp && ((inputs, attrs, y, g) => vjp(all(inputs), attrs as A, y, g)),
    macs: () => 0,
    reference: (inputs, attrs, output) => definition.reference(all(inputs), attrs as A, output),
  };
}
