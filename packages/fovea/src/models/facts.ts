import "../tensor.ts"; // networks are written with tensor methods
import { skipInit } from "../nn/initFill.ts";
import { summarize } from "../nn/summary.ts";
import { about, create, inputShape, type ModelInfo, type ModelName } from "./_registry.ts";

/** What the zoo knows of a network, and its counts. */
export interface ModelFacts extends ModelInfo {
  /** Shape of one input, without the batch. */
  readonly input: readonly number[];
  /** Parameters that training changes. */
  readonly parameters: number;
  /** Parameters and the running means and variances of batch normalisations: Keras' "total params". */
  readonly parametersWithStatistics: number;
  /** Multiply–accumulates of convolutions and linear layers for one input. */
  readonly macs: number;
  /** Layers with parameters: the depth in Keras' table. */
  readonly depth: number;
}

/** `about`, and the counts of a network for one input, taken from the network itself without making its weights. */
export function facts(name: ModelName): ModelFacts {
  const input = inputShape(name);
  const { parameters, statistics, macs, depth } = summarize(
    skipInit(() => create(name)),
    [1, ...input],
  );
  return { ...about(name), input, parameters, parametersWithStatistics: parameters + statistics, macs, depth };
}
