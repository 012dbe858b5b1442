import { pow } from "../base/math.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running means of gradient and squared gradient per step; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator; default 1e-8. */
  eps?: number;
  /** L2 penalty (Adam, default 0), or share of lr by which weights shrink per step (AdamW, default 0.01). */
  weightDecay?: number;
}

/** Adam (Kingma and Ba, 2015), as `torch.optim.Adam`: weight decay is an L2 penalty in the gradient. */
export class Adam extends Optimizer<AdamOptions> {
  readonly name: string = "Adam";

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<AdamOptions>>, options: Partial<AdamOptions> = {}) {
    super(params, { lr: 1e-3, ...options });
  }

  protected slots(): readonly string[] {
    return ["exp_avg", "exp_avg_sq"];
  }

  protected scalars(step: number, lr: number, { betas = [0.9, 0.999] }: AdamOptions): readonly number[] {
    const [correction1, correction2] = betas.map((beta) => 1 - pow(beta, step)) as [number, number];
    return [lr / correction1, 1 / Math.sqrt(correction2)];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    slots: readonly Tensor[],
    scalars: readonly Tensor[],
    settings: AdamOptions,
  ): Update {
    const { weightDecay = 0 } = settings;
    return adamStep(p, weightDecay === 0 ? g : g.add(p.mul(weightDecay)), slots, scalars, settings);
  }
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as `torch.optim.AdamW`. */
export class AdamW extends Adam {
  override readonly name = "AdamW";

  protected override scalars(step: number, lr: number, settings: AdamOptions): readonly number[] {
    const { weightDecay = 0.01 } = settings;
    return [...super.scalars(step, lr, settings), 1 - lr * weightDecay];
  }

  protected override update(
    p: Tensor,
    g: Tensor,
    slots: readonly Tensor[],
    scalars: readonly Tensor[],
    settings: AdamOptions,
  ): Update {
    return adamStep(p.mul(scalars[2]!), g, slots, scalars, settings); // θ ← (1 − lr·λ)θ first
  }
}

function adamStep(
  p: Tensor,
  g: Tensor,
  [mean, square]: readonly Tensor[],
  [rate, correction]: readonly Tensor[],
  { betas = [0.9, 0.999], eps = 1e-8 }: AdamOptions,
): Update {
  const m = mean!.add(g.sub(mean!).mul(1 - betas[0])); // m ← β₁m + (1 − β₁)g
  const v = square!.mul(betas[1]).add(g.mul(g).mul(1 - betas[1])); // v ← β₂v + (1 − β₂)g²
  const step = m.div(v.sqrt().mul(correction!).add(eps)); // (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
  return { parameter: p.sub(step.mul(rate!)), slots: [m, v] };
}
