import type { Tensor } from "../../tensor/tensor.ts";
import type { AnyModule } from "../module.ts";
import { penalties } from "../regularizers.ts";

/**
 * The terms that regularisers add to the loss, of a model that holds Keras layers anywhere: of the weights, and of the
 * outputs of the latest `forward` while training. `fit` adds them by itself; so does `nn.penalized(loss, model)`.
 *
 * @example
 * const y = model.forward(x);
 * const loss = keras.losses(model).reduce((sum, term) => sum.add(term), crossEntropy(y, labels));
 */
export function losses(model: AnyModule): Tensor[] {
  return penalties(model);
}
