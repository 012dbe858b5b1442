import "../tensor.ts"; // filters are computed with tensor methods

export { accuracyScore, type Classifier, type MarginClassifier } from "./classifier.ts";
export { LinearSVC, type LinearSVCOptions, type SvmObjective } from "./linearSvc.ts";
export type { Matrix, Rows } from "./matrix.ts";
