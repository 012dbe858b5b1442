/** Inputs that describe shapes, axes, sizes or bounds: they are read on the host and are no weights. */
export const hostInputs: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  ConstantOfShape: [0],
  CumSum: [1],
  Dropout: [1, 2],
  Expand: [1],
  MaxUnpool: [2],
  NonMaxSuppression: [2, 3, 4],
  OneHot: [1],
  Pad: [1, 2, 3],
  Range: [0, 1, 2],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceLogSumExp: [1],
  ReduceMax: [1],
  ReduceMean: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSum: [1],
  ReduceSumSquare: [1],
  Reshape: [1],
  Resize: [1, 2, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Squeeze: [1],
  Tile: [1],
  TopK: [1],
  Unsqueeze: [1],
  Upsample: [1],
};

/** Inputs that are running statistics: state, but not trained. */
export const statistics: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
};
