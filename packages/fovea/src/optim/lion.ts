import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface LionOptions extends OptimizerOptions {
  /** Share of the momentum in the step, and decay of the momentum per step; default [0.9, 0.99]. */
  betas?: readonly [number, number];
  /** Share of lr by which weights shrink per step; default 0. It wants to be 3 to 10 times as large as AdamW's. */
  weightDecay?: number;
}

/**
 * Lion (Chen et al., 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2): every element moves by lr, in
 * the direction of a mean of gradients. Rates are 3 to 10 times smaller than AdamW's; default 1e-4.
 */
export class Lion extends Optimizer<LionOptions> {
  readonly name = "Lion";

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<LionOptions>>, options: Partial<LionOptions> = {}) {
    super(params, { lr: 1e-4, ...options });
  }

  protected slots(): readonly string[] {
    return ["exp_avg"];
  }

  protected scalars(_step: number, lr: number, { weightDecay = 0 }: LionOptions): readonly number[] {
    return [lr, 1 - lr * weightDecay];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    [mean]: readonly Tensor[],
    [lr, kept]: readonly Tensor[],
    { betas = [0.9, 0.99], weightDecay = 0 }: LionOptions,
  ): Update {
    const direction = mean!
      .mul(betas[0])
      .add(g.mul(1 - betas[0]))
      .sign(); // sign(β₁m + (1 − β₁)g)
    const m = mean!.mul(betas[1]).add(g.mul(1 - betas[1])); // m ← β₂m + (1 − β₂)g
    return { parameter: (weightDecay === 0 ? p : p.mul(kept!)).sub(direction.mul(lr!)), slots: [m] };
  }
}
