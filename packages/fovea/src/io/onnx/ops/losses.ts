import { indexSelect, takeAlongAxis } from "../../../ops/gather.ts";
import { where } from "../../../ops/select.ts";
import { logSoftmax } from "../../../ops/softmax.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";

/** −weight · logProbability[label]; labels equal to `ignore_index` count nothing. */
function likelihood(call: Call, logProbabilities: Tensor): Tensor {
  const labels = call.tensor(1);
  const weights = call.optional(2)?.tensor;
  const ignored = call.has("ignore_index") ? labels.equal(call.int("ignore_index")) : null;
  const safe = ignored ? where(ignored, 0, labels).cast("int32") : labels;
  const picked = takeAlongAxis(logProbabilities, safe.unsqueeze(1), 1).squeeze(1).neg();
  let weight = weights ? indexSelect(weights, safe.reshape([safe.size]), 0).reshape(safe.shape) : null;
  if (ignored) weight = where(ignored, 0, weight ?? 1).cast("float32");
  const losses = weight ? picked.mul(weight) : picked;
  const reduction = call.string("reduction", "mean");
  if (reduction === "none") return losses;
  if (reduction === "sum") return losses.sum();
  if (reduction !== "mean") return call.unsupported(`reduction=${reduction}`);
  if (weight === null) return losses.mean();
  return losses.sum().div(weight.expand(losses.shape).sum());
}

function crossEntropy(call: Call): Tensor[] {
  const logProbabilities = logSoftmax(call.tensor(0), 1);
  return [likelihood(call, logProbabilities), logProbabilities];
}

export const lossHandlers = {
  NegativeLogLikelihoodLoss: (call) => likelihood(call, call.tensor(0)),
  SoftmaxCrossEntropyLoss: crossEntropy,
} as const satisfies Handlers;
