import { ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { NdArray, TensorSpec } from "../backend/contract.ts";

/**
 * What is done to a sum of products before it is written: y = activation(sum + bias + residual).
 *
 * Graph passes put it into `fusedConv2d` and `fusedMatmul`; nobody calls those by hand.
 */
export type Epilogue = {
  readonly activation: "none" | "relu" | "clip" | "silu";
  /** Range of "clip", else 0. */
  readonly min: number;
  readonly max: number;
};

/** The activation as a function of one number: the specification. NaN stays NaN. */
export function activate(x: number, { activation, min, max }: Epilogue): number {
  if (activation === "relu") return x < 0 ? 0 : x;
  if (activation === "clip") return x < min ? min : x > max ? max : x;
  if (activation === "silu") return x / (1 + Math.exp(-x));
  return x;
}

/** Adds the residual to sums that include the bias, and applies the activation, in place. */
export function finishReference(y: NdArray, residual: NdArray | undefined, epilogue: Epilogue): void {
  for (let i = 0; i < y.data.length; i++) y.data[i] = activate(y.data[i]! + (residual?.data[i] ?? 0), epilogue);
}

/** The result's spec, after checking that a residual has the same. */
export function withResidual(who: string, y: TensorSpec, residual: TensorSpec | undefined): TensorSpec {
  if (residual !== undefined && (residual.dtype !== y.dtype || !sameShape(residual.shape, y.shape))) {
    throw new ShapeError(
      `${who}: the residual must be ${y.dtype} ${showShape(y.shape)} as the result, got ${residual.dtype} ${showShape(residual.shape)}`,
    );
  }
  return y;
}
