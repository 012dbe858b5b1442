import { FoveaError } from "../base/errors.ts";
import type { TypedArray } from "../base/dtype.ts";
import { observeForward, type AnyModule } from "../nn/module.ts";
import { noGrad } from "../tensor/apply.ts";
import { Tensor } from "../tensor/tensor.ts";
import { toDevice, type TrainBatch } from "./batch.ts";

/** Training came to a NaN or an infinity; `layer` is where it appeared first. */
export class NonFiniteError extends FoveaError {
  override name = "NonFiniteError";
  readonly step: number;
  readonly layer: string | null;

  constructor(message: string, step: number, layer: string | null) {
    super(message);
    this.step = step;
    this.layer = layer;
  }
}

/** Finds out why the loss of a batch is not finite: the images, the weights, or the first layer that overflows. */
export async function explainLoss(
  model: AnyModule,
  batch: TrainBatch,
  loss: number,
  step: number,
): Promise<NonFiniteError> {
  const [where, layer] = await findSource(model, batch);
  const value = Number.isNaN(loss) ? "NaN" : String(loss);
  return new NonFiniteError(`the loss became ${value} at step ${step}: ${where}`, step, layer);
}

/** The error for weights that are not finite, or null when all are. */
export async function explainWeights(model: AnyModule, step: number): Promise<NonFiniteError | null> {
  const bad = await badState(model);
  return bad && new NonFiniteError(`${bad.what} after step ${step}; a lower learning rate may help`, step, bad.layer);
}

async function findSource(model: AnyModule, batch: TrainBatch): Promise<[where: string, layer: string | null]> {
  for (const { data } of batch.x) {
    const at = firstBad(data);
    if (at < 0) continue;
    const row = Math.floor(at / (data.length / batch.size));
    return [`example ${batch.indices?.[row] ?? `${row} of the batch`} of the training data holds ${data[at]}`, null];
  }
  const bad = await badState(model);
  if (bad !== null) return [`${bad.what}, an earlier update overflowed; a lower learning rate may help`, bad.layer];

  // The same batch once more, op by op, with every layer's output kept: inner layers report before outer ones.
  const outputs: { layer: string; output: Tensor }[] = [];
  model.train();
  observeForward(
    (module, output) => {
      if (!(output instanceof Tensor)) return;
      const path = model.pathOf(module);
      outputs.push({ layer: path ? `${path} (${module.describe()})` : module.describe(), output });
    },
    () => noGrad(() => (model.forward as (...x: Tensor[]) => unknown)(...batch.x.map(toDevice))),
  );
  for (const { layer, output } of outputs) {
    const values = await output.data();
    const at = firstBad(values);
    if (at >= 0) return [`the first layer to give ${values[at]} is ${layer}; a lower learning rate may help`, layer];
  }
  let largest = 0;
  for (const score of (await outputs.at(-1)?.output.data()) ?? []) largest = Math.max(largest, Math.abs(score));
  return [`every layer's output is finite (scores up to ${largest}), the loss itself overflowed`, null];
}

async function badState(model: AnyModule): Promise<{ what: string; layer: string } | null> {
  for (const [name, tensor] of model.stateDict()) {
    const values = await tensor.data();
    const at = firstBad(values);
    if (at >= 0) return { what: `the weights ${name} hold ${values[at]}`, layer: name.replace(/\.?[^.]*$/, "") };
  }
  return null;
}

function firstBad(values: TypedArray): number {
  return values.findIndex((v) => !Number.isFinite(v));
}
