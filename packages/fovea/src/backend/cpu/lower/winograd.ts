import { sizeOf, type Shape } from "../../../base/shape.ts";
import type { Conv2dAttrs } from "../../../ops/conv2d.ts";
import type { Epilogue } from "../../../ops/epilogue.ts";
import { exact } from "../../exact.ts";
import type { CpuCall, CpuValue, Emitter, Ref } from "../lower.ts";
import { epilogueParams } from "./epilogue.ts";

/**
 * Winograd for 3×3 convolutions with stride 1 and their gradients (kernels/c/winograd.c). The choice depends on shapes and
 * on the vector length only, so results do not depend on the number of threads.
 */

/** A correlation of maps: the forward pass, or the input gradient, which is one of dY with rotated weights. */
interface Maps {
  readonly x: Shape;
  readonly y: Shape;
  readonly top: number;
  readonly left: number;
}

/** Output tiles of m × m pixels. */
type TileSize = 2 | 4;

/** Vectors over fewer channels are mostly empty, and the transforms cost as much as the products. */
const FEWEST_CHANNELS = 16;
/** The kernels' row of zeros (ZERO_RUN in tiles.h) stands for pixels outside, all channels of them. */
const MOST_CHANNELS = 4096;
/** Below this the weights are what takes time, and transformed they are 4 times (F4) or 1.8 times (F2) as many. */
const FEWEST_TILES = 16;
/** Transformed weights up to this size stay in the L2 cache, and each part goes through all steps on its own. */
const PRIVATE_WEIGHTS = 4 << 20;
/** Tiles that the scratch memory of all parts together is for. */
const PRIVATE_TILES = 256;
/** V and M of a block: in the L3 cache, and enough tiles for reading all weights once. */
const BLOCK_BYTES = 14 << 20;
const MOST_BLOCK_TILES = 200;
/** The kernels' PLANE_GAP. */
const PLANE_GAP = 16;

const roundUp = (a: number, to: number): number => Math.ceil(a / to) * to;
const planes = (m: TileSize): number => (m + 2) ** 2;

function tileCount(map: Shape, m: TileSize): number {
  return map[0]! * Math.ceil(map[2]! / m) * Math.ceil(map[3]! / m);
}

/** How many images of such maps have enough tiles for F4: with fewer, the same layer would have other bits and weights. */
export function imagesForTiles(y: Shape): number {
  return Math.ceil(FEWEST_TILES / tileCount([1, ...y.slice(1)], 4));
}

/** Whether Winograd is for this kind of convolution at all. */
function fits([out, , kernelHeight, kernelWidth]: Shape, input: Shape, attrs: Conv2dAttrs): boolean {
  const { stride, dilation, groups } = attrs;
  const channels = [out!, input[1]!];
  return (
    !exact() &&
    kernelHeight === 3 &&
    kernelWidth === 3 &&
    groups === 1 &&
    [...stride, ...dilation].every((v) => v === 1) &&
    channels.every((c) => c >= FEWEST_CHANNELS && c <= MOST_CHANNELS)
  );
}

/** F4 where there are enough tiles, F2 where there are fewer, else null. */
function tileSize(y: Shape): TileSize | null {
  if (tileCount(y, 4) >= FEWEST_TILES) return 4;
  return tileCount(y, 2) >= FEWEST_TILES ? 2 : null;
}

/** Whether conv2d of these shapes is by Winograd. */
export function byWinograd({
  weight,
  x,
  y,
  attrs,
}: {
  weight: Shape;
  x: Shape;
  y: Shape;
  attrs: Conv2dAttrs;
}): boolean {
  return fits(weight, x, attrs) && tileSize(y) !== null;
}

/** Transforming weights, and making dW of the sums, costs as much as the products of some 4 tiles a lane. */
function manyTiles(e: Emitter, map: Shape): boolean {
  return tileCount(map, 4) >= 4 * e.lanes;
}

/** Parameters 0 … 9 of all kernels. */
function params({ x, y, top, left }: Maps, m: TileSize): number[] {
  return [x[0]!, x[2]!, x[3]!, x[1]!, y[2]!, y[3]!, y[1]!, top, left, m];
}

function packedWeights(e: Emitter, weight: CpuValue, m: TileSize, inputGrad: boolean): Ref {
  const [out, depth] = weight.spec.shape as readonly [number, number];
  const [columns, rows] = inputGrad ? [depth, out] : [out, depth];
  const packed = e.scratch(4 * planes(m) * roundUp(columns, e.lanes) * rows);
  e.command("winograd_pack", [weight.ref, packed], [out, depth, m, inputGrad ? 1 : 0]);
  return packed;
}

/** Memory for the planes of `tiles` tiles. */
function planeScratch(e: Emitter, m: TileSize, tiles: number, channels: number): Ref {
  return e.scratch(4 * planes(m) * (tiles * roundUp(channels, e.lanes) + PLANE_GAP));
}

/** The tiles of a map in even blocks whose planes, of that many channels together, stay in the L3 cache. */
function blocks(map: Shape, m: TileSize, channels: number): { most: number; each: [first: number, count: number][] } {
  const tiles = tileCount(map, m);
  const fitting = Math.floor(BLOCK_BYTES / (4 * planes(m) * channels));
  const number = Math.ceil(tiles / Math.max(28, Math.min(MOST_BLOCK_TILES, fitting)));
  const start = (i: number) => Math.floor((tiles * i) / number);
  const each = Array.from({ length: number }, (_, i): [number, number] => [start(i), start(i + 1) - start(i)]);
  return { most: Math.ceil(tiles / number), each };
}

interface Ending {
  readonly bias: Ref;
  readonly residual: Ref;
  readonly flags: number;
  readonly range: readonly number[];
}

function emitCorrelation(e: Emitter, maps: Maps, m: TileSize, x: Ref, weights: Ref, end: Ending, y: Ref): void {
  const [inChannels, outChannels] = [maps.x[1]!, maps.y[1]!];
  const shared = params(maps, m);
  if (4 * planes(m) * inChannels * outChannels <= PRIVATE_WEIGHTS) {
    const room = Math.min(tileCount(maps.y, m), PRIVATE_TILES);
    const tileLanes = roundUp(inChannels, e.lanes) + roundUp(outChannels, e.lanes) + 2 * PLANE_GAP;
    const scratch = e.scratch(4 * planes(m) * room * tileLanes);
    const buffers = [x, weights, end.bias, end.residual, scratch, y];
    const over = end.residual !== weights && end.residual !== x ? [end.residual] : [];
    e.command("winograd", buffers, [...shared, end.flags, ...end.range, room], { writes: 2, over: [[y, over]] });
    return;
  }
  const { most, each } = blocks(maps.y, m, inChannels + outChannels);
  const [v, products] = [planeScratch(e, m, most, inChannels), planeScratch(e, m, most, outChannels)];
  for (const block of each) {
    e.command("winograd_input", [x, v], [...shared, ...block]);
    e.command("winograd_multiply", [v, weights, products], [...shared, ...block]);
    const buffers = [products, end.bias, end.residual, y];
    e.command("winograd_output", buffers, [...shared, ...block, end.flags, ...end.range], {
      over: [[y, [end.residual]]],
    });
  }
}

/** conv2d and fusedConv2d. False: not by Winograd. */
export function emitWinograd(e: Emitter, { inputs, output, attrs }: CpuCall<Conv2dAttrs & Partial<Epilogue>>): boolean {
  const [x, weight, bias, residual] = inputs as [CpuValue, CpuValue, CpuValue | undefined, CpuValue | undefined];
  const m = fits(weight.spec.shape, x.spec.shape, attrs) ? tileSize(output.spec.shape) : null;
  if (m === null) return false;
  const [[top], [left]] = attrs.padding;
  const maps = { x: x.spec.shape, y: output.spec.shape, top, left };
  const weights = packedWeights(e, weight, m, false);
  const end = {
    bias: bias?.ref ?? weights,
    residual: residual?.ref ?? weights,
    ...epilogueParams(bias, residual, attrs),
  };
  emitCorrelation(e, maps, m, x.ref, weights, end, output.ref);
  return true;
}

/** conv2dInputGrad. False: not by Winograd. */
export function emitWinogradInputGrad(e: Emitter, { inputs, output, attrs }: CpuCall<Conv2dAttrs>): boolean {
  const [g, weight] = inputs as [CpuValue, CpuValue];
  const dx = output.spec.shape;
  const m = fits(weight.spec.shape, dx, attrs) && manyTiles(e, dx) ? tileSize(dx) : null;
  if (m === null) return false;
  const [[top], [left]] = attrs.padding;
  const maps = { x: g.spec.shape, y: dx, top: 2 - top, left: 2 - left };
  const weights = packedWeights(e, weight, m, true);
  const none = { bias: weights, residual: weights, flags: 0, range: [0, 0] };
  emitCorrelation(e, maps, m, g.ref, weights, none, output.ref);
  return true;
}

/** conv2dWeightGrad. False: not by Winograd. */
export function emitWinogradWeightGrad(e: Emitter, { inputs, output, attrs }: CpuCall<Conv2dAttrs>): boolean {
  const [x, g] = inputs as [CpuValue, CpuValue];
  const y = g.spec.shape;
  if (!fits(output.spec.shape, x.spec.shape, attrs) || !manyTiles(e, y)) return false;
  const [inChannels, outChannels] = [x.spec.shape[1]!, y[1]!];
  const [[top], [left]] = attrs.padding;
  const shared = params({ x: x.spec.shape, y, top, left }, 4);
  const { most, each } = blocks(y, 4, inChannels + outChannels);
  const [v, d] = [planeScratch(e, 4, most, inChannels), planeScratch(e, 4, most, outChannels)];
  const sums = e.scratch(4 * sizeOf([planes(4), inChannels, roundUp(outChannels, e.lanes)]));
  each.forEach((block, i) => {
    e.command("winograd_input", [x.ref, v], [...shared, ...block]);
    e.command("winograd_gradient", [g.ref, d], [...shared, ...block]);
    e.command("winograd_weight_sum", [v, d, sums], [...shared, ...block, i]);
  });
  e.command("winograd_weight_output", [sums, output.ref], [inChannels, outChannels]);
  return true;
}
