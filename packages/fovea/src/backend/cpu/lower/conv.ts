import type { Conv2dAttrs } from "../../../ops/conv2d.ts";
import type { Epilogue } from "../../../ops/epilogue.ts";
import { sizeOf, type Shape } from "../../../base/shape.ts";
import type { Layout } from "../layout.ts";
import type { CpuCall, CpuKernel, CpuValue, Emitter, Ref, Wish } from "../lower.ts";
import { emitDepthwiseWeightGrad, isDepthwise, packDepthwise } from "./depthwise.ts";
import { epilogueParams } from "./epilogue.ts";
import { emitWinograd, emitWinogradInputGrad, emitWinogradWeightGrad } from "./winograd.ts";

/** Channels per group up to which the input is padded first, so that the taps of a kernel row become one run. */
const PAD_FORWARD = 16;
const PAD_WEIGHT_GRAD = 8;
/** Up to so many the padding is what turns images from one plane per channel to channels last, in the same pass. */
const PAD_PLANES = 8;

/** The numbers of one convolution y = x ∗ weight, whichever of the three is computed. */
export interface Geometry {
  readonly x: Shape;
  readonly weight: Shape;
  readonly y: Shape;
  readonly attrs: Conv2dAttrs;
}

/** Parameters 0 … 16 that the convolution kernels share; `special` is number 15. */
export function params({ x, weight, y, attrs }: Geometry, special: number): number[] {
  const { stride, padding, dilation, groups } = attrs;
  const [top, left] = [padding[0][0], padding[1][0]];
  const pixels = [x[0]!, x[2]!, x[3]!, x[1]!, y[2]!, y[3]!, y[1]!];
  return [...pixels, weight[2]!, weight[3]!, ...stride, top, left, ...dilation, special, groups];
}

const roundUp = (a: number, to: number): number => Math.ceil(a / to) * to;

/** float32 elements of packed weights: panels of `lanes` columns, the last one padded. */
function packedSize(groups: number, columns: number, depth: number, lanes: number): number {
  return groups * roundUp(columns, lanes) * depth;
}

/** How far windows reach beyond each side of the input; 0 where the last one ends before the border. */
function reach({ x, weight, y, attrs }: Geometry): readonly [top: number, bottom: number, left: number, right: number] {
  const { stride, padding, dilation } = attrs;
  const after = (axis: 0 | 1) => {
    const end = (y[2 + axis]! - 1) * stride[axis] + dilation[axis] * (weight[2 + axis]! - 1) + 1;
    return Math.max(0, end - padding[axis][0] - x[2 + axis]!);
  };
  return [padding[0][0], after(0), padding[1][0], after(1)];
}

/** Whether the input gets zeros around it first. */
function pads(g: Geometry, most: number): boolean {
  return g.attrs.groups === 1 && g.x[1]! <= most && reach(g).some((n) => n > 0);
}

/** x with zeros around it, and the geometry that then needs no padding; x itself where no window leaves it. */
export function padInput(e: Emitter, x: CpuValue, g: Geometry, most = PAD_FORWARD): { ref: Ref; geometry: Geometry } {
  if (!pads(g, most)) return { ref: x.ref, geometry: g };
  const [n, channels, height, width] = g.x as [number, number, number, number];
  const around = reach(g);
  const [top, bottom, left, right] = around;
  const shape = [n, channels, height + top + bottom, width + left + right];
  const ref = e.scratch(4 * sizeOf(shape));
  const planes = x.layout === "contiguous" ? 1 : 0;
  e.command("pad_images", [x.ref, ref], [n, height, width, channels, ...around, planes]);
  const none = [0, 0] as const;
  return { ref, geometry: { ...g, x: shape, attrs: { ...g.attrs, padding: [none, none] } } };
}

/** The layout in which conv2d and its weight gradient want x. */
export function inputLayout(g: Geometry): Layout | "any" {
  return pads(g, PAD_PLANES) ? "any" : "channelsLast";
}

/** Weights as panels of output channels. */
export function packWeights(e: Emitter, weight: CpuValue, groups: number): Ref {
  const [out, depth, height, width] = weight.spec.shape as readonly [number, number, number, number];
  const taps = height * width;
  const packed = e.scratch(4 * packedSize(groups, out / groups, depth * taps, e.lanes));
  e.command("conv2d_pack", [weight.ref, packed], [out, depth, taps, groups]);
  return packed;
}

/** conv2d, and fusedConv2d with its residual and activation. */
function emitConv2d(e: Emitter, call: CpuCall<Conv2dAttrs & Partial<Epilogue>>): void {
  const { inputs, output, attrs } = call;
  const [x, weight, bias, residual] = inputs as [CpuValue, CpuValue, CpuValue | undefined, CpuValue | undefined];
  const y = output.spec.shape;
  if (sizeOf(y) === 0 || emitWinograd(e, call)) return;
  const { flags, range } = epilogueParams(bias, residual, attrs);
  const given: Geometry = { x: x.spec.shape, weight: weight.spec.shape, y, attrs };
  const depthwise = isDepthwise(given.weight, attrs);
  const packed = depthwise
    ? packDepthwise(e, weight.ref, given.weight, attrs, "forward")
    : packWeights(e, weight, attrs.groups);
  const { ref, geometry } = padInput(e, x, given);
  const ends = [bias?.ref ?? packed, residual?.ref ?? packed, output.ref];
  // A panel that is not full spills over the next pixel, whose residual must be elsewhere then.
  const full = (y[1]! / attrs.groups) % e.lanes === 0;
  const over = residual !== undefined && residual.ref !== ref && full ? [residual.ref] : [];
  const numbers = [...params(geometry, flags), ...range];
  e.command(depthwise ? "depthwise" : "conv2d", [ref, packed, ...ends], numbers, { over: [[output.ref, over]] });
}

type InputGradAttrs = Conv2dAttrs & { readonly shape: Shape };

function emitInputGrad(e: Emitter, call: CpuCall<InputGradAttrs>): void {
  const { inputs, output, attrs } = call;
  const [g, weight] = inputs as [CpuValue, CpuValue];
  const x = output.spec.shape;
  if (sizeOf(x) === 0 || emitWinogradInputGrad(e, call)) return;
  const [outChannels, inChannels, kernelHeight, kernelWidth] = weight.spec.shape as [number, number, number, number];
  const geometry: Geometry = { x, weight: weight.spec.shape, y: g.spec.shape, attrs };
  const { groups, stride, padding, dilation } = attrs;
  if (isDepthwise(weight.spec.shape, attrs)) {
    const packed = packDepthwise(e, weight.ref, weight.spec.shape, attrs, "inputGrad");
    e.command("depthwise_input_grad", [g.ref, packed, output.ref], params(geometry, 0));
    return;
  }
  // Few input channels leave vectors over them mostly empty; then vectors run over a kernel row's (kx, ic) columns.
  const fold = dilation[1] === 1 ? kernelWidth : 1;
  const columns = fold * inChannels;
  const filled = (n: number) => n / roundUp(n, e.lanes);
  if (groups === 1 && filled(columns) > 1.6 * filled(inChannels)) {
    const runs = (kernelHeight * kernelWidth) / fold;
    const packed = e.scratch(4 * packedSize(runs, columns, outChannels, e.lanes));
    e.command(
      "conv2d_input_scatter_pack",
      [weight.ref, packed],
      [outChannels, inChannels, kernelHeight, kernelWidth, dilation[1]],
    );
    e.command("conv2d_input_scatter", [g.ref, packed, output.ref], params(geometry, 0));
    return;
  }
  const packed = e.scratch(
    4 * packedSize(groups, inChannels, (outChannels / groups) * kernelHeight * kernelWidth, e.lanes),
  );
  e.command(
    "conv2d_input_grad_pack",
    [weight.ref, packed],
    [outChannels, inChannels, kernelHeight, kernelWidth, groups, ...stride, padding[0][0], padding[1][0], ...dilation],
  );
  e.command("conv2d_input_grad", [g.ref, packed, output.ref], params(geometry, 0));
}

function emitWeightGrad(e: Emitter, call: CpuCall<Conv2dAttrs>): void {
  if (emitWinogradWeightGrad(e, call)) return;
  const { inputs, output, attrs } = call;
  const [x, g] = inputs as [CpuValue, CpuValue];
  const weight = output.spec.shape as readonly [number, number, number, number];
  const [outChannels, inChannels, kernelHeight, kernelWidth] = weight;
  const { groups } = attrs;
  const y = g.spec.shape;
  if (isDepthwise(weight, attrs)) {
    const make = (blocks: number) => params({ x: x.spec.shape, weight, y, attrs }, blocks);
    emitDepthwiseWeightGrad(e, x.ref, g.ref, output.ref, weight, y[0]! * y[2]!, make);
    return;
  }
  // Partial sums per block of images: enough to share out, few enough that adding them costs nothing. From the shape
  // alone, so that results do not depend on the number of threads.
  const blocks = Math.max(1, Math.min(32, Math.floor(65536 / sizeOf(weight)), Math.floor((y[0]! * y[2]!) / 8)));
  const depth = inChannels * kernelHeight * kernelWidth;
  const sizes = [outChannels, inChannels, kernelHeight * kernelWidth, groups, blocks];
  const given: Geometry = { x: x.spec.shape, weight, y, attrs };
  if (byPanels(weight, attrs, e.lanes)) {
    const taps = kernelHeight * kernelWidth;
    const done = blocks === 1 && taps === 1 && inChannels % e.lanes === 0; // the only block's sums are dW as they are
    const size = blocks * packedSize(groups, inChannels, (outChannels / groups) * taps, e.lanes);
    const sums = done ? output.ref : e.scratch(4 * size);
    e.command("conv2d_weight_panels", [x.ref, g.ref, sums], [...params(given, blocks), Number(done)]);
    if (!done) e.command("conv2d_weight_panels_reduce", [sums, output.ref], sizes);
    return;
  }
  const { ref, geometry } = padInput(e, x, given, PAD_WEIGHT_GRAD);
  const partial = e.scratch(4 * blocks * packedSize(groups, outChannels / groups, depth, e.lanes));
  e.command("conv2d_weight_grad", [ref, g.ref, partial], params(geometry, blocks));
  e.command("conv2d_weight_reduce", [partial, output.ref], sizes);
}

/** Whether vectors of the weight gradient run over input channels, which must be enough; else over output channels. */
function byPanels([out, depth, height, width]: Shape, { dilation, groups }: Conv2dAttrs, lanes: number): boolean {
  // Input pixels that one output pixel reaches: the copy of a panel has room for 512 (GRAD_ROOM).
  const reached = ((height! - 1) * dilation[0] + 1) * ((width! - 1) * dilation[1] + 1);
  const filled = (n: number) => n / roundUp(n, 2 * lanes);
  return depth! >= 16 && reached <= 512 && (filled(depth!) > 0.75 || filled(depth!) >= filled(out! / groups));
}

const emit =
  (f: (e: Emitter, call: CpuCall<never>) => void): NonNullable<CpuKernel["emit"]> =>
  (e, call) =>
    f(e, call as CpuCall<never>);

/** As `inputLayout`, from what lowering knows. */
const xOfConv2d: Wish = ([x, weight], attrs, y) =>
  inputLayout({ x: x!.shape, weight: weight!.shape, y: y.shape, attrs: attrs as Conv2dAttrs });
const xOfWeightGrad: Wish = ([x, y], attrs, weight) =>
  inputLayout({ x: x!.shape, weight: weight.shape, y: y!.shape, attrs: attrs as Conv2dAttrs });

export const convKernels = {
  conv2d: { in: [xOfConv2d], out: "channelsLast", emit: emit(emitConv2d) },
  conv2dInputGrad: { in: ["channelsLast"], out: "channelsLast", emit: emit(emitInputGrad) },
  conv2dWeightGrad: { in: [xOfWeightGrad, "channelsLast"], emit: emit(emitWeightGrad) },
  fusedConv2d: {
    in: [xOfConv2d, "contiguous", "contiguous", "channelsLast"],
    out: "channelsLast",
    emit: emit(emitConv2d),
  },
} satisfies Record<string, CpuKernel>;
