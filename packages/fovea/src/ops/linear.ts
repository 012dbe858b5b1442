import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
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
        `must be the weight's inFeatures (${weight.rank === 2 ? weight.shape[1] : "weight must be [outFeatures, inFeatures]"})`,
    );
  }
  if (x.rank === 1) return reshape(affine(reshape(x, [1, x.size]), weight, bias), [weight.shape[0]!]);
  return affine(x, weight, bias);
}
