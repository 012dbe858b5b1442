import { casesOf, type CaseInput, type OpCases } from "../testing/cases.ts";
import { maxPool2dOps } from "./maxPool2d.ts";
import { poolShape, type PoolAttrs } from "./pool.ts";

const { maxPool2d, maxPool2dGrad, maxPool2dGather, maxPool2dIndices } = maxPool2dOps;

/** Windows of `kernel` at distance `stride` (default: the same). */
export function windows(kernel: number, stride = kernel, more: Partial<PoolAttrs> = {}): PoolAttrs {
  const none = [
    [0, 0],
    [0, 0],
  ] as const;
  return {
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: none,
    dilation: [1, 1],
    ceilMode: false,
    ...more,
  };
}
const around = (n: number) => ({
  padding: [
    [n, n],
    [n, n],
  ] as const,
});

/** Settings of both poolings: channel counts below, at and beyond a vector, every kind of window. */
export const poolSettings: readonly (readonly [name: string, x: readonly number[], attrs: PoolAttrs])[] = [
  ["LeNet's 2×2 with 6 channels", [2, 6, 8, 8], windows(2)],
  ["2×2 with 16 channels", [3, 16, 10, 10], windows(2)],
  ["2×2 with odd sizes: the last row and column are dropped", [2, 5, 7, 9], windows(2)],
  ["2×2, rounding up", [2, 5, 7, 9], windows(2, 2, { ceilMode: true })],
  ["ResNet's 3×3, stride 2, padding 1", [1, 33, 5, 6], windows(3, 2, around(1))],
  ["AlexNet's overlapping 3×3, stride 2", [1, 20, 9, 9], windows(3, 2)],
  ["overlapping 2×2, stride 1", [2, 3, 5, 6], windows(2, 1)],
  ["stride beyond the window", [1, 7, 9, 8], windows(2, 3)],
  [
    "sides differ",
    [1, 4, 8, 9],
    {
      kernel: [3, 2],
      stride: [1, 2],
      padding: [
        [1, 0],
        [0, 1],
      ],
      dilation: [1, 1],
      ceilMode: false,
    },
  ],
  ["the whole picture", [2, 10, 5, 4], { ...windows(1), kernel: [5, 4], stride: [5, 4] }],
  ["one pixel", [2, 3, 1, 1], windows(1)],
  ["padding 2 of a 5×5, rounding up", [1, 40, 8, 8], windows(5, 3, { ...around(2), ceilMode: true })],
];

/** Dilated windows, also with another distance along each axis. */
export const dilatedSettings: typeof poolSettings = [
  ["dilation 2", [1, 6, 9, 9], windows(3, 1, { ...around(1), dilation: [2, 2] })],
  ["dilation 2 of rows, 3 of columns", [2, 18, 9, 11], windows(3, 2, { ...around(2), dilation: [2, 3] })],
  ["padding of nearly a window", [1, 5, 6, 7], windows(3, 1, around(2))],
];
const all = [...poolSettings, ...dilatedSettings];

const pooled = (x: readonly number[], attrs: PoolAttrs) => poolShape("test", x, attrs);
const grid: CaseInput = { values: Array.from({ length: 16 }, (_, i) => i + 1), shape: [1, 1, 4, 4] };
const ties: CaseInput = { values: [1, 1, 1, 1, 2, 2, 0, 2, 3], shape: [1, 1, 3, 3] };
const nans: CaseInput = { values: [1, NaN, 5, NaN, 2, -Infinity, 0, 2, -Infinity], shape: [1, 1, 3, 3] };

export const maxPool2dCases = {
  maxPool2d: casesOf(maxPool2d, [
    ["1 … 16 by 2×2", { x: grid }, windows(2), { expected: { values: [6, 8, 14, 16], origin: "by hand" } }],
    [
      "a NaN wins",
      { x: nans },
      windows(2, 1),
      { expected: { values: [NaN, NaN, NaN, 2], origin: "torch.nn.functional.max_pool2d" }, differentiable: false },
    ],
    ...all.map(([name, x, attrs]) => [name, { x }, attrs] as const),
  ]),
  maxPool2dGrad: casesOf(maxPool2dGrad, [
    [
      "among equals the first gets the gradient",
      { x: ties, g: { values: [1, 2, 3, 4], shape: [1, 1, 2, 2] } },
      windows(2, 1),
      {
        expected: {
          values: [0, 0, 0, 0, 3, 0, 0, 0, 4].map((v, i) => (i === 4 ? 6 : v)),
          origin: "torch.nn.functional.max_pool2d, backward",
        },
      },
    ],
    ...all.map(([name, x, attrs]) => [name, { x, g: pooled(x, attrs) }, attrs] as const),
  ]),
  maxPool2dGather: casesOf(maxPool2dGather, [
    [
      "v at the maxima of 1 … 16",
      { x: grid, v: { values: Array.from({ length: 16 }, (_, i) => -i), shape: [1, 1, 4, 4] } },
      windows(2),
      { expected: { values: [-5, -7, -13, -15], origin: "by hand" } },
    ],
    ...all.map(([name, x, attrs]) => [name, { x, v: x }, attrs] as const),
  ]),
  maxPool2dIndices: casesOf(maxPool2dIndices, [
    ["1 … 16 by 2×2", { x: grid }, windows(2), { expected: { values: [5, 7, 13, 15], origin: "by hand" } }],
    ["the first of equals", { x: ties }, windows(2, 1), { expected: { values: [4, 4, 4, 8], origin: "by hand" } }],
    ...all.map(([name, x, attrs]) => [name, { x }, attrs] as const),
  ]),
} satisfies Record<keyof typeof maxPool2dOps, OpCases>;
