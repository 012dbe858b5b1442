import { pow } from "../base/math.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { adamMeans, adamSlots } from "./adam.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface NAdamOptions extends OptimizerOptions {
  /** Decay of the running means of gradient and squared gradient per step; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator; default 1e-8. */
  eps?: number;
  /** L2 penalty: weightDecay · parameter is added to the gradient; default 0. */
  weightDecay?: number;
  /** ψ: the momentum of step t is β₁ (1 − 0.5 · 0.96^(tψ)); default 4e-3. */
  momentumDecay?: number;
}

/** NAdam (Dozat, 2016), as `torch.optim.NAdam`: Adam that looks ahead along its momentum (Nesterov). */
export class NAdam extends Optimizer<NAdamOptions> {
  readonly name = "NAdam";

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<NAdamOptions>>, options: Partial<NAdamOptions> = {}) {
    super(params, { lr: 2e-3, ...options });
  }

  protected slots(): readonly string[] {
    return adamSlots;
  }

  protected scalars(step: number, lr: number, settings: NAdamOptions): readonly number[] {
    const { betas = [0.9, 0.999] } = settings;
    const [now, next] = [momentumAt(step, settings), momentumAt(step + 1, settings)];
    const product = momentumProduct(step, settings);
    const correction = 1 / Math.sqrt(1 - pow(betas[1], step));
    return [(lr * (1 - now)) / (1 - product), (lr * next) / (1 - product * next), correction];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    slots: readonly Tensor[],
    [ofGradient, ofMean, correction]: readonly Tensor[],
    settings: NAdamOptions,
  ): Update {
    const { eps = 1e-8, weightDecay = 0 } = settings;
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
    const [m, v] = adamMeans(g, slots, settings);
    const direction = g.mul(ofGradient!).add(m.mul(ofMean!));
    return { parameter: p.sub(direction.div(v.sqrt().mul(correction!).add(eps))), slots: [m, v] };
  }
}

function momentumAt(step: number, { betas = [0.9, 0.999], momentumDecay = 4e-3 }: NAdamOptions): number {
  return betas[0] * (1 - 0.5 * pow(0.96, step * momentumDecay));
}

/** The furthest products asked for, so that the next step multiplies once: per settings, the step and μ₁ · … · μ of it. */
const known = new WeakMap<NAdamOptions, { step: number; product: number }>();

/** μ₁ · μ₂ · … · μₜ, always multiplied from the first: a resumed run has the same bits. */
function momentumProduct(step: number, settings: NAdamOptions): number {
  const last = known.get(settings);
  let { step: at, product } = last !== undefined && last.step <= step ? last : { step: 0, product: 1 };
  while (at < step) product *= momentumAt(++at, settings);
  if (step > (last?.step ?? 0)) known.set(settings, { step, product });
  return product;
}
