import "../tensor.ts"; // losses and scores are computed with tensor methods

export type { Named, TrainBatch, Values } from "./batch.ts";
export type { Callback, CallbackState, Logs } from "./callback.ts";
export { Diagnoses } from "./callbacks/diagnoses.ts";
export { diagnose, type Curves, type Diagnosis } from "./diagnose.ts";
export type { Evidence } from "./examine.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./callbacks/earlyStopping.ts";
export { EMA, type EMAOptions } from "./callbacks/ema.ts";
export { LearningRateScheduler } from "./callbacks/learningRateScheduler.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./callbacks/reduceLrOnPlateau.ts";
export { SWA, type SWAOptions } from "./callbacks/swa.ts";
export { TimeLimit } from "./callbacks/timeLimit.ts";
export type { MonitorOptions } from "./monitor.ts";
export { ProgressBar, type ProgressBarOptions } from "./callbacks/progressBar.ts";
export { makeClassifier, type Classifier, type ClassifierModel } from "./classifier.ts";
export {
  evaluate,
  predict,
  type EvaluateOptions as ClassifierOptions,
  type Evaluation,
  type Prediction,
} from "./evaluate.ts";
export { deepFeatures, nearestNeighbourAccuracy, type DeepFeatures } from "./deepFeatures.ts";
export {
  fineTune,
  planFineTuning,
  type FineTuningOptions,
  type FineTuningResult,
  type TuningPhase,
  type TuningStage,
} from "./fineTune.ts";
export { chooseStrategy, type FineTuneStrategy, type StrategyAdvice, type StrategyFacts } from "./strategy.ts";
export type { FitState } from "./fitState.ts";
export { History } from "./history.ts";
export { lrFind, type LrFindOptions, type LrFindResult } from "./lrFind.ts";
export type { LrPoint, LrSuggestions } from "./lrSuggestions.ts";
export { availableBytes, estimateMemory, type MemoryEstimate } from "./memory.ts";
export * from "./metrics/index.ts";
export { NonFiniteError } from "./nonFinite.ts";
export type { LossArgument, LossFunction, LossName, MetricArgument, MetricFunction, Outputs } from "./objective.ts";
export type { OptimizerArgument, OptimizerName } from "./optimizers.ts";
export { bestEpoch, type EpochMetrics, type HistoryLine, type StretchMetrics } from "./runLines.ts";
export type { Snapshot } from "./snapshot.ts";
export type { Loader, RawBatch, TrainData } from "./source.ts";
export { Trainer, type EvaluateOptions, type FitOptions, type Progress, type TrainerOptions } from "./trainer.ts";
