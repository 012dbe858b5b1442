import { pow } from "../base/math.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface AdamaxOptions extends OptimizerOptions {
  /** Decay of the running mean of the gradient, and of the largest gradient, per step; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the gradient's size; default 1e-8. */
  eps?: number;
  /** L2 penalty: weightDecay · parameter is added to the gradient; default 0. */
  weightDecay?: number;
}

/** Adamax (Kingma and Ba, 2015, algorithm 2), as `torch.optim.Adamax`: Adam by the largest instead of the mean gradient. */
export class Adamax extends Optimizer<AdamaxOptions> {
  readonly name = "Adamax";

  constructor(
    params: Iterable<Tensor> | Iterable<ParameterGroup<AdamaxOptions>>,
    options: Partial<AdamaxOptions> = {},
  ) {
    super(params, { lr: 2e-3, ...options });
  }

  protected slots(): readonly string[] {
    return ["exp_avg", "exp_inf"];
  }

  protected scalars(step: number, lr: number, { betas = [0.9, 0.999] }: AdamaxOptions): readonly number[] {
    return [lr / (1 - pow(betas[0], step))];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    [mean, largest]: readonly Tensor[],
    [rate]: readonly Tensor[],
    { betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 }: AdamaxOptions,
  ): Update {
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
    const m = mean!.mul(betas[0]).add(g.mul(1 - betas[0])); // m ← β₁m + (1 − β₁)g
    const u = largest!.mul(betas[1]).maximum(g.abs().add(eps)); // u ← max(β₂u, |g| + ε)
    return { parameter: p.sub(m.div(u).mul(rate!)), slots: [m, u] };
  }
}
