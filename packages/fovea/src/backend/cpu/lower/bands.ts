import { sizeOf } from "../../../base/shape.ts";
import type { Conv2dAttrs } from "../../../ops/conv2d.ts";
import type { Epilogue } from "../../../ops/epilogue.ts";
import type { ProgramSpec } from "../../contract.ts";
import type { Layout } from "../layout.ts";
import type { CpuValue, Emitter } from "../lower.ts";
import { inputLayout, packWeights, padInput, params, type Geometry } from "./conv.ts";
import { isDepthwise, packDepthwise } from "./depthwise.ts";
import { epilogueParams } from "./epilogue.ts";
import { byWinograd } from "./winograd.ts";

/**
 * Inverted residuals: a convolution, a depthwise one and a 1×1 one behind each other run as one kernel, band by band of
 * rows (kernels/c/conv2d_bands.c), so that the wide results in between never leave the caches. The bits are the same.
 */

/** Up to this size the first result stays in the L2 cache by itself. */
const CACHED_BYTES = 512 << 10;
/** Weights that every band reads again from the L2 cache. */
const MOST_WEIGHT_BYTES = 512 << 10;
/** The first result's rows and the second's that are at work at a time. */
const BAND_BYTES = 256 << 10;
/** Scratch memory is for so many threads at most. */
const MOST_THREADS = 16;
/** Kernel columns and rows, and channels, that kernels/c/depthwise_slide.h has tiles and tables for. */
const SLIDE_COLUMNS = [3, 5];
const SLIDE_ROWS = 7;
const SLIDE_CHANNELS = 4096;

/** What bands need of the program they are in. */
export interface BandScope {
  readonly values: ReadonlyMap<number, CpuValue>;
  relayout(value: CpuValue, to: Layout): CpuValue;
  /** Memory for the result `id`. */
  output(id: number, layout: Layout): CpuValue;
}

/** One of the three convolutions; `ids` are the values that it reads. */
interface Stage extends Geometry {
  readonly ids: readonly number[];
  readonly attrs: Conv2dAttrs & Partial<Epilogue>;
  readonly output: number;
}

/** The three convolutions of an inverted residual. */
export type Bands = readonly [expansion: Stage, deep: Stage, projection: Stage];

/**
 * The inverted residuals of a program for which it pays, by the positions of their last nodes, where all three are done;
 * and the positions of the others. None reads a value of `overwritten`, which might have changed by then.
 */
export function findBands(
  { nodes, values, outputs }: ProgramSpec,
  overwritten: ReadonlySet<number>,
): { last: Map<number, Bands>; others: Set<number> } {
  const reads = new Map<number, number>(outputs.map((id) => [id, 1]));
  for (const id of nodes.flatMap(({ inputs }) => inputs)) reads.set(id, (reads.get(id) ?? 0) + 1);
  const stages = new Map<number, { stage: Stage; at: number }>();
  const last = new Map<number, Bands>();
  const others = new Set<number>();
  nodes.forEach(({ op, inputs, attrs, output }, at) => {
    if (op.name !== "conv2d" && op.name !== "fusedConv2d") return;
    if (inputs.some((id) => overwritten.has(id))) return;
    const [x, weight, y] = [inputs[0]!, inputs[1]!, output].map((id) => values[id]!.shape);
    const stage: Stage = { ids: inputs, x: x!, weight: weight!, y: y!, attrs: attrs as Stage["attrs"], output };
    stages.set(output, { stage, at });
    const before = ({ ids: [id] }: Stage) => (reads.get(id!) === 1 ? stages.get(id!) : undefined);
    const deep = before(stage);
    const first = deep && before(deep.stage);
    if (first === undefined || others.has(first.at) || last.has(first.at)) return;
    const bands = [first.stage, deep!.stage, stage] as const;
    if (!pays(bands)) return;
    last.set(at, bands);
    others.add(first.at).add(deep!.at);
  });
  return { last, others };
}

function pays([first, deep, last]: Bands): boolean {
  if (!isExpansion(first) || !slides(deep) || !isProjection(last)) return false;
  const weightBytes = 4 * (sizeOf(first.weight) + sizeOf(last.weight));
  return 4 * sizeOf(first.y) > CACHED_BYTES && weightBytes <= MOST_WEIGHT_BYTES;
}

/** Lowers them to one command and returns the result. */
export function lowerBands(e: Emitter, bands: Bands, { values, relayout, output }: BandScope): CpuValue {
  const [first, deep, last] = bands;
  const value = (id: number | undefined) => (id === undefined || id < 0 ? undefined : values.get(id)!);
  const as = (v: CpuValue, layout: Layout | "any") =>
    layout === "any" || v.layout === layout ? v : relayout(v, layout);
  const { ref, geometry } = padInput(e, as(value(first.ids[0])!, inputLayout(first)), first);
  const weights = [
    packWeights(e, value(first.ids[1])!, 1),
    packDepthwise(e, value(deep.ids[1])!.ref, deep.weight, deep.attrs, "forward"),
    packWeights(e, value(last.ids[1])!, 1),
  ];
  const buffers = [ref];
  const shapes: number[] = [];
  [geometry, deep, last].forEach((stage, i) => {
    const { ids, attrs } = bands[i]!;
    const bias = value(ids[2]);
    const { flags, range } = epilogueParams(bias, value(ids[3]), attrs);
    buffers.push(weights[i]!, bias?.ref ?? weights[i]!);
    shapes.push(...params(stage, flags), ...range);
  });
  const residual = value(last.ids[3]);
  buffers.push(residual ? as(residual, "channelsLast").ref : weights[2]!);
  const { rows, threads, bytes } = bandsOf(deep);
  const y = output(last.output, "channelsLast");
  buffers.push(e.scratch(threads * bytes), y.ref);
  e.command("conv2d_bands", buffers, [...shapes, rows], { writes: 2, threads });
  return y;
}

const hasResidual = ({ ids }: Stage): boolean => (ids[3] ?? -1) >= 0;

function isExpansion(stage: Stage): boolean {
  return stage.attrs.groups === 1 && !hasResidual(stage) && !byWinograd(stage);
}

/** Depthwise, of the kind that kernels/c/depthwise_slide.h does. */
function slides(stage: Stage): boolean {
  const { weight, attrs } = stage;
  const [channels, , height, width] = weight as readonly [number, number, number, number];
  const { stride, dilation } = attrs;
  return (
    isDepthwise(weight, attrs) &&
    !hasResidual(stage) &&
    SLIDE_COLUMNS.includes(width) &&
    height <= SLIDE_ROWS &&
    stride[1] <= 2 &&
    dilation.every((d) => d === 1) &&
    channels <= SLIDE_CHANNELS
  );
}

function isProjection({ weight, attrs }: Stage): boolean {
  const { groups, stride, padding } = attrs;
  return (
    groups === 1 &&
    weight[2] === 1 &&
    weight[3] === 1 &&
    [...stride].every((s) => s === 1) &&
    padding.flat().every((p) => p === 0)
  );
}

/** Rows of a band, how many threads have scratch memory, and how much each. */
function bandsOf({ x, weight, y, attrs }: Stage): { rows: number; threads: number; bytes: number } {
  const [channels, wide, narrow] = [x[1]!, x[3]!, y[3]!];
  const [kernel, stride] = [weight[2]!, attrs.stride[0]];
  const bytesOf = (rows: number) => 4 * channels * (((rows - 1) * stride + kernel) * wide + rows * narrow);
  let rows = 1;
  while (rows < y[2]! && bytesOf(rows + 1) <= BAND_BYTES) rows++;
  return { rows, threads: Math.min(MOST_THREADS, Math.ceil((y[0]! * y[2]!) / rows)), bytes: bytesOf(rows) };
}
