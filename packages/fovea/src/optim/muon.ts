import { UsageError } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { adamSlots, adamWScalars, adamWStep, type AdamOptions } from "./adam.ts";
import { normOf } from "./lars.ts";
import { Optimizer, type OptimizerOptions, type ParameterGroup, type Update } from "./optimizer.ts";

export interface MuonOptions extends OptimizerOptions {
  /** Share of weights' last direction that is kept; default 0.95. */
  momentum?: number;
  /** Look ahead along the momentum; default true. */
  nesterov?: boolean;
  /** Share of lr by which weights shrink per step; default 0.1. */
  weightDecay?: number;
  /** Newton–Schulz iterations; default 5. */
  nsSteps?: number;
  /** a, b, c of the iteration aX + b(XXᵀ)X + c(XXᵀ)²X; default [3.4445, −4.775, 2.0315]. */
  nsCoefficients?: readonly [number, number, number];
  /** The least norm to divide by; default 1e-7. */
  eps?: number;
  /**
   * What lr is multiplied by for a matrix of A rows and B columns. `original` (default): √max(1, A / B).
   * `matchRmsAdamw`: 0.2 √max(A, B), so that steps are as large as AdamW's, whose lr and weightDecay then fit here.
   */
  adjustLr?: "original" | "matchRmsAdamw";
  /** True for a group that AdamW shall update whatever its shapes: the first layer, the classifier. */
  useAdamW?: boolean;
  /** AdamW's settings for those, and for all parameters with fewer than two dimensions; default betas [0.9, 0.95]. */
  adamw?: Omit<AdamOptions, "lr">;
}

/**
 * Muon (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/), as `torch.optim.Muon`: momentum whose matrix is
 * made orthogonal by five Newton–Schulz iterations, here in float32.
 *
 * Weights of convolutions count as matrices [outputs, everything else]. What has fewer than two dimensions is updated by
 * AdamW in a group of its own.
 */
export class Muon extends Optimizer<MuonOptions> {
  readonly name = "Muon";

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<MuonOptions>>, options: Partial<MuonOptions> = {}) {
    const { adjustLr = "original" } = options;
    if (adjustLr !== "original" && adjustLr !== "matchRmsAdamw") {
      throw new UsageError(`Muon: adjustLr is original or matchRmsAdamw, got ${String(adjustLr)}`);
    }
    super(splitGroups(params, options), { lr: 1e-3, ...options });
  }

  protected slots({ useAdamW = false }: MuonOptions): readonly string[] {
    return useAdamW ? adamSlots : ["momentum_buffer"];
  }

  protected scalars(step: number, lr: number, settings: MuonOptions): readonly number[] {
    if (settings.useAdamW) return adamWScalars(step, lr, adamSettings(settings));
    const { weightDecay = 0.1 } = settings;
    return [lr, 1 - lr * weightDecay];
  }

  protected update(
    p: Tensor,
    g: Tensor,
    slots: readonly Tensor[],
    scalars: readonly Tensor[],
    settings: MuonOptions,
  ): Update {
    if (settings.useAdamW) return adamWStep(p, g, slots, scalars, adamSettings(settings));
    const { momentum = 0.95, nesterov = true, adjustLr = "original" } = settings;
    const [lr, kept] = scalars;
    const v = slots[0]!.mul(momentum).add(g.mul(1 - momentum)); // v ← μv + (1 − μ)g
    const direction = nesterov ? g.mul(1 - momentum).add(v.mul(momentum)) : v;
    const [rows, columns] = [p.shape[0]!, p.size / p.shape[0]!];
    const scale =
      adjustLr === "original" ? Math.sqrt(Math.max(1, rows / columns)) : 0.2 * Math.sqrt(Math.max(rows, columns));
    const step = orthogonal(direction.reshape([rows, columns]), settings).reshape(p.shape);
    return { parameter: p.mul(kept!).sub(step.mul(lr!).mul(scale)), slots: [v] };
  }
}

/** The nearest orthogonal matrix, roughly: singular values of 0.7 to 1.2 (Newton–Schulz, odd and of degree five). */
function orthogonal(matrix: Tensor, settings: MuonOptions): Tensor {
  const { nsSteps = 5, nsCoefficients: [a, b, c] = [3.4445, -4.775, 2.0315], eps = 1e-7 } = settings;
  const tall = matrix.shape[0]! > matrix.shape[1]!;
  let x = tall ? matrix.transpose(0, 1) : matrix;
  x = x.div(normOf(x).maximum(eps));
  for (let i = 0; i < nsSteps; i++) {
    const gram = x.matmul(x.transpose(0, 1));
    x = x.mul(a).add(gram.mul(b).add(gram.matmul(gram).mul(c)).matmul(x)); // aX + (bA + cA²)X, A = XXᵀ
  }
  return tall ? x.transpose(0, 1) : x;
}

function adamSettings({ lr, adamw }: MuonOptions): AdamOptions {
  return { lr, betas: [0.9, 0.95], ...adamw };
}

/** Each group in two: matrices, and what AdamW updates. */
function splitGroups(
  params: Iterable<Tensor> | Iterable<ParameterGroup<MuonOptions>>,
  { adamw }: Partial<MuonOptions>,
): ParameterGroup<MuonOptions>[] {
  const given = [...params];
  const groups = given.every((p) => p instanceof Tensor) ? [{ params: given }] : given;
  return groups.flatMap((group) => {
    if (group instanceof Tensor) throw new UsageError("Muon: give parameters or groups ({ params: [...] }), not both");
    const { params: all, ...settings }: ParameterGroup<MuonOptions> = group;
    const isMatrix = (p: Tensor) => p.rank > 1 && settings.useAdamW !== true;
    const [matrices, others] = [[...all].filter(isMatrix), [...all].filter((p) => !isMatrix(p))];
    const lrScale = (settings.lrScale ?? 1) * (settings.adamw?.lrScale ?? adamw?.lrScale ?? 1);
    return [
      ...(matrices.length > 0 ? [{ ...settings, params: matrices }] : []),
      ...(others.length > 0 ? [{ ...settings, params: others, useAdamW: true, lrScale }] : []),
    ];
  });
}
