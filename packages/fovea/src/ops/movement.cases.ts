import type { OpCases } from "../testing/cases.ts";
import { casesOf, listCasesOf } from "../testing/cases.ts";
import { movementOps } from "./movement.ts";

const bytes = (shape: readonly number[]) => ({
  values: Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => (i * 37) % 251),
  dtype: "uint8" as const,
  shape,
});

export const movementCases = {
  reshape: casesOf(movementOps.reshape, [
    ["an image to rows", { x: [2, 3, 4, 5] }, { shape: [2, 60] }],
    ["rows to an image", { x: [2, 60] }, { shape: [2, 3, 4, 5] }],
    ["pixels counted another way", { x: [2, 3, 4, 5] }, { shape: [2, 3, 20] }],
    ["a line as a picture of height 1", { x: [2, 3, 7] }, { shape: [2, 3, 1, 7] }],
    ["to rank 0", { x: [1, 1] }, { shape: [] }],
    ["nothing", { x: [0, 4] }, { shape: [2, 0] }],
    ["bytes", { x: bytes([2, 3, 2, 2]) }, { shape: [24] }],
  ]),
  permute: casesOf(movementOps.permute, [
    [
      "a matrix",
      {
        x: {
          values: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        },
      },
      { axes: [1, 0] },
      { expected: { values: [1, 4, 2, 5, 3, 6], origin: "by hand" } },
    ],
    ["a large matrix", { x: [65, 70] }, { axes: [1, 0] }],
    ["NCHW to NHWC", { x: [2, 3, 4, 5] }, { axes: [0, 2, 3, 1] }],
    ["NHWC to NCHW", { x: [2, 4, 5, 3] }, { axes: [0, 3, 1, 2] }],
    ["OIHW reversed", { x: [4, 3, 2, 5] }, { axes: [3, 2, 1, 0] }],
    ["rank 5", { x: [2, 3, 2, 3, 2] }, { axes: [4, 2, 0, 1, 3] }],
    ["many tiles with ragged edges", { x: [2, 37, 300] }, { axes: [0, 2, 1] }],
    ["the batch last", { x: [20, 3, 18] }, { axes: [1, 2, 0] }],
    ["bytes", { x: bytes([2, 3, 5, 7]) }, { axes: [0, 2, 3, 1] }],
    ["many bytes", { x: bytes([2, 19, 33]) }, { axes: [0, 2, 1] }],
    ["nothing", { x: [2, 0, 3] }, { axes: [2, 0, 1] }],
  ]),
  expand: casesOf(movementOps.expand, [
    ["a row to a matrix", { x: [7] }, { shape: [5, 7] }],
    ["a column to a matrix", { x: [5, 1] }, { shape: [5, 7] }],
    ["a channel to an image", { x: [1, 3, 1, 1] }, { shape: [2, 3, 4, 5] }],
    ["a scalar to an image", { x: [] }, { shape: [2, 3, 4, 5] }],
    ["many pixels of a channel", { x: [3, 1, 1] }, { shape: [2, 3, 17, 19] }],
    ["between axes that stay", { x: [2, 1, 3] }, { shape: [2, 5, 3] }],
    ["bytes", { x: bytes([3, 1]) }, { shape: [2, 3, 4] }],
    ["to nothing", { x: [1, 3] }, { shape: [0, 3] }],
  ]),
  slice: casesOf(movementOps.slice, [
    [
      "the middle of a vector",
      { x: { values: [0, 1, 2, 3, 4, 5, 6] } },
      { starts: [2], steps: [1], shape: [3] },
      { expected: { values: [2, 3, 4], origin: "by hand" } },
    ],
    ["every other", { x: [4, 9] }, { starts: [1, 0], steps: [1, 2], shape: [3, 5] }],
    ["a crop of an image", { x: [2, 3, 8, 9] }, { starts: [0, 0, 2, 3], steps: [1, 1, 1, 1], shape: [2, 3, 4, 5] }],
    ["channels of an image", { x: [2, 6, 3, 3] }, { starts: [0, 2, 0, 0], steps: [1, 1, 1, 1], shape: [2, 3, 3, 3] }],
    ["nothing", { x: [3, 4] }, { starts: [1, 0], steps: [1, 1], shape: [0, 4] }],
    ["bytes", { x: bytes([5, 6]) }, { starts: [1, 1], steps: [2, 1], shape: [2, 4] }],
  ]),
  pad: casesOf(movementOps.pad, [
    [
      "around a vector",
      { x: { values: [1, 2] } },
      { starts: [1], steps: [1], shape: [5], value: 9 },
      { expected: { values: [9, 1, 2, 9, 9], origin: "by hand" } },
    ],
    [
      "around an image",
      { x: [2, 3, 4, 5] },
      { starts: [0, 0, 1, 2], steps: [1, 1, 1, 1], shape: [2, 3, 6, 9], value: 0 },
    ],
    ["with gaps", { x: [2, 3] }, { starts: [0, 1], steps: [3, 2], shape: [5, 7], value: 0 }],
    ["around bytes", { x: bytes([2, 3]) }, { starts: [1, 0], steps: [1, 1], shape: [4, 4], value: 7 }],
    ["around nothing", { x: [0, 2] }, { starts: [0, 1], steps: [1, 1], shape: [2, 4], value: 3 }],
    [
      "channels of an image",
      { x: [2, 3, 2, 2] },
      { starts: [0, 1, 0, 0], steps: [1, 1, 1, 1], shape: [2, 6, 2, 2], value: -1 },
    ],
  ]),
  flip: casesOf(movementOps.flip, [
    ["a vector", { x: { values: [1, 2, 3] } }, { axes: [0] }, { expected: { values: [3, 2, 1], origin: "by hand" } }],
    ["a kernel by half a turn", { x: [2, 3, 3, 3] }, { axes: [2, 3] }],
    ["the batch", { x: [5, 2, 3] }, { axes: [0] }],
    ["pictures left to right", { x: [2, 3, 5, 40] }, { axes: [3] }],
    ["bytes", { x: bytes([3, 50]) }, { axes: [1] }],
  ]),
  concat: listCasesOf(movementOps.concat, [
    ["vectors", [[3], [1], [0], [5]], { axis: 0 }],
    [
      "columns",
      [
        [3, 2],
        [3, 4],
      ],
      { axis: 1 },
    ],
    [
      "channels of images",
      [
        [2, 3, 4, 5],
        [2, 1, 4, 5],
        [2, 4, 4, 5],
      ],
      { axis: 1 },
    ],
    [
      "rows of images",
      [
        [2, 3, 1, 5],
        [2, 3, 2, 5],
      ],
      { axis: 2 },
    ],
    ["bytes", [bytes([2, 3]), bytes([2, 2])], { axis: 1 }],
    ["one", [[2, 2]], { axis: 0 }],
  ]),
} satisfies Record<keyof typeof movementOps, OpCases>;
