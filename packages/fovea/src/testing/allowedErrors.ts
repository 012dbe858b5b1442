import type { TypedArray } from "../base/dtype.ts";
import { noGrad } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import type { Op } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { makeInputs, testNumbers, type OpCase } from "./cases.ts";

/** Unit roundoff of float32. */
const U = 2 ** -24;
/** What elementwise functions may lose: 8 ulp, the largest aim of docs/accuracy.md (4) in a value and its derivative. */
const ELEMENTWISE = 16;
/** What is lost by rounding a product and the result of its sum. */
const PRODUCT = 2;
/** Factor before √K. Rounding errors are random walks of at most U each; 4 deviations of one are never seen. */
const WALK = 4;

/**
 * Sums of products: linear in each input. The same op on absolute values is then Σ|x||w| of every element, the quantity
 * that rounding errors of a sum are relative to, and never more than ‖x‖‖w‖.
 */
const multilinear: ReadonlySet<string> = new Set([
  "add",
  "avgPool2d",
  "avgPool2dGrad",
  "conv2d",
  "conv2dInputGrad",
  "conv2dWeightGrad",
  "expand",
  "fusedConv2d",
  "fusedMatmul",
  "indexAdd",
  "indexSelect",
  "matmul",
  "mul",
  "scatterAdd",
  "sum",
  "takeAlongAxis",
]);

/**
 * The largest |engine − reference| for each element of an op's result and gradients:
 *
 *   (e + c·√K) · 2⁻²⁴ · M
 *
 * K is how many terms are summed into the element, M what they amount to: Σ|x||w| for sums of products, else the largest
 * result (at least 1). c·√K is the random walk of K roundings, e the error of elementwise functions or of one
 * product, stated above for all ops at once. Nothing is set by hand for a case, so a kernel that loses bits has nowhere to hide.
 */
export function allowedErrors(
  op: Op,
  c: OpCase,
  want: readonly TypedArray[],
  evaluate: (op: Op, c: OpCase, inputs: (Tensor | undefined)[], weight?: (y: Tensor) => Tensor) => TypedArray[],
): ((i: number) => number)[] {
  const terms = termCount(op, c, want);
  const { activation } = c.attrs;
  const magnitudes = multilinear.has(op.name)
    ? evaluate(op, beforeActivation(c), absoluteInputs(c), absoluteWeights)
    : null;
  return want.map((values, k) => {
    const walk = WALK * Math.sqrt(terms / Math.max(1, values.length));
    const factor = ((magnitudes === null || activation === "silu" ? ELEMENTWISE : PRODUCT) + walk) * U;
    if (magnitudes !== null) return (i) => factor * magnitudes[k]![i]!;
    let largest = 1;
    for (const v of values) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
    return () => factor * largest;
  });
}

/** The case without its activation, whose slope is at most 1.1: errors are those of the sum before it, and SiLU's own. */
export function beforeActivation(c: OpCase): OpCase {
  return c.attrs.activation === undefined ? c : { ...c, attrs: { ...c.attrs, activation: "none" } };
}

/** Ops with a Winograd algorithm for kernels of 3×3 with stride 1. */
const winogradOps: ReadonlySet<string> = new Set(["conv2d", "conv2dInputGrad", "conv2dWeightGrad", "fusedConv2d"]);

/** Whether Winograd's algorithm may compute the case, so that it has `winogradErrors` unless `setExact(true)`. */
export function mayBeWinograd(op: Op, { attrs }: OpCase): boolean {
  const ones = [attrs.stride, attrs.dilation, attrs.groups].flat();
  return winogradOps.has(op.name) && ones.every((v) => v === 1);
}

/**
 * The largest |engine − reference| of Winograd's algorithm: 1e-5 of the largest number of each result (before an
 * activation).
 *
 * Its error is not one of the element but of the tile (max-norm). For F(4×4, 3×3) the transforms enlarge a float32
 * rounding by ‖Aᵀ‖‖G‖‖Bᵀ‖ (Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for DNNs", 2020); measured
 * it is one and a half to three times the direct algorithm's error and grows like it, with the root of the terms: 4.2e-6
 * at 512 channels (docs/accuracy-convolution.md). Twice that and a bit is allowed at any size.
 */
export function winogradErrors(want: readonly TypedArray[]): ((i: number) => number)[] {
  return want.map((values) => {
    let largest = 0;
    for (const v of values) largest = Math.max(largest, Math.abs(v));
    return () => 1e-5 * largest;
  });
}

/** An upper bound of all terms that are summed: products of the op, elements of its tensors, lines along its axis. */
function termCount(op: Op, c: OpCase, want: readonly TypedArray[]): number {
  const inputs = makeInputs(c);
  const spec = op.shape(inputs, c.attrs);
  const largest = Math.max(...inputs.map((x) => x?.size ?? 0), ...want.map((v) => v.length));
  const line = typeof c.attrs.axis === "number" ? (inputs[0]?.shape[c.attrs.axis] ?? 1) : 1;
  return Math.max(op.macs(inputs, c.attrs, spec), largest * line);
}

function absoluteInputs(c: OpCase): (Tensor | undefined)[] {
  return makeInputs(c).map((x) => (x?.dtype === "float32" ? absolute(x).requireGrad() : x));
}

function absoluteWeights(y: Tensor): Tensor {
  const next = testNumbers(99);
  return fromHost(
    Float32Array.from({ length: y.size }, () => Math.abs(next())),
    y.shape,
    "float32",
  );
}

function absolute(x: Tensor): Tensor {
  return noGrad(() => fromHost(Float64Array.from(x.storage.values(), Math.abs), x.shape, "float32"));
}
