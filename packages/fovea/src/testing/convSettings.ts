import type { ConvOptions } from "../ops/convShape.ts";
import type { ConvTransposeOptions } from "../ops/convTranspose.ts";
import { paddingModes, sourceIndex, type PaddingMode } from "../ops/padding.ts";
import type { Padding, Side } from "../ops/windows.ts";
import { testNumbers } from "./cases.ts";

/** One convolution: shapes and options. For a transposed one, x is its input and `weight` is [in, out / groups, …]. */
export interface ConvSetting<O = ConvOptions> {
  readonly name: string;
  readonly axes: 1 | 2 | 3;
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly outChannels: number;
  readonly options: O;
}

type Pick = <T>(list: readonly T[]) => T;

function picker(seed: number): Pick {
  const next = testNumbers(seed);
  return (list) => list[Math.floor(Math.abs(next()) * 7919) % list.length]!;
}

/**
 * Seeded convolutions in 1-D, 2-D and 3-D. The first fifteen are stride 2 × dilation 2 × groups 4 in every padding mode
 * and dimension.
 */
export function convSettings(count: number, seed: number): ConvSetting[] {
  const pick = picker(seed);
  return Array.from({ length: count }, (_, i) => {
    const axes = ((i % 3) + 1) as 1 | 2 | 3;
    const hard = i < 15;
    const paddingMode: PaddingMode = paddingModes[Math.floor(i / 3) % paddingModes.length]!;
    const each = <T>(list: readonly T[]): T[] => Array.from({ length: axes }, () => pick(list));
    const groups = hard ? 4 : pick([1, 1, 2, 3, 4]);
    const [inChannels, outChannels] = [groups * pick([1, 2]), groups * pick([1, 2])];
    const kernel = hard ? each([2, 3]) : each([1, 2, 3]);
    const stride = hard ? 2 : pick([each([1, 2, 3]), pick([1, 2])]);
    const dilation = hard ? 2 : pick([each([1, 2]), pick([1, 2])]);
    const sides = each([0, 1, 2]).map((before): Side => [before, pick([0, 1, 2])]);
    const rules = ["same", "sameSymmetric", "full", "valid"] as const;
    const padding: Padding = hard
      ? 1
      : pick<Padding>([1, sides, each([0, 1, 2]), pick(rules), axes === 1 ? "causal" : "same"]);
    const size = kernel.map((k, a) => {
      const d = typeof dilation === "number" ? dilation : dilation[a]!;
      return Math.max(2, d * (k - 1) + 1) + pick([0, 1, 2]);
    });
    const options: ConvOptions = { stride, padding, paddingMode, dilation, groups };
    return {
      name: `${axes}-D ${JSON.stringify(options)} kernel ${JSON.stringify(kernel)} on ${JSON.stringify(size)}`,
      axes,
      x: [pick([1, 2]), inChannels, ...size],
      weight: [outChannels, inChannels / groups, ...kernel],
      outChannels,
      options,
    };
  });
}

/** Seeded transposed convolutions in 1-D, 2-D and 3-D; the first three are stride 2 × dilation 2 × groups 4. */
export function transposeSettings(count: number, seed: number): ConvSetting<ConvTransposeOptions>[] {
  const pick = picker(seed);
  return Array.from({ length: count }, (_, i) => {
    const axes = ((i % 3) + 1) as 1 | 2 | 3;
    const hard = i < 3;
    const each = <T>(list: readonly T[]): T[] => Array.from({ length: axes }, () => pick(list));
    const groups = hard ? 4 : pick([1, 1, 2, 3, 4]);
    const [inChannels, outChannels] = [groups * pick([1, 2]), groups * pick([1, 2])];
    const kernel = hard ? each([2, 3]) : each([1, 2, 3]);
    const stride = hard ? each([2]) : each([1, 2, 3]);
    const dilation = hard ? each([2]) : each([1, 2, 3]);
    const outputPadding = stride.map((s, a) => pick(Array.from({ length: Math.max(s, dilation[a]!) }, (_, n) => n)));
    const size = each([2, 3]);
    // Sides of which something is left.
    const sides = size.map((d, a): Side => {
      const extent = (d - 1) * stride[a]! + dilation[a]! * (kernel[a]! - 1) + 1;
      const before = pick([0, 1, 2]);
      const after = pick([0, 1, 2]);
      return before + after < extent ? [before, after] : [0, 0];
    });
    const padding = pick([sides, sides, pick(["same", "valid"] as const)]);
    const options: ConvTransposeOptions = { stride, padding, outputPadding, dilation, groups };
    return {
      name: `${axes}-D ${JSON.stringify(options)} kernel ${JSON.stringify(kernel)} on ${JSON.stringify(size)}`,
      axes,
      x: [pick([1, 2]), inChannels, ...size],
      weight: [inChannels, outChannels / groups, ...kernel],
      outChannels,
      options,
    };
  });
}

/** The index along each axis of every position, row-major. */
function* indices(shape: readonly number[]): Generator<readonly number[]> {
  if (shape.length === 0) {
    yield [];
    return;
  }
  for (let i = 0; i < shape[0]!; i++) for (const rest of indices(shape.slice(1))) yield [i, ...rest];
}

const offset = (index: readonly number[], shape: readonly number[]): number =>
  index.reduce((at, i, k) => at * shape[k]! + i, 0);

/** A convolution written straight from its definition, for any number of axes: what all others are held against. */
export function plainConv(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  shapes: { x: readonly number[]; weight: readonly number[]; y: readonly number[] },
  attrs: {
    stride: readonly number[];
    dilation: readonly number[];
    padding: readonly Side[];
    groups: number;
    mode: PaddingMode;
  },
): Float64Array {
  const [outChannels, perGroup, ...kernel] = shapes.weight as readonly [number, number, ...number[]];
  const y = new Float64Array(shapes.y.reduce((a, d) => a * d, 1));
  for (const index of indices(shapes.y)) {
    const [n, k, ...position] = index as readonly [number, number, ...number[]];
    const group = Math.floor(k / (outChannels / attrs.groups));
    let sum = 0;
    for (let c = 0; c < perGroup; c++) {
      for (const cell of indices(kernel)) {
        const from = position.map((p, a) => {
          const at = p * attrs.stride[a]! + cell[a]! * attrs.dilation[a]! - attrs.padding[a]![0];
          return sourceIndex(at, shapes.x[a + 2]!, attrs.mode);
        });
        if (from.some((i) => i < 0)) continue;
        sum +=
          x[offset([n, group * perGroup + c, ...from], shapes.x)]! * weight[offset([k, c, ...cell], shapes.weight)]!;
      }
    }
    y[offset(index, shapes.y)] = sum;
  }
  return y;
}
