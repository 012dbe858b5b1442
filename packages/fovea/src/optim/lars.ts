import { where } from "../ops/select.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.ts";

export interface LARSOptions extends OptimizerOptions {
  /** Share of the last update that is kept; default 0.9. */
  momentum?: number;
  /** β: L2 penalty; default 0. */
  weightDecay?: number;
  /** η: how far a layer may move in one step, as a share of its weights' norm; default 1e-3. */
  trustCoefficient?: number;
}

/**
 * LARS (You, Gitman, Ginsburg, 2017, algorithm 1), for very large batches: each layer's rate is
 * lr · η‖w‖ / (‖∇w‖ + β‖w‖). Biases and norms (fewer than two dimensions) take the plain rate, as in all published recipes.
 */
export class LARS extends Optimizer<LARSOptions> {
  readonly name = "LARS";

  protected slots(): readonly string[] {
    return ["momentum_buffer"];
  }

  protected scalars(_step: number, lr: number): readonly number[] {
    return [lr];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    [velocity]: readonly Tensor[],
    [lr]: readonly Tensor[],
    { momentum = 0.9, weightDecay = 0, trustCoefficient = 1e-3 }: LARSOptions,
  ): Update {
    let step = weightDecay === 0 ? g : g.add(p.mul(weightDecay));
    if (p.rank > 1) {
      const size = normOf(p);
      step = step.mul(ratioOrOne(size.mul(trustCoefficient), normOf(g).add(size.mul(weightDecay))));
    }
    const v = velocity!.mul(momentum).add(step.mul(lr!)); // v ← μv + γλ(∇w + βw)
    return { parameter: p.sub(v), slots: [v] };
  }
}

/** Euclidean length of all elements, summed in one order whatever the layout in memory: eager and compiled are the same bits. */
export function normOf(x: Tensor): Tensor {
  return x.reshape([x.size]).square().sum().sqrt();
}

/** a / b, or 1 where either is 0: weights that are still zero must be able to leave it. */
export function ratioOrOne(a: Tensor, b: Tensor): Tensor {
  return where(a.mul(b).greater(0), a.div(b), 1);
}
