import type { Tensor } from "../tensor/tensor.ts";
import { clamp, where } from "./select.ts";

/** x where x > 0, slope · x elsewhere. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return where(x.greater(0), x, x.mul(slope));
}

/** x where x > 0, α (eˣ − 1) elsewhere (Clevert et al., 2015). The course's max(α(eˣ − 1), x) is a slip. */
export function elu(x: Tensor, alpha = 1): Tensor {
  // eˣ is taken of the negative part only: it would overflow to ∞ · 0 in the gradient of the other branch.
  return where(x.greater(0), x, x.minimum(0).exp().sub(1).mul(alpha));
}

/** min(max(x, 0), 6) */
export function relu6(x: Tensor): Tensor {
  return clamp(x, 0, 6);
}
