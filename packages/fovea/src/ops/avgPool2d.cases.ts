import { casesOf, type CaseInput, type OpCases } from "../testing/cases.ts";
import { avgPool2dOps, type AvgPoolAttrs } from "./avgPool2d.ts";
import { dilatedSettings, poolSettings, windows } from "./maxPool2d.cases.ts";
import { poolShape } from "./pool.ts";

const { avgPool2d, avgPool2dGrad } = avgPool2dOps;
const grid: CaseInput = { values: Array.from({ length: 16 }, (_, i) => i + 1), shape: [1, 1, 4, 4] };
const ones: CaseInput = { values: Array.from({ length: 9 }, () => 1), shape: [1, 1, 3, 3] };
const padded = windows(3, 2, {
  padding: [
    [1, 1],
    [1, 1],
  ],
});

/** What avgPool2d's own attributes allow: dilated windows do not count padding. */
const dilated = dilatedSettings.map(([name, x, attrs]) => [name, x, { ...attrs, countIncludePad: false }] as const);

const settings = poolSettings.flatMap(([name, x, attrs]) => {
  const both: readonly AvgPoolAttrs[] = [
    { ...attrs, countIncludePad: true },
    { ...attrs, countIncludePad: false },
  ];
  const counted = attrs.ceilMode || attrs.padding.flat().some((p) => p > 0) ? both : both.slice(0, 1);
  return counted.map((a) => [`${name}${a.countIncludePad ? "" : ", padding not counted"}`, x, a] as const);
});

export const avgPool2dCases = {
  avgPool2d: casesOf(avgPool2d, [
    [
      "1 … 16 by 2×2",
      { x: grid },
      { ...windows(2), countIncludePad: true },
      { expected: { values: [3.5, 5.5, 11.5, 13.5], origin: "by hand" } },
    ],
    [
      "padding counts as zeros",
      { x: ones },
      { ...padded, countIncludePad: true },
      { expected: { values: [4 / 9, 4 / 9, 4 / 9, 4 / 9], origin: "by hand" } },
    ],
    [
      "padding does not count",
      { x: ones },
      { ...padded, countIncludePad: false },
      { expected: { values: [1, 1, 1, 1], origin: "by hand" } },
    ],
    ...[...settings, ...dilated].map(([name, x, attrs]) => [name, { x }, attrs] as const),
  ]),
  avgPool2dGrad: casesOf(
    avgPool2dGrad,
    [...settings, ...dilated].map(
      ([name, x, attrs]) => [name, { g: poolShape("test", x, attrs) }, { ...attrs, shape: x }] as const,
    ),
  ),
} satisfies Record<keyof typeof avgPool2dOps, OpCases>;
