import type { Shape } from "../../../base/shape.ts";
import type { Conv2dAttrs } from "../../../ops/conv2d.ts";
import type { Epilogue } from "../../../ops/epilogue.ts";
import { exact } from "../../exact.ts";
import type { Algorithm, Convolution, CpuCall, CpuValue, Emitter, Ref } from "../lower.ts";
import { epilogueParams } from "./epilogue.ts";

/**
 * Winograd for convolutions with stride 1: 3×3 and their gradients, 5×5 and their input gradients (kernels/c/winograd.c), 1×7
 * and 7×1 (kernels/c/winograd_line.c). The choice depends on shapes and on the vector length only, so results do not
 * depend on the number of threads.
 */

/** A correlation of maps: the forward pass, or the input gradient, which is one of dY with rotated weights. */
interface Maps {
  readonly x: Shape;
  readonly y: Shape;
  readonly top: number;
  readonly left: number;
}

/** Output tiles of 2 × 2 or 4 × 4 pixels for 3×3 kernels; 5: of 2 × 2 for 5×5 kernels. As in kernels/c/winograd.h. */
type TileSize = 2 | 4 | 5;

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
/** The kernels' PLANE_GAP, ALIASING, LINE_STEP and LINE_POINTS. */
const PLANE_GAP = 16;
const ALIASING = 256;
const LINE_STEP = 3;
const LINE_POINTS = 6;

const roundUp = (a: number, to: number): number => Math.ceil(a / to) * to;
const planes = (m: TileSize): number => (m === 2 ? 16 : 36);

function tileCount(map: Shape, m: TileSize): number {
  const step = m === 5 ? 2 : m;
  return map[0]! * Math.ceil(map[2]! / step) * Math.ceil(map[3]! / step);
}

/** How many images of such maps have enough tiles for F4: with fewer, the same layer would have other bits and weights. */
export function imagesForTiles(y: Shape): number {
  return Math.ceil(FEWEST_TILES / tileCount([1, ...y.slice(1)], 4));
}

/** Whether Winograd is for this kind of convolution at all, if its kernel is of the right size. */
function fits([out]: Shape, input: Shape, { stride, dilation, groups }: Conv2dAttrs): boolean {
  const channels = [out!, input[1]!];
  return (
    !exact() &&
    groups === 1 &&
    [...stride, ...dilation].every((v) => v === 1) &&
    channels.every((c) => c >= FEWEST_CHANNELS && c <= MOST_CHANNELS)
  );
}

const kernelIs = (weight: Shape, height: number, width: number): boolean => weight[2] === height && weight[3] === width;

/** The tiles on the lines of one image; 0 where the kernel is not 1×7 or 7×1. */
function lineTiles(weight: Shape, [, , height, width]: Shape): number {
  if (kernelIs(weight, 1, 7)) return height! * Math.ceil(width! / LINE_STEP);
  return kernelIs(weight, 7, 1) ? width! * Math.ceil(height! / LINE_STEP) : 0;
}

/**
 * The algorithms that can compute a convolution. The first is what its shapes say; for kernels other than 3×3 it is the
 * same for any number of images, as there are no smaller tiles to take.
 */
export function algorithms({ weight, x, y, attrs }: Convolution): readonly Algorithm[] {
  if (!fits(weight, x, attrs)) return ["direct"];
  const [out, depth] = weight as readonly [number, number];
  if (kernelIs(weight, 3, 3)) {
    if (tileCount(y, 4) >= FEWEST_TILES) return ["tiles4", "tiles2", "direct"];
    return tileCount(y, 2) >= FEWEST_TILES ? ["tiles2", "tiles4", "direct"] : ["direct", "tiles2", "tiles4"];
  }
  if (kernelIs(weight, 5, 5) && tileCount([1, ...y.slice(1)], 5) >= FEWEST_TILES) return ["tiles5x5", "direct"];
  const small = 4 * LINE_POINTS * 2 * roundUp(out, 16) * depth <= PRIVATE_WEIGHTS;
  return small && lineTiles(weight, y) >= FEWEST_TILES ? ["lines", "direct"] : ["direct"];
}

/** Whether the shapes of a conv2d say that it is by Winograd. */
export function byWinograd(convolution: Convolution): boolean {
  return algorithms(convolution)[0] !== "direct";
}

const tileSizes: Readonly<Partial<Record<Algorithm, TileSize>>> = { tiles2: 2, tiles4: 4, tiles5x5: 5 };

/** Transforming weights, and making dW of the sums, costs as much as the products of some 4 tiles a lane. */
function manyTiles(e: Emitter, map: Shape, m: TileSize = 4): boolean {
  return tileCount(map, m) >= 4 * e.lanes;
}

/** Parameters 0 … 9 of all kernels. */
function params({ x, y, top, left }: Maps, m: TileSize): number[] {
  return [x[0]!, x[2]!, x[3]!, x[1]!, y[2]!, y[3]!, y[1]!, top, left, m];
}

function packedWeights(e: Emitter, weight: CpuValue, m: TileSize, inputGrad: boolean): Ref {
  const [out, depth] = weight.spec.shape as readonly [number, number];
  const [columns, rows] = inputGrad ? [depth, out] : [out, depth];
  const packed = planeScratch(e, m, roundUp(columns, e.lanes) * rows);
  e.command("winograd_pack", [weight.ref, packed], [out, depth, m, inputGrad ? 1 : 0]);
  return packed;
}

/** Memory for planes of so many floats each. */
function planeScratch(e: Emitter, m: TileSize, floats: number): Ref {
  return e.scratch(4 * planes(m) * (floats + PLANE_GAP));
}

/** Floats that a tile takes in a plane: `plane_row` of the kernels. */
function planeRow(e: Emitter, channels: number): number {
  const lanes = roundUp(channels, e.lanes);
  return lanes % ALIASING === 0 ? lanes + PLANE_GAP : lanes;
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
    const tileFloats = planeRow(e, inChannels) + planeRow(e, outChannels) + 2 * PLANE_GAP;
    const scratch = e.scratch(4 * planes(m) * room * tileFloats);
    const buffers = [x, weights, end.bias, end.residual, scratch, y];
    e.command("winograd", buffers, [...shared, end.flags, ...end.range, room], {
      writes: 2,
      threads: room,
      over: [[y, besides(end.residual, [weights, x])]],
    });
    return;
  }
  const { most, each } = blocks(maps.y, m, inChannels + outChannels);
  const [v, products] = [inChannels, outChannels].map((c) => planeScratch(e, m, most * planeRow(e, c))) as [Ref, Ref];
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
  const convolution = { weight: weight.spec.shape, x: x.spec.shape, y: output.spec.shape, attrs };
  const algorithm = e.choose(convolution, algorithms(convolution));
  if (algorithm === "direct") return false;
  const m = tileSizes[algorithm];
  const [[top], [left]] = attrs.padding;
  const maps = { x: x.spec.shape, y: output.spec.shape, top, left };
  const weights = m === undefined ? packedLines(e, weight) : packedWeights(e, weight, m, false);
  const end = {
    bias: bias?.ref ?? weights,
    residual: residual?.ref ?? weights,
    ...epilogueParams(bias, residual, attrs),
  };
  if (m === undefined) emitLines(e, maps, weight.spec.shape, x.ref, weights, end, output.ref);
  else emitCorrelation(e, maps, m, x.ref, weights, end, output.ref);
  return true;
}

function packedLines(e: Emitter, weight: CpuValue): Ref {
  const [out, depth] = weight.spec.shape as readonly [number, number];
  const packed = e.scratch(4 * LINE_POINTS * 2 * roundUp(out, e.lanes) * depth);
  e.command("winograd_line_pack", [weight.ref, packed], [out, depth]);
  return packed;
}

function emitLines(e: Emitter, maps: Maps, weight: Shape, x: Ref, weights: Ref, end: Ending, y: Ref): void {
  const [inChannels, outChannels] = [maps.x[1]!, maps.y[1]!];
  const room = Math.min(maps.y[0]! * lineTiles(weight, maps.y), PRIVATE_TILES);
  const tileLanes = 2 * roundUp(inChannels, e.lanes) + roundUp(outChannels, e.lanes) + 2 * PLANE_GAP;
  const scratch = e.scratch(4 * LINE_POINTS * room * tileLanes);
  // Parameter 9 is the direction here.
  const numbers = [...params(maps, 4).slice(0, 9), weight[2] === 7 ? 1 : 0, end.flags, ...end.range, room];
  e.command("winograd_line", [x, weights, end.bias, end.residual, scratch, y], numbers, {
    writes: 2,
    threads: room,
    over: [[y, besides(end.residual, [weights, x])]],
  });
}

/** A residual whose memory the output may take over: no other input of the command. */
const besides = (residual: Ref, others: readonly Ref[]): Ref[] => (others.includes(residual) ? [] : [residual]);

/** conv2dInputGrad. False: not by Winograd. */
export function emitWinogradInputGrad(e: Emitter, { inputs, output, attrs }: CpuCall<Conv2dAttrs>): boolean {
  const [g, weight] = inputs as [CpuValue, CpuValue];
  const dx = output.spec.shape;
  const [algorithm] = algorithms({ weight: weight.spec.shape, x: dx, y: dx, attrs });
  const m = tileSizes[algorithm!];
  if (m === undefined || !manyTiles(e, dx, m === 5 ? 5 : 4)) return false;
  const [[top], [left]] = attrs.padding;
  const reach = weight.spec.shape[2]! - 1;
  const maps = { x: g.spec.shape, y: dx, top: reach - top, left: reach - left };
  const weights = packedWeights(e, weight, m, true);
  const none = { bias: weights, residual: weights, flags: 0, range: [0, 0] };
  emitCorrelation(e, maps, m, g.ref, weights, none, output.ref);
  return true;
}

/** conv2dWeightGrad. False: not by Winograd. */
export function emitWinogradWeightGrad(e: Emitter, { inputs, output, attrs }: CpuCall<Conv2dAttrs>): boolean {
  const [x, g] = inputs as [CpuValue, CpuValue];
  const y = g.spec.shape;
  const weight = output.spec.shape;
  if (!kernelIs(weight, 3, 3) || !fits(weight, x.spec.shape, attrs) || !manyTiles(e, y)) return false;
  const [inChannels, outChannels] = [x.spec.shape[1]!, y[1]!];
  const [[top], [left]] = attrs.padding;
  const shared = params({ x: x.spec.shape, y, top, left }, 4);
  const { most, each } = blocks(y, 4, inChannels + outChannels);
  const [v, d] = [inChannels, outChannels].map((c) => planeScratch(e, 4, most * planeRow(e, c))) as [Ref, Ref];
  const sums = planeScratch(e, 4, inChannels * roundUp(outChannels, e.lanes));
  each.forEach((block, i) => {
    e.command("winograd_input", [x.ref, v], [...shared, ...block]);
    e.command("winograd_gradient", [g.ref, d], [...shared, ...block]);
    e.command("winograd_weight_sum", [v, d, sums], [...shared, ...block, i]);
  });
  e.command("winograd_weight_output", [sums, output.ref], [inChannels, outChannels]);
  return true;
}
