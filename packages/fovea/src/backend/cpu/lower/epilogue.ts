import type { Epilogue } from "../../../ops/epilogue.ts";
import { bits } from "../lower.ts";

/** The end of a sum of products as kernels take it: flags and range of kernels/c/epilogue.h. */
export interface EpilogueParams {
  readonly flags: number;
  readonly range: readonly [lo: number, hi: number];
}

const BIAS = 1;
const RESIDUAL = 4;
const ACTIVATION = { none: 0, relu: 2, clip: 8, silu: 16 };

/** For ops with an epilogue and for those without: no activation then. */
export function epilogueParams(bias: unknown, residual: unknown, attrs: Partial<Epilogue>): EpilogueParams {
  const { activation = "none", min = 0, max = 0 } = attrs;
  const flags = (bias ? BIAS : 0) | (residual ? RESIDUAL : 0) | ACTIVATION[activation];
  return { flags, range: [bits(min), bits(max)] };
}
