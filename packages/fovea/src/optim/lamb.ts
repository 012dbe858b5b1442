import type { Tensor } from "../tensor/tensor.ts";
import { adamCorrections, adamMeans, adamSlots } from "./adam.ts";
import { normOf, ratioOrOne } from "./lars.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface LAMBOptions extends OptimizerOptions {
  /** Decay of the running means of gradient and squared gradient per step; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator; default 1e-6. */
  eps?: number;
  /** λ: decay inside the step that is scaled; default 0.01. */
  weightDecay?: number;
}

/**
 * LAMB (You et al., 2020, "Large Batch Optimization for Deep Learning", algorithm 2, φ(z) = z): Adam whose step is as long
 * as lr times the layer's weights. Biases and norms (fewer than two dimensions) take Adam's own length.
 */
export class LAMB extends Optimizer<LAMBOptions> {
  readonly name = "LAMB";

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<LAMBOptions>>, options: Partial<LAMBOptions> = {}) {
    super(params, { lr: 1e-3, ...options });
  }

  protected slots(): readonly string[] {
    return adamSlots;
  }

  protected scalars(step: number, lr: number, settings: LAMBOptions): readonly number[] {
    const [correction1, correction2] = adamCorrections(step, settings);
    return [lr, 1 / correction1, 1 / Math.sqrt(correction2)];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    slots: readonly Tensor[],
    [lr, ofMean, ofSquare]: readonly Tensor[],
    settings: LAMBOptions,
  ): Update {
    const { eps = 1e-6, weightDecay = 0.01 } = settings;
    const [m, v] = adamMeans(g, slots, settings);
    const adam = m.mul(ofMean!).div(v.sqrt().mul(ofSquare!).add(eps)); // r = m̂ / (√v̂ + ε)
    let step = weightDecay === 0 ? adam : adam.add(p.mul(weightDecay)); // u = r + λx
    if (p.rank > 1) step = step.mul(ratioOrOne(normOf(p), normOf(step))); // ‖x‖ / ‖u‖ · u
    return { parameter: p.sub(step.mul(lr!)), slots: [m, v] };
  }
}
