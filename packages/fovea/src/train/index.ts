import "../tensor.ts"; // losses and scores are computed with tensor methods

import "../tensor.ts"; // the methods of Tensor

export { makeClassifier, type Classifier, type ClassifierModel } from "./classifier.ts";
export { evaluate, predict, type EvaluateOptions, type Evaluation, type Prediction } from "./evaluate.ts";
export { fit, type FitOptions, type FitResult, type StepProgress } from "./fit.ts";
export type { FitState } from "./fitState.ts";
export { bestEpoch, type EpochMetrics, type HistoryLine, type StretchMetrics } from "./history.ts";
export * from "./metrics/index.ts";
export { NonFiniteError } from "./nonFinite.ts";
