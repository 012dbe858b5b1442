import { casesOf, type CaseInput, type OpCases } from "../testing/cases.ts";
import { alongAxisOps, sparseRows, transposedRows, type Taps } from "./alongAxis.ts";

const { alongAxis } = alongAxisOps;

const int = (values: readonly number[]): CaseInput => ({ values, dtype: "int32", shape: [values.length] });
const float = (values: readonly number[]): CaseInput => ({ values, shape: [values.length] });

/** x and the matrix with these rows, as inputs. */
function withRows(x: CaseInput, size: number, rows: readonly Taps[]) {
  const [a, b] = [sparseRows(rows), sparseRows(transposedRows(rows, size))];
  return {
    x,
    starts: int(a.starts),
    from: int(a.from),
    weights: float(a.weights),
    startsT: int(b.starts),
    fromT: int(b.from),
    weightsT: float(b.weights),
  };
}

/** Five outputs of four inputs: one, two, none, a place twice, all. */
const mixed: readonly Taps[] = [
  { from: [2], weights: [1] },
  { from: [0, 3], weights: [0.25, 0.75] },
  { from: [], weights: [] },
  { from: [1, 1], weights: [2, -0.5] },
  { from: [3, 2, 1, 0], weights: [0.1, 0.2, 0.3, 0.4] },
];

export const alongAxisCases = {
  alongAxis: casesOf(alongAxis, [
    [
      "1, 2, 3, 4",
      withRows({ values: [1, 2, 3, 4] }, 4, mixed),
      { axis: 0 },
      { expected: { values: [3, 3.25, 0, 3, 2], origin: "by hand" } },
    ],
    ["channels", withRows([2, 4, 3, 5], 4, mixed), { axis: 1 }],
    ["rows of few channels", withRows([2, 3, 4, 5], 4, mixed), { axis: 2 }],
    ["columns of few channels", withRows([2, 3, 5, 4], 4, mixed), { axis: 3 }],
    ["rows of 37 channels", withRows([2, 37, 4, 3], 4, mixed), { axis: 2 }],
    ["columns of 37 channels", withRows([1, 37, 3, 4], 4, mixed), { axis: 3 }],
    ["one channel", withRows([2, 1, 4, 6], 4, mixed), { axis: 2 }],
    [
      "one pixel becomes three",
      withRows(
        [2, 5, 1, 1],
        1,
        [1, 2, 3].map((w) => ({ from: [0], weights: [w] })),
      ),
      { axis: 3 },
    ],
    ["a volume's planes", withRows([1, 6, 4, 2, 3], 4, mixed), { axis: 2 }],
    ["a batch", withRows([4, 3], 4, mixed), { axis: 0 }],
    ["no outputs", withRows([2, 4], 4, []), { axis: 1 }],
  ]),
} satisfies Record<keyof typeof alongAxisOps, OpCases>;
