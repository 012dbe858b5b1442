import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { owner } from "../nn/freezing.ts";
import type { AnyModule } from "../nn/module.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { OptimizerOptions } from "./optimizer.ts";
import type { Schedule } from "./schedules.ts";

export interface ParameterGroupsOptions {
  /** Rate of the last layers; default the optimizer's. */
  lr?: number | Schedule;
  /** What the rate is multiplied by from each stage to the one before it; default 1. ULMFiT (2018) took 1 / 2.6. */
  decay?: number;
  /** Paths of the modules that end a stage; default the model's own `stages`, or else what hangs directly below it. */
  stages?: readonly string[];
  /** Of weights; what has fewer than two dimensions (biases, norms) then gets none. Default: the optimizer's for all. */
  weightDecay?: number;
}

/** Parameters with a rate of their own; fits every optimizer. */
export interface LayerGroup extends Partial<Pick<OptimizerOptions, "lr">> {
  readonly params: Parameter[];
  readonly lrScale: number;
  readonly weightDecay?: number;
}

/**
 * The parameters of a network in groups from the first stage to the last, for rates that fall towards the input
 * (discriminative fine-tuning: Howard and Ruder, 2018; layer-wise decay: Clark et al., 2020).
 *
 * @example
 * new optim.AdamW(optim.parameterGroups(model, { decay: 0.4, weightDecay: 0.01 }), { lr: 1e-3 });
 */
export function parameterGroups(model: AnyModule, options: ParameterGroupsOptions = {}): LayerGroup[] {
  const { lr, decay = 1, weightDecay } = options;
  if (!(decay > 0 && decay <= 1)) throw new UsageError(`parameterGroups: decay must be above 0, up to 1, got ${decay}`);
  const byStage = parametersByStage(model, options.stages).map(({ params }) => params);
  return byStage.flatMap((params, k) => {
    const shared = { ...(lr !== undefined && { lr }), lrScale: decay ** (byStage.length - 1 - k) };
    if (weightDecay === undefined) return [{ params, ...shared }];
    const [weights, vectors] = [params.filter((p) => p.rank > 1), params.filter((p) => p.rank <= 1)];
    return [
      { params: weights, ...shared, weightDecay },
      { params: vectors, ...shared, weightDecay: 0 },
    ].filter((group) => group.params.length > 0);
  });
}

function ownStages(model: AnyModule): readonly string[] {
  const { stages } = model as { stages?: readonly string[] };
  return stages ?? [...model.namedModules().keys()].filter((path) => path !== "" && !path.includes("."));
}

/** The parameters of each stage that has some, from the first to the last; a stage is named after its last module. */
export function parametersByStage(
  model: AnyModule,
  stages: readonly string[] = ownStages(model),
): { readonly stage: string; readonly params: Parameter[] }[] {
  const paths = [...model.namedModules().keys()];
  for (const stage of stages) {
    if (paths.includes(stage)) continue;
    const near = nearest(stage, paths);
    throw new UsageError(
      `parameterGroups: ${model.constructor.name} has no module "${stage}"${near === null ? "" : `; did you mean "${near}"?`}`,
    );
  }
  const isIn = (path: string, stage: string | undefined) =>
    stage !== undefined && (path === stage || path.startsWith(`${stage}.`));
  const stageOf = new Map<string, number>();
  let number = 0;
  let inside = false;
  for (const path of paths) {
    if (inside && !isIn(path, stages[number])) number++;
    inside = isIn(path, stages[number]);
    stageOf.set(path, number);
  }
  const groups: Parameter[][] = Array.from({ length: stages.length + 1 }, () => []);
  for (const [name, parameter] of model.namedParameters()) {
    groups[stageOf.get(owner(name, stageOf))!]!.push(parameter);
  }
  return groups
    .map((params, i) => ({ stage: stages[i] ?? "classifier", params }))
    .filter(({ params }) => params.length > 0);
}
