import { casesOf, testNumbers, type CaseInput, type OpCase, type OpCases } from "../testing/cases.ts";
import { conv2dOp, conv2dShape, type Conv2dAttrs } from "./conv2d.ts";
import { conv2dInputGradOp } from "./conv2dInputGrad.ts";
import { conv2dWeightGradOp } from "./conv2dWeightGrad.ts";

const plain: Conv2dAttrs = {
  stride: [1, 1],
  padding: [
    [0, 0],
    [0, 0],
  ],
  dilation: [1, 1],
  groups: 1,
};
const count = (n: number, shape: readonly number[], from = 0): CaseInput => ({
  values: Array.from({ length: n }, (_, i) => from + i),
  shape,
});
const image = count(9, [1, 1, 3, 3]);
const kernel = count(4, [1, 1, 2, 2]);
const vertical: CaseInput = { values: [1, 0, -1, 1, 0, -1, 1, 0, -1], shape: [1, 1, 3, 3] };

/** x [N, C, H, W], weight [K, C/groups, r, s] and how they meet. */
export type ConvSetting = readonly [
  name: string,
  x: readonly number[],
  weight: readonly number[],
  attrs: Partial<Conv2dAttrs>,
];

const settings: readonly ConvSetting[] = [
  [
    "LeNet's first layer",
    [2, 1, 12, 12],
    [6, 1, 5, 5],
    {
      padding: [
        [2, 2],
        [2, 2],
      ],
    },
  ],
  ["LeNet's second layer", [3, 6, 10, 10], [16, 6, 5, 5], {}],
  [
    "a 3×3 with whole vectors",
    [1, 32, 7, 7],
    [64, 32, 3, 3],
    {
      padding: [
        [1, 1],
        [1, 1],
      ],
    },
  ],
  ["a 1×1", [2, 17, 5, 6], [9, 17, 1, 1], {}],
  ["a 1×1 with stride 2", [1, 8, 7, 8], [16, 8, 1, 1], { stride: [2, 2] }],
  [
    "a stem: 7×7, stride 2, 3 channels",
    [1, 3, 20, 21],
    [16, 3, 7, 7],
    {
      stride: [2, 2],
      padding: [
        [3, 3],
        [3, 3],
      ],
    },
  ],
  [
    "strides differ",
    [1, 4, 9, 11],
    [5, 4, 3, 3],
    {
      stride: [2, 3],
      padding: [
        [1, 1],
        [1, 1],
      ],
    },
  ],
  [
    "padding differs on every side",
    [1, 3, 6, 5],
    [4, 3, 3, 3],
    {
      padding: [
        [0, 2],
        [1, 3],
      ],
    },
  ],
  [
    "stride 2 × dilation 2 × groups 4",
    [2, 8, 11, 10],
    [12, 2, 3, 3],
    {
      stride: [2, 2],
      padding: [
        [2, 2],
        [2, 2],
      ],
      dilation: [2, 2],
      groups: 4,
    },
  ],
  [
    "depthwise",
    [2, 20, 6, 6],
    [20, 1, 3, 3],
    {
      padding: [
        [1, 1],
        [1, 1],
      ],
      groups: 20,
    },
  ],
  [
    "depthwise with a multiplier",
    [1, 3, 8, 8],
    [6, 1, 3, 3],
    {
      stride: [2, 2],
      padding: [
        [0, 1],
        [0, 1],
      ],
      groups: 3,
    },
  ],
  [
    "depthwise 5×5, stride 2, with whole vectors and a rest",
    [2, 37, 13, 19],
    [37, 1, 5, 5],
    { stride: [2, 2], padding: [[2, 2], [2, 2]], groups: 37 }, // prettier-ignore
  ],
  [
    "depthwise, dilated, other strides and padding on every side",
    [1, 12, 11, 12],
    [12, 1, 3, 2],
    { stride: [1, 3], padding: [[2, 1], [0, 3]], dilation: [2, 3], groups: 12 }, // prettier-ignore
  ],
  [
    "depthwise with a kernel beyond a table of taps",
    [1, 3, 9, 12],
    [3, 1, 7, 11],
    { padding: [[3, 3], [5, 5]], groups: 3 }, // prettier-ignore
  ],
  ["depthwise with a stride beyond the kernel", [2, 9, 8, 9], [9, 1, 2, 2], { stride: [3, 4], groups: 9 }],
  [
    "depthwise in more channels than a chunk",
    [1, 300, 5, 6],
    [300, 1, 3, 3],
    { padding: [[1, 1], [1, 1]], groups: 300 }, // prettier-ignore
  ],
  [
    "full padding",
    [1, 2, 4, 4],
    [3, 2, 3, 3],
    {
      padding: [
        [2, 2],
        [2, 2],
      ],
    },
  ],
  [
    "a kernel larger than the picture",
    [1, 2, 2, 3],
    [3, 2, 5, 5],
    {
      padding: [
        [2, 2],
        [2, 2],
      ],
    },
  ],
  [
    "rows only",
    [2, 3, 1, 9],
    [4, 3, 1, 3],
    {
      padding: [
        [0, 0],
        [1, 1],
      ],
    },
  ],
  [
    "many channels in groups, stride 2, in two blocks",
    [2, 40, 15, 14],
    [70, 20, 3, 3],
    { stride: [2, 2], padding: [[1, 1], [0, 1]], groups: 2 }, // prettier-ignore
  ],
  ["many channels, a 1×1 with stride 2", [3, 132, 7, 9], [33, 132, 1, 1], { stride: [2, 2] }],
  [
    "many channels on a wide map, dilated",
    [1, 32, 4, 210],
    [32, 32, 2, 3],
    { padding: [[1, 0], [0, 2]], dilation: [2, 3] }, // prettier-ignore
  ],
  ["a single pixel", [1, 5, 1, 1], [7, 5, 1, 1], {}],
  ["stride beyond the kernel", [1, 3, 10, 10], [4, 3, 2, 2], { stride: [4, 3] }],
  [
    "dilations differ",
    [1, 2, 9, 9],
    [3, 2, 3, 2],
    {
      dilation: [2, 3],
      padding: [
        [1, 0],
        [2, 1],
      ],
    },
  ],
  ["Winograd with 2×2 tiles", [1, 20, 7, 7], [18, 20, 3, 3], { padding: [[1, 1], [1, 1]] }], // prettier-ignore
  ["Winograd with 4×4 tiles", [8, 17, 9, 10], [19, 17, 3, 3], { padding: [[1, 1], [1, 1]] }], // prettier-ignore
  ["Winograd of 5×5", [2, 17, 9, 10], [19, 17, 5, 5], { padding: [[2, 2], [0, 3]] }], // prettier-ignore
  ["Winograd of 1×7", [2, 17, 5, 13], [19, 17, 1, 7], { padding: [[0, 0], [3, 3]] }], // prettier-ignore
  ["Winograd of 7×1", [1, 18, 14, 5], [33, 18, 7, 1], { padding: [[2, 4], [1, 0]] }], // prettier-ignore
  ["Winograd, padding differs on every side", [8, 16, 10, 9], [17, 16, 3, 3], { padding: [[0, 2], [2, 1]] }], // prettier-ignore
  [
    "even kernel, 'same' by TensorFlow's rule",
    [1, 3, 5, 5],
    [4, 3, 2, 2],
    {
      padding: [
        [0, 1],
        [0, 1],
      ],
    },
  ],
];

export const attrsOf = ([, , , a]: ConvSetting): Conv2dAttrs => ({ ...plain, ...a }) as Conv2dAttrs;

/** A seeded grid over stride × padding × dilation × groups × channels. */
function grid(size: number): ConvSetting[] {
  const next = testNumbers(2024);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.abs(next()) * 7919) % list.length]!;
  return Array.from({ length: size }, (_, i) => {
    const groups = pick([1, 1, 2, 3]);
    const [cin, cout] = [groups * pick([1, 2, 3, 5]), groups * pick([1, 2, 4, 9])];
    const k = [pick([1, 2, 3, 4]), pick([1, 2, 3, 5])] as const;
    const dilation = [pick([1, 1, 2]), pick([1, 2, 3])] as const;
    const padding = [
      [pick([0, 1, 2]), pick([0, 1, 3])],
      [pick([0, 1, 2]), pick([0, 2])],
    ] as const;
    const h = dilation[0] * (k[0] - 1) + 1 + pick([0, 1, 2, 4]);
    const w = dilation[1] * (k[1] - 1) + 1 + pick([0, 1, 3]);
    const attrs: Partial<Conv2dAttrs> = { stride: [pick([1, 2, 3]), pick([1, 2])], padding, dilation, groups };
    return [`grid ${i}: ${JSON.stringify(attrs)}`, [pick([1, 2]), cin, h, w], [cout, cin / groups, ...k], attrs];
  });
}

/** What conv2d, its gradients and its fused form are tested on. */
export const convSettings: readonly ConvSetting[] = [...settings, ...grid(24)];

/** The output shape of a setting. */
export const outputOf = (s: ConvSetting): readonly number[] => conv2dShape(s[1], s[2], attrsOf(s));

const worked: readonly OpCase[] = casesOf(conv2dOp, [
  [
    "D2L's 3×3 by 2×2",
    { x: image, weight: kernel },
    plain,
    { expected: { values: [19, 25, 37, 43], origin: "course S000, Fig. 2" } },
  ],
  [
    "two input channels",
    {
      x: { values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9], shape: [1, 2, 3, 3] },
      weight: { values: [0, 1, 2, 3, 1, 2, 3, 4], shape: [1, 2, 2, 2] },
    },
    plain,
    { expected: { values: [56, 72, 104, 120], origin: "course S000, Fig. 5" } },
  ],
  [
    "stride (3, 2), padding 1",
    { x: image, weight: kernel },
    {
      ...plain,
      stride: [3, 2],
      padding: [
        [1, 1],
        [1, 1],
      ],
    },
    { expected: { values: [0, 8, 6, 8], origin: "course S000, Fig. 4" } },
  ],
  [
    "padding 1",
    { x: image, weight: kernel },
    {
      ...plain,
      padding: [
        [1, 1],
        [1, 1],
      ],
    },
    { expected: { values: [0, 3, 8, 4, 9, 19, 25, 10, 21, 37, 43, 16, 6, 7, 8, 0], origin: "inventory 1.1 #13" } },
  ],
  [
    "a 1×1 is a fully connected layer per pixel",
    { x: count(27, [1, 3, 3, 3]), weight: count(6, [2, 3, 1, 1]) },
    plain,
    {
      expected: {
        values: [45, 48, 51, 54, 57, 60, 63, 66, 69, 126, 138, 150, 162, 174, 186, 198, 210, 222],
        origin: "inventory 1.1 #9",
      },
    },
  ],
  [
    "dilation 2 over 7×7",
    { x: count(49, [1, 1, 7, 7]), weight: { values: Array.from({ length: 9 }, () => 1), shape: [1, 1, 3, 3] } },
    { ...plain, dilation: [2, 2] },
    { expected: { values: [144, 153, 162, 207, 216, 225, 270, 279, 288], origin: "inventory 1.1 #18" } },
  ],
  [
    "the vertical edge detector on an edge",
    {
      x: { values: Array.from({ length: 36 }, (_, i) => (i % 6 < 3 ? 10 : 0)), shape: [1, 1, 6, 6] },
      weight: vertical,
    },
    plain,
    { expected: { values: [0, 30, 30, 0, 0, 30, 30, 0, 0, 30, 30, 0, 0, 30, 30, 0], origin: "course S001" } },
  ],
  [
    "the convolution arithmetic guide's figure",
    {
      x: { values: [3, 3, 2, 1, 0, 0, 0, 1, 3, 1, 3, 1, 2, 2, 3, 2, 0, 0, 2, 2, 2, 0, 0, 0, 1], shape: [1, 1, 5, 5] },
      weight: { values: [0, 1, 2, 2, 2, 0, 0, 1, 2], shape: [1, 1, 3, 3] },
    },
    plain,
    { expected: { values: [12, 12, 17, 10, 17, 19, 9, 6, 14], origin: "inventory 1.5 (Dumoulin and Visin)" } },
  ],
]).cases;

export const convCases = {
  conv2d: {
    op: conv2dOp,
    cases: [
      ...worked,
      ...casesOf(
        conv2dOp,
        convSettings.map((s) => [s[0], { x: s[1], weight: s[2], bias: [s[2][0]!] }, attrsOf(s)] as const),
      ).cases,
      ...casesOf(conv2dOp, [["without bias", { x: [1, 3, 5, 5], weight: [4, 3, 3, 3] }, plain]]).cases,
    ],
  },
  conv2dInputGrad: {
    op: conv2dInputGradOp,
    cases: [
      ...casesOf(conv2dInputGradOp, [
        [
          "the transpose of a convolution's matrix",
          { g: { values: [1, 2, 3, 4], shape: [1, 1, 2, 2] }, weight: count(9, [1, 1, 3, 3], 1) },
          { ...plain, shape: [1, 1, 4, 4] },
          {
            expected: {
              values: [1, 4, 7, 6, 7, 23, 33, 24, 19, 53, 63, 42, 21, 52, 59, 36],
              origin: "inventory 1.1 #21",
            },
          },
        ],
      ]).cases,
      ...casesOf(
        conv2dInputGradOp,
        convSettings.map((s) => [s[0], { g: outputOf(s), weight: s[2] }, { ...attrsOf(s), shape: s[1] }] as const),
      ).cases,
    ],
  },
  conv2dWeightGrad: casesOf(
    conv2dWeightGradOp,
    convSettings.map((s) => [s[0], { x: s[1], g: outputOf(s) }, { ...attrsOf(s), shape: s[2] }] as const),
  ),
} satisfies Record<string, OpCases>;
