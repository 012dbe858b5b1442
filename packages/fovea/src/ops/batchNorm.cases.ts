import type { Shape } from "../base/shape.ts";
import { casesOf, type GivenInput, type OpCases } from "../testing/cases.ts";
import { batchNormOps, type BatchNormAttrs } from "./batchNorm.ts";

const { channelMoments, batchNorm, batchNormOfBatch, batchNormGradSums, batchNormInputGrad } = batchNormOps;

/** Channel counts below, at and beyond vectors; sizes around a block of sums; ranks 2 to 5. */
const shapes: readonly (readonly [name: string, x: Shape])[] = [
  ["[N, C]", [5, 6]],
  ["one channel", [3, 1, 4, 5]],
  ["three channels, the last row short", [2, 3, 5, 7]],
  ["16 channels, many blocks", [4, 16, 15, 15]],
  ["20 channels", [3, 20, 6, 7]],
  ["64 channels", [2, 64, 9, 8]],
  ["a channel count that fills no row", [2, 1027, 1, 2]],
  ["sequences", [3, 5, 11]],
  ["voxels", [2, 4, 3, 2, 3]],
];

/** Made-up moments: means around 0, variances around 1. */
const mean = ([, channels]: Shape) => Array.from({ length: channels! }, (_, c) => ((c * 7) % 5) / 4 - 0.5);
const variance = ([, channels]: Shape) => Array.from({ length: channels! }, (_, c) => 0.5 + ((c * 3) % 7) / 6);
const moments = (x: Shape): GivenInput => ({ values: [mean(x), variance(x)] });
const statistics = (x: Shape) => ({ mean: { values: mean(x) }, variance: { values: variance(x) } });
const per = ([, channels]: Shape): Shape => [channels!];

const attrs: BatchNormAttrs = { eps: 1e-5, activation: "none", min: 0, max: 0 };
const eps = { eps: 1e-3 };
const some: Shape = [2, 5, 3, 4];
const full = { x: some, ...statistics(some), weight: per(some), bias: per(some) };
const fullOfBatch = { x: some, moments: moments(some), weight: per(some), bias: per(some) };
// The gradient of x is that of the whole formula, while a finite difference would leave the moments where they are.
const whole = { differentiable: false };
const kink = { differentiable: false };

export const batchNormCases = {
  channelMoments: casesOf(channelMoments, [
    [
      "1, 2, 3, 4 and 10, 10, 10, 10",
      { x: { values: [1, 2, 10, 10, 3, 4, 10, 10], shape: [2, 2, 2] } },
      {},
      { expected: { values: [2.5, 10, 1.25, 0], origin: "by hand" } },
    ],
    [
      "far from 0",
      { x: { values: Array.from({ length: 800 }, (_, i) => 4096 + (i % 4)), shape: [100, 2, 4] } },
      {},
      { expected: { values: [4097.5, 4097.5, 1.25, 1.25], origin: "by hand: each channel has 0 … 3 equally often" } },
    ],
    ...shapes.map(([name, x]) => [name, { x }, {}] as const),
  ]),
  batchNorm: casesOf(batchNorm, [
    [
      "by hand",
      {
        x: { values: [1, 5, 3, -7], shape: [2, 2] },
        mean: { values: [1, 1] },
        variance: { values: [3, 15] },
        weight: { values: [2, 4] },
        bias: { values: [10, 20] },
      },
      { ...attrs, eps: 1 },
      { expected: { values: [10, 24, 12, 12], origin: "by hand: √(3 + 1) = 2, √(15 + 1) = 4" } },
    ],
    ...shapes.map(([name, x]) => [name, { x, ...statistics(x), weight: per(x), bias: per(x) }, attrs] as const),
    ["no weight and bias", { x: some, ...statistics(some) }, attrs],
    ["with a residual", { ...full, residual: some }, attrs],
    ["with ReLU", full, { ...attrs, activation: "relu" }, kink],
    ["with a residual and ReLU", { ...full, residual: some }, { ...attrs, activation: "relu" }, kink],
  ]),
  batchNormOfBatch: casesOf(batchNormOfBatch, [
    ...shapes.map(
      ([name, x]) => [name, { x, moments: moments(x), weight: per(x), bias: per(x) }, attrs, whole] as const,
    ),
    ["no weight and bias", { x: some, moments: moments(some) }, attrs, whole],
    ["with a residual and ReLU", { ...fullOfBatch, residual: some }, { ...attrs, activation: "relu" }, whole],
  ]),
  batchNormGradSums: casesOf(batchNormGradSums, [
    ...shapes.map(([name, x]) => [name, { x, g: x, moments: moments(x) }, eps] as const),
    ...shapes.map(
      ([name, x]) =>
        [`${name}, behind a ReLU`, { x, g: x, moments: moments(x), y: { values: mask(x), shape: x } }, eps] as const,
    ),
  ]),
  batchNormInputGrad: casesOf(batchNormInputGrad, [
    ...shapes.map(
      ([name, x]) => [name, { x, g: x, moments: moments(x), weight: per(x), sums: [2, x[1]!] }, eps] as const,
    ),
    ["no weight", { x: some, g: some, moments: moments(some), sums: [2, 5] }, eps],
    [
      "behind a ReLU",
      {
        x: some,
        g: some,
        moments: moments(some),
        weight: per(some),
        sums: [2, 5],
        y: { values: mask(some), shape: some },
      },
      eps,
    ],
  ]),
} satisfies Record<keyof typeof batchNormOps, OpCases>;

/** Results of a ReLU: every third is 0. */
function mask(shape: Shape): number[] {
  return Array.from({ length: shape.reduce((a, d) => a * d, 1) }, (_, i) => (i % 3 === 0 ? 0 : (i % 5) + 1));
}
