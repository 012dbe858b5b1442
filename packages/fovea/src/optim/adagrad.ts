import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface AdagradOptions extends OptimizerOptions {
  /** The rate of step t is lr / (1 + (t − 1) · lrDecay); default 0. */
  lrDecay?: number;
  /** L2 penalty: weightDecay · parameter is added to the gradient; default 0. */
  weightDecay?: number;
  /** What the sum of squared gradients starts from; default 0. */
  initialAccumulatorValue?: number;
  /** Added to the denominator; default 1e-10. */
  eps?: number;
}

/** Adagrad (Duchi, Hazan, Singer, 2011), as `torch.optim.Adagrad`. */
export class Adagrad extends Optimizer<AdagradOptions> {
  readonly name = "Adagrad";

  constructor(
    params: Iterable<Tensor> | Iterable<ParameterGroup<AdagradOptions>>,
    options: Partial<AdagradOptions> = {},
  ) {
    super(params, { lr: 1e-2, ...options });
  }

  protected slots(): readonly string[] {
    return ["sum"];
  }

  protected override initial(_slot: string, { initialAccumulatorValue = 0 }: AdagradOptions): number {
    return initialAccumulatorValue;
  }

  protected scalars(step: number, lr: number, { lrDecay = 0 }: AdagradOptions): readonly number[] {
    return [lr / (1 + (step - 1) * lrDecay)];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    [sum]: readonly Tensor[],
    [rate]: readonly Tensor[],
    { weightDecay = 0, eps = 1e-10 }: AdagradOptions,
  ): Update {
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
    const s = sum!.add(g.mul(g)); // s ← s + g²
    return { parameter: p.sub(g.div(s.sqrt().add(eps)).mul(rate!)), slots: [s] };
  }
}
