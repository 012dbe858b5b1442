import { FoveaError } from "../base/errors.ts";
import type { TypedArray } from "../base/dtype.ts";
import type { Batch } from "../data/loader.ts";
import { observeForward } from "../nn/module.ts";
import { noGrad } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { ClassifierModel } from "./classifier.ts";

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
  model: ClassifierModel,
  batch: Batch,
  loss: number,
  step: number,
): Promise<NonFiniteError> {
  const [where, layer] = await findSource(model, batch);
  const value = Number.isNaN(loss) ? "NaN" : String(loss);
  return new NonFiniteError(`the loss became ${value} at step ${step}: ${where}`, step, layer);
}

/** The error for weights that are not finite, or null when all are. */
export async function explainWeights(model: ClassifierModel, step: number): Promise<NonFiniteError | null> {
  const bad = await badState(model);
  return bad && new NonFiniteError(`${bad.what} after step ${step}; a lower learning rate may help`, step, bad.layer);
}

async function findSource(model: ClassifierModel, batch: Batch): Promise<[where: string, layer: string | null]> {
  const pixel = firstBad(batch.x);
  if (pixel >= 0) {
    const image = batch.indices[Math.floor(pixel / (batch.x.length / batch.size))]!;
    return [`image ${image} of the training data holds ${batch.x[pixel]}`, null];
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
    () => noGrad(() => model.forward(fromHost(batch.x, batch.shape, "float32"))),
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

async function badState(model: ClassifierModel): Promise<{ what: string; layer: string } | null> {
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
