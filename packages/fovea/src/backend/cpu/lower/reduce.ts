import { sizeOf } from "../../../base/shape.ts";
import type { reduceOps } from "../../../ops/reduce.ts";
import type { KernelName } from "../kernels.generated.ts";
import { stridesOf } from "../layout.ts";
import { bits, type CpuKernel, type CpuValue, type Emitter, type Ref } from "../lower.ts";
import { merged, reordered, walkParams, type Walk } from "./strides.ts";

/** Elements that one unit of work should at least have, and rows or elements that it should at most sum. */
const MIN_ROW = 2048;
const MAX_ROW = 65536;
const MIN_ROWS = 64;
const MAX_ROWS = 4096;
/** Units of work to aim at, so that threads have something to share. */
const UNITS = 32;

/** A reduction of memory: one stride per dim, kept dims in the order of the output. */
interface Reduction {
  readonly kept: Walk;
  readonly reduced: Walk;
}

/** The kernel that folds, and the value that folding starts from. */
interface Fold {
  readonly kernel: KernelName;
  readonly identity: number;
}

function emitFold(
  e: Emitter,
  { kernel, identity }: Fold,
  from: Ref,
  to: Ref,
  { kept, reduced }: Reduction,
  blocks: number,
): void {
  const [k, r] = [kept, reduced].map(({ dims, strides }) => [...dims, ...strides[0]!]);
  e.command(kernel, [from, to], [identity, blocks, kept.dims.length, reduced.dims.length, ...k!, ...r!]);
}

/**
 * Into how many blocks the reduced elements are cut. It depends on the shape only, never on threads, so that sums come
 * out the same; short blocks keep rounding errors small.
 */
function blocksOf({ kept, reduced }: Reduction): number {
  const [units, length] = [sizeOf(kept.dims), sizeOf(reduced.dims)];
  const width = kept.dims.at(-1)!;
  const columns = kept.strides[0]!.at(-1) === 1 && width > 1 && reduced.strides[0]!.at(-1) !== 1;
  if (!columns)
    return Math.max(1, Math.ceil(length / MAX_ROW), Math.min(Math.ceil(UNITS / units), Math.floor(length / MIN_ROW)));
  const chunks = (units / width) * Math.ceil(width / 64);
  return Math.max(1, Math.ceil(length / MAX_ROWS), Math.min(Math.ceil(UNITS / chunks), Math.floor(length / MIN_ROWS)));
}

/**
 * A few columns under many rows (an image batch summed per channel) would leave vectors empty: groups of rows count as
 * one long row, and a second pass adds up the groups.
 */
function rowsTogether({ kept, reduced }: Reduction): number {
  const width = kept.dims.at(-1)!;
  const [length, step] = [reduced.dims.at(-1)!, reduced.strides[0]!.at(-1)!];
  if (kept.strides[0]!.at(-1) !== 1 || width === 1 || width >= 64 || step !== width) return 1;
  let together = 1;
  while (together * width < 256 && length % (together * 2) === 0 && length / together >= 64) together *= 2;
  return together;
}

/** The last kept dim is widened by `rows` rows, and the last reduced dim shortened. */
function widened({ kept, reduced }: Reduction, rows: number): Reduction {
  return {
    kept: { ...kept, dims: [...kept.dims.slice(0, -1), kept.dims.at(-1)! * rows] },
    reduced: {
      dims: [...reduced.dims.slice(0, -1), reduced.dims.at(-1)! / rows],
      strides: [[...reduced.strides[0]!.slice(0, -1), reduced.strides[0]!.at(-1)! * rows]],
    },
  };
}

/** Reduces a value over axes: in one pass, or per block and then over the blocks. */
function emitReduce(e: Emitter, fold: Fold, x: CpuValue, axes: readonly number[], output: CpuValue): void {
  const { shape } = x.spec;
  const outputs = sizeOf(output.spec.shape);
  if (outputs === 0) return;
  const strides = stridesOf(shape, x.layout);
  const all: Walk = { dims: shape, strides: [strides] };
  const bySize = axes.toSorted((a, b) => strides[b]! - strides[a]!);
  const kept = shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const plain = { kept: merged(reordered(all, kept)), reduced: merged(reordered(all, bySize)) };

  const rows = rowsTogether(plain);
  const first = rows > 1 ? widened(plain, rows) : plain;
  const blocks = blocksOf(first);
  if (rows === 1 && blocks === 1) {
    emitFold(e, fold, x.ref, output.ref, plain, 1);
    return;
  }
  const partial = e.scratch(blocks * outputs * rows * 4);
  emitFold(e, fold, x.ref, partial, first, blocks);
  // The partial results are [blocks, outer, rows, width].
  const width = rows > 1 ? plain.kept.dims.at(-1)! : outputs;
  const outer = outputs / width;
  const second = {
    kept: merged({ dims: [outer, width], strides: [[rows * width, 1]] }),
    reduced: merged({ dims: [blocks, rows], strides: [[outputs * rows, width]] }),
  };
  emitFold(e, fold, partial, output.ref, second, 1);
}

function reduction(float: Fold, int: Fold): CpuKernel {
  return {
    in: ["any"],
    emit(e, { inputs, output, attrs }) {
      const fold = output.spec.dtype === "int32" ? int : float;
      emitReduce(e, fold, inputs[0]!, attrs.axes as readonly number[], output);
    },
  };
}

function argExtreme(float: KernelName, int: KernelName): CpuKernel {
  return {
    in: ["any"],
    emit(e, { inputs, output, attrs }) {
      const { spec, layout, ref } = inputs[0]!;
      if (sizeOf(output.spec.shape) === 0) return;
      const axis = attrs.axis as number;
      const strides = stridesOf(spec.shape, layout);
      const kept = spec.shape.flatMap((_, i) => (i === axis ? [] : [i]));
      const walk = merged(reordered({ dims: spec.shape, strides: [strides] }, kept));
      const kernel = spec.dtype === "int32" ? int : float;
      e.command(kernel, [ref, output.ref], [spec.shape[axis]!, strides[axis]!, ...walkParams(walk)]);
    },
  };
}

export const reduceKernels = {
  sum: reduction({ kernel: "sum_f32", identity: bits(0) }, { kernel: "sum_i32", identity: 0 }),
  prod: reduction({ kernel: "prod_f32", identity: bits(1) }, { kernel: "prod_i32", identity: 1 }),
  max: reduction({ kernel: "max_f32", identity: bits(-Infinity) }, { kernel: "max_i32", identity: -(2 ** 31) }),
  min: reduction({ kernel: "min_f32", identity: bits(Infinity) }, { kernel: "min_i32", identity: 2 ** 31 - 1 }),
  argmax: argExtreme("argmax_f32", "argmax_i32"),
  argmin: argExtreme("argmin_f32", "argmin_i32"),
} satisfies Record<keyof typeof reduceOps, CpuKernel>;
