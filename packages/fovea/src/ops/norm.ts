import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { reshape } from "./movement.ts";

/** Mean and biased variance per channel, each [1, C, 1, …]. */
export function channelMoments(x: Tensor): { mean: Tensor; variance: Tensor } {
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const mean = x.mean(axes, true);
  return { mean, variance: x.sub(mean).square().mean(axes, true) };
}

/**
 * γ · (x − mean) / √(variance + ε) + β per channel (Ioffe and Szegedy, 2015).
 *
 * x is [N, C, ...]; the other tensors have C elements in any shape. Training passes the moments of the batch, inference
 * the running ones.
 */
export function batchNorm(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight?: Tensor,
  bias?: Tensor,
  options: { eps?: number } = {},
): Tensor {
  if (x.rank < 2) throw new ShapeError(`batchNorm: needs [N, C, ...], got ${showShape(x.shape)}`);
  const channels = x.shape[1]!;
  const perChannel = (t: Tensor, name: string) => {
    if (t.size !== channels)
      throw new ShapeError(
        `batchNorm: ${name} has ${t.size} elements for ${channels} channels of ${showShape(x.shape)}`,
      );
    return reshape(
      t,
      x.shape.map((_, i) => (i === 1 ? channels : 1)),
    );
  };
  let scale = perChannel(variance, "variance")
    .add(options.eps ?? 1e-5)
    .rsqrt();
  if (weight) scale = scale.mul(perChannel(weight, "weight"));
  const y = x.sub(perChannel(mean, "mean")).mul(scale);
  return bias ? y.add(perChannel(bias, "bias")) : y;
}
