import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface AdadeltaOptions extends OptimizerOptions {
  /** Decay of the running means per step; default 0.9. */
  rho?: number;
  /** Added under both roots; default 1e-6. */
  eps?: number;
  /** L2 penalty: weightDecay · parameter is added to the gradient; default 0. */
  weightDecay?: number;
}

/** Adadelta (Zeiler, 2012), as `torch.optim.Adadelta`: steps as large as the last ones were. */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  readonly name = "Adadelta";

  constructor(
    params: Iterable<Tensor> | Iterable<ParameterGroup<AdadeltaOptions>>,
    options: Partial<AdadeltaOptions> = {},
  ) {
    super(params, { lr: 1, ...options });
  }

  protected slots(): readonly string[] {
    return ["square_avg", "acc_delta"];
  }

  protected scalars(_step: number, lr: number): readonly number[] {
    return [lr];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    [square, moved]: readonly Tensor[],
    [lr]: readonly Tensor[],
    { rho = 0.9, eps = 1e-6, weightDecay = 0 }: AdadeltaOptions,
  ): Update {
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
    const v = square!.mul(rho).add(g.mul(g).mul(1 - rho)); // v ← ρv + (1 − ρ)g²
    const step = moved!.add(eps).sqrt().div(v.add(eps).sqrt()).mul(g); // Δ = √(u + ε) / √(v + ε) · g
    const u = moved!.mul(rho).add(step.mul(step).mul(1 - rho)); // u ← ρu + (1 − ρ)Δ²
    return { parameter: p.sub(step.mul(lr!)), slots: [v, u] };
  }
}
