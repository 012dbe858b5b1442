import type { Tensor } from "../../tensor/tensor.ts";
import type { AnyModule } from "../module.ts";
import { Layer } from "./layer.ts";
import { Sequential } from "./sequential.ts";

/**
 * The terms that regularisers add to the loss, of a model that holds Keras layers anywhere: those of the weights, and
 * those of the outputs of the latest `forward`. Call it once after each.
 *
 * @example
 * const y = model.forward(x);
 * const loss = keras.losses(model).reduce((sum, term) => sum.add(term), crossEntropy(y, labels));
 */
export function losses(model: AnyModule): Tensor[] {
  const terms: Tensor[] = [];
  for (const module of model.namedModules().values()) {
    if (!(module instanceof Layer)) continue;
    // A Sequential sums its layers, and they are visited themselves; what is its own is an output's.
    const term = module instanceof Sequential ? module.ownLoss() : (module as Layer).regularizationLoss();
    if (term !== null) terms.push(term);
  }
  return terms;
}

/** The sum of `losses(model)`; null when nothing is regularised. */
export function regularizationLoss(model: AnyModule): Tensor | null {
  return losses(model).reduce<Tensor | null>((sum, term) => (sum === null ? term : sum.add(term)), null);
}

/** Brings all weights back to where their constraints want them; call it after each step of the optimizer. */
export function applyConstraints(model: AnyModule): void {
  for (const module of model.namedModules().values()) {
    if (module instanceof Layer && !(module instanceof Sequential)) (module as Layer).applyConstraints();
  }
}
