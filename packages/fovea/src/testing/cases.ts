import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Attrs } from "../backend/contract.ts";
import { tensor } from "../tensor/create.ts";
import type { Inputs, ListOp, NamedOp, Op } from "../tensor/op.ts";
import type { NestedArray, Tensor } from "../tensor/tensor.ts";

/** An input of a case: a shape to be filled with seeded normal numbers, or values. */
export type CaseInput = Shape | GivenInput;

export interface GivenInput {
  readonly values: NestedArray;
  readonly dtype?: DType;
  readonly shape?: Shape;
}

/** One setting of an op, to be checked by the generic suites on every engine. */
export interface OpCase {
  readonly name: string;
  readonly inputs: readonly (CaseInput | undefined)[];
  readonly attrs: Attrs;
  /** Expected values in row-major order, with where they come from. */
  readonly expected?: { readonly values: NestedArray; readonly origin: string } | undefined;
  /** False for inputs at kinks or ties, where a finite difference means nothing. Default true. */
  readonly differentiable?: boolean | undefined;
}

export interface OpCases {
  readonly op: Op;
  readonly cases: readonly OpCase[];
}

interface CaseOptions {
  expected?: OpCase["expected"];
  differentiable?: boolean;
}

/** The cases of an op with named inputs: `[name, inputs, attrs, options?]` each. */
export function casesOf<N extends string, A extends Attrs>(
  op: NamedOp<string, N, A>,
  rows: readonly (readonly [name: string, inputs: Inputs<N, CaseInput>, attrs: A, options?: CaseOptions])[],
): OpCases {
  return {
    op,
    cases: rows.map(([name, inputs, attrs, options]) => {
      const byName = inputs as unknown as Record<string, CaseInput | undefined>;
      return { name, inputs: op.inputNames.map((k) => byName[k]), attrs, ...options };
    }),
  };
}

/** The cases of an op over a list. */
export function listCasesOf<A extends Attrs>(
  op: ListOp<string, A>,
  rows: readonly (readonly [name: string, inputs: readonly CaseInput[], attrs: A, options?: CaseOptions])[],
): OpCases {
  return { op, cases: rows.map(([name, inputs, attrs, options]) => ({ name, inputs, attrs, ...options })) };
}

/** Seeded numbers for tests: a 32-bit mixing generator (Steele et al., SplitMix), roughly normal by summing four. */
export function testNumbers(seed: number): () => number {
  let state = seed | 0;
  const uniform = () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 8) / 2 ** 24;
  };
  return () => Math.fround((uniform() + uniform() + uniform() + uniform() - 2) * 1.732);
}

function isGiven(input: CaseInput): input is GivenInput {
  return !Array.isArray(input);
}

/** The tensors of a case; the same numbers every time. */
export function makeInputs(c: OpCase, seed = 1): (Tensor | undefined)[] {
  const next = testNumbers(seed);
  return c.inputs.map((input) => {
    if (input === undefined) return undefined;
    if (isGiven(input)) {
      const { values, ...options } = input;
      return tensor(values, options);
    }
    const shape = input;
    const size = shape.reduce((a, d) => a * d, 1);
    return tensor(Float32Array.from({ length: size }, next), { shape });
  });
}
