import { ShapeError } from "../base/errors.ts";
import { showShape, sizeOf, type Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { affine } from "./matmul.ts";
import { reshape } from "./movement.ts";

/**
 * A fully connected layer: x · weightᵀ + bias, PyTorch's `linear`.
 *
 * @param x [..., inFeatures]
 * @param weight [outFeatures, inFeatures]
 * @param bias [outFeatures]
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (weight.rank !== 2 || x.rank === 0 || x.shape.at(-1) !== weight.shape[1]) {
    throw new ShapeError(
      `linear: x ${showShape(x.shape)} with weight ${showShape(weight.shape)}: the last axis of x (${x.shape.at(-1) ?? "none"}) ` +
        `must be the weight's inFeatures (${weight.rank === 2 ? weight.shape[1] : "weight must be [outFeatures, inFeatures]"})` +
        hint(x.shape, weight.shape),
    );
  }
  if (x.rank === 1) return reshape(affine(reshape(x, [1, x.size]), weight, bias), [weight.shape[0]!]);
  return affine(x, weight, bias);
}

/** What would fit. */
function hint(x: Shape, weight: Shape): string {
  const inFeatures = weight[1];
  if (weight.length !== 2 || inFeatures === undefined || x.length === 0) return "";
  const [batch, ...rest] = x as readonly [number, ...number[]];
  if (x.length === 1) {
    const lost = inFeatures > 0 && batch % inFeatures === 0;
    return lost
      ? "; the batch axis was flattened too: flatten(1) keeps it"
      : `; for this x, inFeatures should be ${batch}`;
  }
  if (x.length === 2) return `; for this x, inFeatures should be ${rest[0]}`;
  const flat = sizeOf(rest);
  if (flat === inFeatures) return `; flatten(1) makes x [${batch}, ${flat}]`;
  return `; after flatten(1), x is [${batch}, ${flat}] and inFeatures should be ${flat}`;
}
