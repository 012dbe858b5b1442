import { ShapeError, UsageError } from "../base/errors.ts";
import { normalizeAxis, showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { reshape } from "./movement.ts";
import { max } from "./reduce.ts";
import { clamp, where } from "./select.ts";
import { exactGelu, softplus as softplusOp } from "./unary.ts";

export { mish, silu } from "./unary.ts";

// All of these are made of other ops. Where a branch that is not taken would overflow, its argument is bounded first:
// the gradient would otherwise be ∞ · 0.

/** x where x > 0, slope · x elsewhere. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return where(x.greater(0), x, x.mul(slope));
}

/**
 * x where x > 0, weight · x elsewhere, with a weight that is learned (He et al., 2015).
 *
 * @param weight One slope for all, or one per channel (axis 1).
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  if (weight.size === 1) return where(x.greater(0), x, x.mul(reshape(weight, [])));
  if (x.rank < 2 || weight.size !== x.shape[1]) {
    throw new ShapeError(
      `prelu: the weight must have 1 element or one per channel (axis 1) of x ${showShape(x.shape)}, got ${weight.size}`,
    );
  }
  const slopes = reshape(
    weight,
    x.shape.map((d, i) => (i === 1 ? d : 1)),
  );
  return where(x.greater(0), x, x.mul(slopes));
}

/** x where x > 0, α (eˣ − 1) elsewhere (Clevert et al., 2015). The course's max(α(eˣ − 1), x) is a slip. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return where(x.greater(0), x, x.minimum(0).exp().sub(1).mul(alpha));
}

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** ELU with α and scale that keep mean 0 and variance 1 from layer to layer (Klambauer et al., 2017). */
export function selu(x: Tensor): Tensor {
  return elu(x, SELU_ALPHA).mul(SELU_SCALE);
}

/** x where x > 0, α (e^(x/α) − 1) elsewhere: an ELU whose slope is continuous for every α (Barron, 2017). */
export function celu(x: Tensor, alpha = 1): Tensor {
  if (!(alpha !== 0)) throw new UsageError(`celu: alpha must not be 0, got ${alpha}`);
  return where(
    x.greater(0),
    x,
    x
      .minimum(0)
      .mul(1 / alpha)
      .exp()
      .sub(1)
      .mul(alpha),
  );
}

/** How `gelu` computes Φ: exactly by erf, or by Hendrycks' and Gimpel's tanh formula. */
export type GeluApproximation = "none" | "tanh";

/** x · Φ(x), Φ being the normal distribution function (Hendrycks and Gimpel, 2016). */
export function gelu(x: Tensor, approximate: GeluApproximation = "none"): Tensor {
  if (approximate === "none") return exactGelu(x);
  if (approximate !== "tanh")
    throw new UsageError(`gelu: approximate must be "none" or "tanh", got ${String(approximate)}`);
  const t = clamp(x, -20, 20); // tanh is ±1 long before, and x³ must not overflow
  const inner = t.add(t.square().mul(t).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(inner.tanh().add(1).mul(0.5));
}

/** min(max(x, 0), 6) */
export function relu6(x: Tensor): Tensor {
  return clamp(x, 0, 6);
}

/** x kept between two bounds. */
export function hardTanh(x: Tensor, min = -1, max = 1): Tensor {
  return clamp(x, min, max);
}

/** min(max(slope · x + offset, 0), 1). The defaults are PyTorch's and Keras 3's; ONNX has slope 0.2. */
export function hardSigmoid(x: Tensor, slope = 1 / 6, offset = 0.5): Tensor {
  return clamp(x.mul(slope).add(offset), 0, 1);
}

/** x · relu6(x + 3) / 6 (Howard et al., MobileNetV3, 2019). */
export function hardSwish(x: Tensor): Tensor {
  return x.mul(relu6(x.add(3)).mul(1 / 6));
}

/** ln(1 + e^(βx)) / β, and x itself where βx > threshold. */
export function softplus(x: Tensor, beta = 1, threshold = 20): Tensor {
  if (!(beta > 0)) throw new UsageError(`softplus: beta must be above 0, got ${beta}`);
  // From 17 on, softplus is x to the last bit of a float32.
  if (beta === 1 && threshold >= 17) return softplusOp(x);
  const scaled = x.mul(beta);
  return where(scaled.greater(threshold), x, softplusOp(scaled).mul(1 / beta));
}

/** x / (1 + |x|) */
export function softsign(x: Tensor): Tensor {
  return x.div(x.abs().add(1));
}

/** ln σ(x), without its underflow. */
export function logSigmoid(x: Tensor): Tensor {
  return softplusOp(x.neg()).neg();
}

/** x moved towards 0 by λ, and 0 where |x| ≤ λ. */
export function softShrink(x: Tensor, lambda = 0.5): Tensor {
  if (!(lambda >= 0)) throw new UsageError(`softShrink: lambda must be ≥ 0, got ${lambda}`);
  return x.sub(clamp(x, -lambda, lambda));
}

/** x where |x| > λ, 0 elsewhere. */
export function hardShrink(x: Tensor, lambda = 0.5): Tensor {
  return where(x.abs().greater(lambda), x, 0);
}

/** x − tanh x */
export function tanhShrink(x: Tensor): Tensor {
  return x.sub(x.tanh());
}

/** x where x > threshold, `value` elsewhere. */
export function threshold(x: Tensor, threshold: number, value = 0): Tensor {
  return where(x.greater(threshold), x, value);
}

/** The first half of an axis times σ of the second (Dauphin et al., 2016). */
export function glu(x: Tensor, axis = -1): Tensor {
  const a = normalizeAxis(axis, x.rank, "glu");
  const half = x.shape[a]! / 2;
  if (!Number.isInteger(half))
    throw new ShapeError(`glu: axis ${axis} of ${showShape(x.shape)} has ${x.shape[a]} elements; it must be even`);
  return x.narrow(a, 0, half).mul(x.narrow(a, half, half).sigmoid());
}

/**
 * The largest of every `pieces` neighbours along an axis (Goodfellow et al., 2013): [N, C, ...] → [N, C / pieces, ...].
 */
export function maxout(x: Tensor, pieces: number, axis = 1): Tensor {
  const a = normalizeAxis(axis, x.rank, "maxout");
  const size = x.shape[a]!;
  if (!Number.isInteger(pieces) || pieces < 1 || size % pieces !== 0) {
    throw new ShapeError(
      `maxout: ${pieces} pieces do not divide the ${size} elements along axis ${axis} of ${showShape(x.shape)}`,
    );
  }
  return max(reshape(x, [...x.shape.slice(0, a), size / pieces, pieces, ...x.shape.slice(a + 1)]), a + 1);
}
