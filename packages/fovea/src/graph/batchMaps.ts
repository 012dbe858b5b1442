import type { Shape } from "../base/shape.ts";
import type { Attrs, TensorSpec } from "../backend/contract.ts";
import { binaryOps } from "../ops/binary.ts";
import { compareOps } from "../ops/compare.ts";
import { unaryOps } from "../ops/unary.ts";

/** An op call, and which of its inputs hold one row (along the first axis) per image. */
export interface BatchCall {
  readonly inputs: readonly (TensorSpec | undefined)[];
  readonly batched: readonly boolean[];
  readonly output: TensorSpec;
  readonly attrs: Attrs;
}

/** The attributes for other numbers of images; null when images do not stay apart. */
type BatchMap = (call: BatchCall) => ((images: number) => Attrs) | null;

const same =
  (holds: (call: BatchCall) => boolean): BatchMap =>
  (call) =>
    holds(call) ? () => call.attrs : null;

/** Element by element: whatever is batched has the output's axes, whatever is not broadcasts along the first. */
const elementwise = same(({ inputs, batched, output }) =>
  inputs.every((x, i) => {
    if (x === undefined) return true;
    const aligned = x.shape.length === output.shape.length;
    return batched[i] ? aligned : !aligned || x.shape[0] === 1;
  }),
);

/** Batched where the list says so, whole elsewhere. */
const only = (...batchedInputs: readonly number[]): BatchMap =>
  same(({ inputs, batched }) => inputs.every((x, i) => x === undefined || batched[i] === batchedInputs.includes(i)));

const firstAxisFree = (axes: (attrs: Attrs) => readonly number[]): BatchMap => {
  const first = only(0);
  return (call) => (axes(call.attrs).includes(0) ? null : first(call));
};
const axis = firstAxisFree((attrs) => [attrs.axis as number]);
const axes = firstAxisFree((attrs) => attrs.axes as readonly number[]);

/** An op that names its output's shape. */
const shaped =
  (holds: (call: BatchCall) => boolean): BatchMap =>
  (call) =>
    holds(call) ? (images) => ({ ...call.attrs, shape: [images, ...call.output.shape.slice(1)] }) : null;

const wholeFirstAxis = shaped(({ inputs, output, attrs }) => {
  const [starts, steps] = [attrs.starts as Shape, attrs.steps as Shape];
  return starts[0] === 0 && steps[0] === 1 && inputs[0]!.shape[0] === output.shape[0];
});

const named = (names: readonly string[], map: BatchMap): Record<string, BatchMap> =>
  Object.fromEntries(names.map((name) => [name, map]));

/**
 * Ops that may treat every image of a batch by itself. Products of matrices could, but are better done for all images at
 * once.
 */
const batchMaps: Readonly<Record<string, BatchMap>> = {
  ...named([...Object.keys(unaryOps), ...Object.keys(binaryOps), ...Object.keys(compareOps)], elementwise),
  ...named(["cast", "clamp", "where", "reluGrad"], elementwise),
  ...named(["conv2d", "maxPool2d", "maxPool2dIndices", "avgPool2d"], only(0)),
  ...named(["softmax", "logSoftmax", "argmax", "argmin", "argsort", "cumsum", "indexSelect", "alongAxis"], axis),
  ...named(["sum", "prod", "max", "min", "flip"], axes),
  fusedConv2d: only(0, 3),
  batchNorm: only(0, 5),
  maxPool2dGather: only(0, 1),
  permute: same(({ attrs }) => (attrs.axes as readonly number[])[0] === 0),
  reshape: shaped(({ inputs, output }) => inputs[0]!.shape[0] === output.shape[0]),
  expand: shaped(({ inputs, output }) => inputs[0]!.shape.length === output.shape.length),
  slice: wholeFirstAxis,
  pad: wholeFirstAxis,
  concat: same(({ batched, attrs }) => attrs.axis !== 0 && batched.every(Boolean)),
};

/** How to do an op for some of the images only; null when that cannot be. */
export function batchMap(name: string, call: BatchCall): ((images: number) => Attrs) | null {
  if (!Object.hasOwn(batchMaps, name) || call.output.shape.length === 0) return null;
  const [images] = call.output.shape;
  if (call.inputs.some((x, i) => call.batched[i] && x!.shape[0] !== images)) return null;
  return batchMaps[name]!(call);
}
