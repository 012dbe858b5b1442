import { sizeOf, type Shape } from "../../../base/shape.ts";
import type { BatchNormAttrs, batchNormOps } from "../../../ops/batchNorm.ts";
import type { KernelName } from "../kernels.generated.ts";
import { bits, type CpuCall, type CpuKernel, type Emitter, type Ref } from "../lower.ts";

/** Rows of a block of a sum, by its width: the shape alone cuts it, so that sums are the same for any number of threads. */
const blockRows = (width: number): number => Math.max(32, Math.min(128, Math.ceil(65536 / width)));
/** Rows longer than this are not made longer to fill vectors. */
const LONGEST = 2048;
/** Tables of at least this many floats make long loops. */
const TABLE = 512;

/** Floats that memory is walked by: a multiple of C and of four vectors, or C where that would be long. */
function rowWidth(channels: number, lanes: number, atLeast = 0): number {
  let width = channels;
  while (width % (4 * lanes) !== 0 && width <= LONGEST) width += channels;
  if (width > LONGEST) width = channels;
  return width * Math.max(1, Math.floor(atLeast / width));
}

const channelsOf = (shape: Shape): number => shape[1]!;
const pixelsOf = (shape: Shape): number => sizeOf(shape) / Math.max(1, shape[1]!);

/** Sums over the pixels: partial results of blocks, then one command over the blocks. */
function emitSums(
  e: Emitter,
  shape: Shape,
  commands: { partial: KernelName; join: KernelName },
  from: readonly Ref[],
  params: { partial: readonly number[]; join: readonly number[] },
  joined: readonly Ref[],
): void {
  const [channels, pixels] = [channelsOf(shape), pixelsOf(shape)];
  if (channels === 0) return;
  const width = rowWidth(channels, e.lanes);
  const rows = blockRows(width);
  const blocks = Math.ceil((pixels * channels) / (width * rows));
  const walk = [pixels, channels, width, rows];
  const partial = e.scratch(3 * blocks * width * 4);
  if (blocks > 0) e.command(commands.partial, [...from, partial], [...walk, ...params.partial]);
  e.command(commands.join, [partial, ...joined], [...walk, ...params.join]);
}

/** The values of an op by the names of its inputs; the output last. */
const refs = ({ inputs, output }: CpuCall): readonly (Ref | undefined)[] => [...inputs.map((v) => v?.ref), output.ref];

const channelMoments: CpuKernel = {
  in: ["channelsLast"],
  emit(e, { inputs, output }) {
    const x = inputs[0]!;
    const commands = { partial: "channel_moments", join: "channel_moments_join" } as const;
    emitSums(e, x.spec.shape, commands, [x.ref], { partial: [], join: [] }, [output.ref]);
  },
};

const activations = { none: 0, relu: 1, clip: 2, silu: 3 } as const;

/** Refs of x, mean, variance, weight, bias, residual, y; `before` floats lie in front of the variance. */
function emitNormalize(
  e: Emitter,
  { output, attrs }: CpuCall,
  all: readonly (Ref | undefined)[],
  before: number,
): void {
  const { shape } = output.spec;
  const { eps, activation, min, max } = attrs as unknown as BatchNormAttrs;
  if (sizeOf(shape) === 0) return;
  const [x, mean, variance, weight, bias, residual, y] = all;
  const channels = channelsOf(shape);
  const width = rowWidth(channels, e.lanes, TABLE);
  const table = e.scratch(3 * width * 4);
  const present = [Number(weight !== undefined), Number(bias !== undefined)];
  const numbers = [mean!, variance!, weight ?? mean!, bias ?? mean!, table];
  e.command("batch_norm_table", numbers, [channels, width, bits(eps), ...present, before], { threads: 1 });
  const epilogue = [Number(residual !== undefined), activations[activation], bits(min), bits(max)];
  const buffers = [x!, table, residual ?? x!, y!];
  const inputs = residual === undefined ? [x!] : [residual, x!];
  e.command("batch_norm", buffers, [pixelsOf(shape), channels, width, ...epilogue], { over: [[y!, inputs]] });
}

const batchNorm: CpuKernel = {
  in: ["channelsLast", "any", "any", "any", "any", "channelsLast"],
  out: "channelsLast",
  emit: (e, call) => emitNormalize(e, call, refs(call), 0),
};

const batchNormOfBatch: CpuKernel = {
  in: ["channelsLast", "any", "any", "any", "channelsLast"],
  out: "channelsLast",
  emit(e, call) {
    const [x, moments, ...rest] = refs(call);
    emitNormalize(e, call, [x, moments, moments, ...rest], channelsOf(call.output.spec.shape));
  },
};

const batchNormGradSums: CpuKernel = {
  in: ["channelsLast", "channelsLast", "any", "channelsLast"],
  emit(e, call) {
    const [x, g, moments, y, sums] = refs(call);
    const commands = { partial: "batch_norm_grad_sums", join: "batch_norm_grad_sums_join" } as const;
    const params = { partial: [Number(y !== undefined)], join: [bits(call.attrs.eps as number)] };
    emitSums(e, call.inputs[0]!.spec.shape, commands, [x!, g!, moments!, y ?? g!], params, [moments!, sums!]);
  },
};

const batchNormInputGrad: CpuKernel = {
  in: ["channelsLast", "channelsLast", "any", "any", "any", "channelsLast"],
  out: "channelsLast",
  emit(e, call) {
    const { shape } = call.output.spec;
    if (sizeOf(shape) === 0) return;
    const [x, g, moments, weight, sums, y, dx] = refs(call);
    const [channels, pixels] = [channelsOf(shape), pixelsOf(shape)];
    const width = rowWidth(channels, e.lanes, TABLE);
    const table = e.scratch(4 * width * 4);
    const numbers = [channels, width, bits(call.attrs.eps as number), Number(weight !== undefined), pixels];
    e.command("batch_norm_input_grad_table", [moments!, weight ?? moments!, sums!, table], numbers, { threads: 1 });
    e.command(
      "batch_norm_input_grad",
      [x!, g!, y ?? g!, table, dx!],
      [pixels, channels, width, Number(y !== undefined)],
      { over: [[dx!, [g!, x!, ...(y === undefined ? [] : [y])]]] },
    );
  },
};

export const normKernels = {
  channelMoments,
  batchNorm,
  batchNormOfBatch,
  batchNormGradSums,
  batchNormInputGrad,
} satisfies Record<keyof typeof batchNormOps, CpuKernel>;
