import "../tensor.ts"; // filters are computed with tensor methods

export { BagOfVisualWords, type BagOfVisualWordsOptions } from "./bagOfWords.ts";
export { accuracyScore, type Classifier, type MarginClassifier } from "./classifier.ts";
export { detectEdges, edgeKernel, edgeMagnitude, scharr, sobel, type EdgeFilter, type EdgeOptions } from "./edges.ts";
export {
  gaborBank,
  gaborFeatures,
  gaborKernel,
  type GaborBankOptions,
  type GaborKernel,
  type GaborOptions,
} from "./gabor.ts";
export { hog, hogBlocks, type HogBlocks, type HogOptions } from "./hog.ts";
export type { Images } from "./images.ts";
export { KMeans, type KMeansOptions } from "./kmeans.ts";
export { lbpHistograms, localBinaryPatterns, type LbpOptions } from "./lbp.ts";
export { LinearSVC, type LinearSVCOptions, type SvmObjective } from "./linearSvc.ts";
export { LogisticRegression, type LogisticRegressionOptions } from "./logisticRegression.ts";
export type { Matrix, Rows } from "./matrix.ts";
export { OneVsOneClassifier, OneVsRestClassifier } from "./multiclass.ts";
export { KNeighborsClassifier, type KNeighborsClassifierOptions } from "./neighbors.ts";
export { PCA, type PCAOptions } from "./pca.ts";
export { StandardScaler, type StandardScalerOptions, type Transformer } from "./scaler.ts";
export { SVC, type PairMachine, type SVCOptions } from "./svc.ts";
