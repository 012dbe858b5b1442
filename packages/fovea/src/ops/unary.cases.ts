import type { OpCases } from "../testing/cases.ts";
import { casesOf } from "../testing/cases.ts";
import { unaryOps } from "./unary.ts";

const inf = Infinity;
/** Values where branches, rounding and overflow show; 17 long so that vectors have a tail. */
const edges = [0, -0, 0.5, -0.5, 1, -1, 1.5, -1.5, 2.5, -2.5, 3.25, -7.75, 20, -20, 60, -60, 1e-4];
/** Functions that need x > 0. */
const positive = ["log", "sqrt", "rsqrt", "reciprocal"] as const;

type Name = keyof typeof unaryOps;

function general(name: Name): OpCases {
  const op = unaryOps[name];
  const needsPositive = (positive as readonly string[]).includes(name);
  const shape = (values: readonly number[]) => ({ values: values.map((v) => (needsPositive ? Math.abs(v) + 0.1 : v)) });
  const smooth = needsPositive ? edges : edges.map((v) => v + 0.01);
  return casesOf(op, [
    ["a vector with edges", { x: shape(edges) }, {}, { differentiable: false }],
    ["away from kinks", { x: shape(smooth.map((v) => v / 8)) }, {}],
    [
      "an image",
      { x: needsPositive ? shape(Array.from({ length: 5 }, (_, i) => i)) : [2, 3, 5, 4] },
      {},
      { differentiable: false },
    ],
    ["nothing", { x: [0, 3] }, {}],
    ["not a number and infinities", { x: { values: [NaN, inf, -inf, 1] } }, {}, { differentiable: false }],
  ]);
}

const generalCases = Object.fromEntries(Object.keys(unaryOps).map((name) => [name, general(name as Name)])) as Record<
  Name,
  OpCases
>;

export const unaryCases = {
  ...generalCases,
  round: casesOf(unaryOps.round, [
    [
      "halves go to even",
      { x: { values: [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4, 2.6] } },
      {},
      { expected: { values: [0, 2, 2, -0, -2, -2, 2, 3], origin: "IEEE 754 roundTiesToEven" } },
    ],
    ["beyond 2^23 everything is whole", { x: { values: [8388609, -8388611, 1e20] } }, {}],
  ]),
  sigmoid: casesOf(unaryOps.sigmoid, [
    ["0 gives a half", { x: { values: [0] } }, {}, { expected: { values: [0.5], origin: "definition" } }],
    [
      "far out it saturates without overflow",
      { x: { values: [-200, -90, 90, 200] } },
      {},
      { expected: { values: [0, 0, 1, 1], origin: "limits in float32" } },
    ],
    ["many", { x: [3, 7, 11] }, {}],
  ]),
} satisfies Record<Name, OpCases>;
