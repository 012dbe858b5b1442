import { casesOf, type OpCases } from "../testing/cases.ts";
import { attrsOf, convSettings, outputOf, type ConvSetting } from "./conv2d.cases.ts";
import { fusedConv2dOp } from "./fusedConv2d.ts";
import { epilogues } from "./epilogue.cases.ts";

const ones = (shape: readonly number[]) => ({ values: Array.from({ length: 4 }, () => 1), shape });

/** A setting with the i-th epilogue. */
function fused(s: ConvSetting, i: number) {
  const { name, bias, residual, attrs } = epilogues[i % epilogues.length]!;
  const inputs = {
    x: s[1],
    weight: s[2],
    ...(bias ? { bias: [s[2][0]!] } : {}),
    ...(residual ? { residual: outputOf(s) } : {}),
  };
  return [`${s[0]}, ${name}`, inputs, { ...attrsOf(s), ...attrs }] as const;
}

/** Shapes that end within a vector, and runs too long for one row of zeros. */
const more: readonly ConvSetting[] = [
  ["whole vectors and a rest", [2, 8, 5, 5], [37, 8, 3, 3], { padding: [[1, 1], [1, 1]] }], // prettier-ignore
  ["5,000 channels", [1, 5000, 2, 2], [3, 5000, 1, 1], {}],
  ["1×1 on more pixels than are done at a time", [1, 16, 24, 24], [32, 16, 1, 1], {}],
  ["1×1, input channels in two pieces", [1, 260, 3, 3], [288, 260, 1, 1], {}],
  ["1×1, input channels in pieces and few output channels", [2, 520, 3, 3], [64, 520, 1, 1], {}],
  ["a 9×9 kernel", [1, 3, 12, 12], [20, 3, 9, 9], { padding: [[4, 4], [4, 4]] }], // prettier-ignore
];

export const fusedConv2dCases: OpCases = {
  op: fusedConv2dOp,
  cases: [
    ...casesOf(fusedConv2dOp, [
      [
        "−4 … 5 plus 1 plus 2, cut at 0 and 6",
        {
          x: { values: [-4, -1, 2, 5], shape: [1, 1, 2, 2] },
          weight: { values: [1], shape: [1, 1, 1, 1] },
          bias: { values: [1] },
          residual: { values: [2, 2, 2, 2], shape: [1, 1, 2, 2] },
        },
        { ...attrsOf(convSettings[0]!), padding: [[0, 0], [0, 0]], activation: "clip", min: 0, max: 6 }, // prettier-ignore
        { expected: { values: [0, 2, 5, 6], origin: "by hand" } },
      ],
      [
        "SiLU of 1",
        { x: ones([1, 1, 2, 2]), weight: { values: [1], shape: [1, 1, 1, 1] } },
        { ...attrsOf(convSettings[0]!), padding: [[0, 0], [0, 0]], activation: "silu", min: 0, max: 0 }, // prettier-ignore
        { expected: { values: Array.from({ length: 4 }, () => 0.7310585786300049), origin: "1 / (1 + 1/e)" } },
      ],
    ]).cases,
    ...casesOf(fusedConv2dOp, convSettings.map(fused)).cases,
    ...casesOf(
      fusedConv2dOp,
      more.flatMap((s) => epilogues.map((_, i) => fused(s, i))),
    ).cases,
  ],
};
