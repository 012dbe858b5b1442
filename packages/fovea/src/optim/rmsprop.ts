import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the running mean of the squared gradient per step; default 0.99. */
  alpha?: number;
  /** Added to the denominator; default 1e-8. */
  eps?: number;
  /** L2 penalty: weightDecay · parameter is added to the gradient; default 0. */
  weightDecay?: number;
  /** Share of the last update that is kept; default 0. */
  momentum?: number;
  /** Divide by the standard deviation of the gradient instead of its root mean square; default false. */
  centered?: boolean;
}

/** RMSprop (Tieleman and Hinton, 2012; centered: Graves, 2013), as `torch.optim.RMSprop`. */
export class RMSprop extends Optimizer<RMSpropOptions> {
  readonly name = "RMSprop";

  constructor(
    params: Iterable<Tensor> | Iterable<ParameterGroup<RMSpropOptions>>,
    options: Partial<RMSpropOptions> = {},
  ) {
    super(params, { lr: 1e-2, ...options });
  }

  protected slots({ momentum = 0, centered = false }: RMSpropOptions): readonly string[] {
    return ["square_avg", ...(momentum === 0 ? [] : ["momentum_buffer"]), ...(centered ? ["grad_avg"] : [])];
  }

  protected scalars(_step: number, lr: number): readonly number[] {
    return [lr];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    [square, ...others]: readonly Tensor[],
    [lr]: readonly Tensor[],
    { alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false }: RMSpropOptions,
  ): Update {
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
    const v = square!.mul(alpha).add(g.mul(g).mul(1 - alpha)); // v ← αv + (1 − α)g²
    const mean = centered
      ? others
          .at(-1)!
          .mul(alpha)
          .add(g.mul(1 - alpha))
      : null; // m ← αm + (1 − α)g
    const variance = mean === null ? v : v.sub(mean.mul(mean));
    const step = g.div(variance.sqrt().add(eps));
    const velocity = momentum === 0 ? null : others[0]!.mul(momentum).add(step);
    const slots = [v, velocity, mean].filter((slot) => slot !== null);
    return { parameter: p.sub((velocity ?? step).mul(lr!)), slots };
  }
}
