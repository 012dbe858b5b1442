import { ShapeError } from "../base/errors.ts";
import { rowMajorStrides, sameShape, showShape } from "../base/shape.ts";
import type { NdArray, TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { ones } from "../tensor/create.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { unsqueeze } from "./movement.ts";
import { softmax } from "./softmax.ts";

/** Throws unless scores are [N, classes, ...] with one label each. Returns the shape of the labels. */
function checked(name: string, scores: TensorSpec, labels: TensorSpec): readonly number[] {
  const expected = scores.shape.filter((_, i) => i !== 1);
  if (scores.dtype !== "float32" || scores.shape.length < 2)
    throw new ShapeError(
      `${name}: needs float32 scores [N, classes, ...], got ${scores.dtype} ${showShape(scores.shape)}`,
    );
  if (labels.dtype !== "int32" || !sameShape(labels.shape, expected)) {
    throw new ShapeError(
      `${name}: scores ${showShape(scores.shape)} want int32 labels ${showShape(expected)}, got ${labels.dtype} ${showShape(labels.shape)}`,
    );
  }
  return expected;
}

/** Visits each label with the positions of its classes' scores, their largest and Σ exp(x − largest). */
function forLabels(
  name: string,
  x: NdArray,
  labels: NdArray,
  visit: (i: number, label: number, position: (k: number) => number, largest: number, total: number) => void,
): void {
  const classes = x.shape[1]!;
  const inner = rowMajorStrides(x.shape)[1]!;
  for (let i = 0; i < labels.data.length; i++) {
    const label = labels.data[i]!;
    if (label < 0 || label >= classes) throw new ShapeError(`${name}: label ${label} is outside 0 … ${classes - 1}`);
    const position = (k: number) => (Math.floor(i / inner) * classes + k) * inner + (i % inner);
    let largest = -Infinity;
    for (let k = 0; k < classes; k++) largest = Math.max(largest, x.data[position(k)]!);
    let total = 0;
    for (let k = 0; k < classes; k++) total += Math.exp(x.data[position(k)]! - largest);
    visit(i, label, position, largest, total);
  }
}

export const crossEntropyOps = {
  /** yᵢ = −ln softmax(xᵢ)[labelᵢ]. A label that is no class is an error here, and NaN on the fast engines. */
  labelCrossEntropy: defineOp("labelCrossEntropy", {
    inputs: ["x", "labels"],
    shape: ({ x, labels }) => ({ shape: checked("labelCrossEntropy", x, labels), dtype: "float32" }),
    vjp: ({ x, labels }, _attrs, _y, g) => ({ x: () => labelCrossEntropyGrad(x, labels, g), labels: null }),
    reference: ({ x, labels }, _attrs, y) => {
      forLabels("labelCrossEntropy", x, labels, (i, label, position, largest, total) => {
        y.data[i] = Math.log(total) - (x.data[position(label)]! - largest);
      });
    },
  }),
  /** yᵢ = gᵢ · (softmax(xᵢ) − [labelᵢ]) */
  labelCrossEntropyGrad: defineOp("labelCrossEntropyGrad", {
    inputs: ["x", "labels", "g"],
    shape: ({ x, labels, g }) => {
      const expected = checked("labelCrossEntropyGrad", x, labels);
      if (g.dtype !== "float32" || !sameShape(g.shape, expected))
        throw new ShapeError(
          `labelCrossEntropyGrad: g must be float32 ${showShape(expected)}, got ${g.dtype} ${showShape(g.shape)}`,
        );
      return x;
    },
    // with p = softmax(x): dx = p · (gv − Σ gv·p), dg = Σ v·(p − [label])
    vjp: ({ x, labels, g }, _attrs, _y, v) => ({
      x: () => {
        const p = softmax(x, 1);
        const gv = v.mul(unsqueeze(g, 1));
        return p.mul(gv.sub(gv.mul(p).sum(1, true)));
      },
      labels: null,
      g: () => labelCrossEntropyGrad(x, labels, ones(g.shape)).mul(v).sum(1),
    }),
    reference: ({ x, labels, g }, _attrs, y) => {
      forLabels("labelCrossEntropyGrad", x, labels, (i, label, position, largest, total) => {
        for (let k = 0; k < x.shape[1]!; k++) {
          const probability = Math.exp(x.data[position(k)]! - largest) / total;
          y.data[position(k)] = g.data[i]! * (probability - Number(k === label));
        }
      });
    },
  }),
} as const;

/** −ln softmax(x)[label] for scores x [N, classes, ...] and labels [N, ...]: a loss per label. */
export function labelCrossEntropy(x: Tensor, labels: Tensor): Tensor {
  return apply(crossEntropyOps.labelCrossEntropy, { x, labels }, {});
}

function labelCrossEntropyGrad(x: Tensor, labels: Tensor, g: Tensor): Tensor {
  return apply(crossEntropyOps.labelCrossEntropyGrad, { x, labels, g }, {});
}
