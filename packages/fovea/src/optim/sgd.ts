import { UsageError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";
import type { Schedule } from "./schedules.ts";

export interface SGDOptions extends OptimizerOptions {
  /** Share of the last update that is kept: a number, or a schedule over the steps; default 0. */
  momentum?: number | Schedule;
  /** Share of a new gradient that does not enter the momentum; default 0. */
  dampening?: number;
  /** L2 penalty: weightDecay · parameter is added to the gradient; default 0. */
  weightDecay?: number;
  /** Look ahead along the momentum (Nesterov, 1983, as in Sutskever et al., 2013); default false. */
  nesterov?: boolean;
}

/** Stochastic gradient descent, as `torch.optim.SGD`. */
export class SGD extends Optimizer<SGDOptions> {
  readonly name = "SGD";

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<SGDOptions>>, options: SGDOptions) {
    if (options.nesterov && (!options.momentum || options.dampening)) {
      throw new UsageError("SGD: nesterov needs a momentum above 0 and no dampening");
    }
    super(params, options);
  }

  protected slots({ momentum = 0 }: SGDOptions): readonly string[] {
    return momentum === 0 ? [] : ["momentum_buffer"];
  }

  protected scalars(step: number, lr: number, { momentum = 0, dampening = 0 }: SGDOptions): readonly number[] {
    const entering = step === 1 ? 1 : 1 - dampening; // as in PyTorch, the first gradient enters the momentum whole
    return [lr, entering, typeof momentum === "number" ? momentum : momentum(step - 1)];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    [velocity]: readonly Tensor[],
    [lr, entering, scheduled]: readonly Tensor[],
    { momentum = 0, dampening = 0, weightDecay = 0, nesterov = false }: SGDOptions,
  ): Update {
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
    if (velocity === undefined) return { parameter: p.sub(g.mul(lr!)), slots: [] };
    const mu = typeof momentum === "number" ? momentum : scheduled!;
    const v = velocity.mul(mu).add(dampening === 0 ? g : g.mul(entering!)); // v ← μv + (1 − τ)g
    const direction = nesterov ? g.add(v.mul(mu)) : v;
    return { parameter: p.sub(direction.mul(lr!)), slots: [v] };
  }
}
