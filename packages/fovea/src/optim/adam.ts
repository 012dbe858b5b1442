import { pow } from "../base/math.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";
import type { Schedule } from "./schedules.ts";

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running means of gradient (may be a schedule) and squared gradient per step; default [0.9, 0.999]. */
  betas?: readonly [number | Schedule, number];
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
    return adamSlots;
  }

  protected scalars(step: number, lr: number, settings: AdamOptions): readonly number[] {
    return adamScalars(step, lr, settings);
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
    return adamWScalars(step, lr, settings);
  }

  protected override update(
    p: Tensor,
    g: Tensor,
    slots: readonly Tensor[],
    scalars: readonly Tensor[],
    settings: AdamOptions,
  ): Update {
    return adamWStep(p, g, slots, scalars, settings);
  }
}

/** The running means of gradient and squared gradient, by PyTorch's names. */
export const adamSlots: readonly string[] = ["exp_avg", "exp_avg_sq"];

/** What the running means lack of the true ones after `step` steps: 1 − β₁ᵗ and 1 − β₂ᵗ. */
export function adamCorrections(step: number, { betas = [0.9, 0.999] }: AdamOptions): [number, number] {
  return [1 - pow(beta1At(betas, step), step), 1 - pow(betas[1], step)];
}

function adamScalars(step: number, lr: number, settings: AdamOptions): readonly number[] {
  const [correction1, correction2] = adamCorrections(step, settings);
  return [lr / correction1, 1 / Math.sqrt(correction2), 1 - beta1At(settings.betas, step)];
}

/** The numbers of a step of AdamW; Muon takes such steps too. */
export function adamWScalars(step: number, lr: number, settings: AdamOptions): readonly number[] {
  const { weightDecay = 0.01 } = settings;
  return [...adamScalars(step, lr, settings), 1 - lr * weightDecay];
}

/** A step of AdamW. */
export function adamWStep(
  p: Tensor,
  g: Tensor,
  slots: readonly Tensor[],
  scalars: readonly Tensor[],
  settings: AdamOptions,
): Update {
  return adamStep(p.mul(scalars[3]!), g, slots, scalars, settings); // θ ← (1 − lr·λ)θ first
}

/** The new running means of gradient and squared gradient. */
export function adamMeans(
  g: Tensor,
  [mean, square]: readonly Tensor[],
  { betas = [0.9, 0.999] }: AdamOptions,
  entering?: Tensor,
): [m: Tensor, v: Tensor] {
  const share = typeof betas[0] === "number" ? 1 - betas[0] : entering!;
  const m = mean!.add(g.sub(mean!).mul(share)); // m ← β₁m + (1 − β₁)g
  const v = square!.mul(betas[1]).add(g.mul(g).mul(1 - betas[1])); // v ← β₂v + (1 − β₂)g²
  return [m, v];
}

function adamStep(
  p: Tensor,
  g: Tensor,
  slots: readonly Tensor[],
  [rate, correction, entering]: readonly Tensor[],
  settings: AdamOptions,
): Update {
  const { eps = 1e-8 } = settings;
  const [m, v] = adamMeans(g, slots, settings, entering);
  const step = m.div(v.sqrt().mul(correction!).add(eps)); // (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
  return { parameter: p.sub(step.mul(rate!)), slots: [m, v] };
}

function beta1At(betas: AdamOptions["betas"], step: number): number {
  const beta = betas?.[0] ?? 0.9;
  return typeof beta === "number" ? beta : beta(step - 1);
}
