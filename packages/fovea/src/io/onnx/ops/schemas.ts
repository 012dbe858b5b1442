import type { AttributeValue } from "../graph.ts";
import type { OnnxOperator } from "./index.ts";

/** How a node of an operator must look. */
export interface Schema {
  readonly inputs: readonly [least: number, most: number];
  readonly outputs: readonly [least: number, most: number];
  readonly attributes: ReadonlyMap<string, AttributeValue["kind"]>;
}

const pool = "auto_pad:s ceil_mode:i dilations:is kernel_shape:is pads:is strides:is";
const reduce = "1-2 1 axes:is keepdims:i noop_with_empty_axes:i";
const arg = "1 1 axis:i keepdims:i select_last_index:i";
const legacyBroadcast = "axis:i broadcast:i";
const binary = `2 1 ${legacyBroadcast}`;
const many = "1-* 1";
const unary = "1 1";

/**
 * Inputs, outputs and attributes of every operator, over all opsets (https://onnx.ai/onnx/operators): least and most
 * inputs, outputs, then attributes with their kinds (i, f, s, is, fs, t = tensor, g = graph).
 */
const table = {
  Abs: unary,
  Add: binary,
  And: binary,
  ArgMax: arg,
  ArgMin: arg,
  AveragePool: `1 1 ${pool} count_include_pad:i`,
  BatchNormalization: "5 1-5 epsilon:f momentum:f training_mode:i spatial:i is_test:i",
  Cast: "1 1 to:i saturate:i round_mode:s",
  CastLike: "2 1 saturate:i round_mode:s",
  Ceil: unary,
  Celu: "1 1 alpha:f",
  Clip: "1-3 1 min:f max:f",
  Concat: `${many} axis:i`,
  Constant: "0 1 value:t value_float:f value_floats:fs value_int:i value_ints:is value_string:s value_strings:ss",
  ConstantOfShape: "1 1 value:t",
  Conv: "2-3 1 auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is",
  ConvTranspose:
    "2-3 1 auto_pad:s dilations:is group:i kernel_shape:is output_padding:is output_shape:is pads:is strides:is",
  Cos: unary,
  Cosh: unary,
  CumSum: "2 1 exclusive:i reverse:i",
  DepthToSpace: "1 1 blocksize:i mode:s",
  Div: binary,
  Dropout: "1-3 1-2 ratio:f seed:i is_test:i",
  Elu: "1 1 alpha:f",
  Equal: binary,
  Erf: unary,
  Exp: unary,
  Expand: "2 1",
  EyeLike: "1 1 dtype:i k:i",
  Flatten: "1 1 axis:i",
  Floor: unary,
  Gather: "2 1 axis:i",
  GatherElements: "2 1 axis:i",
  GatherND: "2 1 batch_dims:i",
  Gelu: "1 1 approximate:s",
  Gemm: "2-3 1 alpha:f beta:f transA:i transB:i broadcast:i",
  GlobalAveragePool: unary,
  GlobalLpPool: "1 1 p:i",
  GlobalMaxPool: unary,
  Greater: binary,
  GreaterOrEqual: binary,
  GridSample: "2 1 align_corners:i mode:s padding_mode:s",
  GroupNormalization: "3 1 epsilon:f num_groups:i stash_type:i",
  HardSigmoid: "1 1 alpha:f beta:f",
  HardSwish: unary,
  Hardmax: "1 1 axis:i",
  Identity: unary,
  If: "1 1-* then_branch:g else_branch:g",
  InstanceNormalization: "3 1 epsilon:f",
  IsInf: "1 1 detect_negative:i detect_positive:i",
  IsNaN: unary,
  LRN: "1 1 alpha:f beta:f bias:f size:i",
  LayerNormalization: "2-3 1-3 axis:i epsilon:f stash_type:i",
  LeakyRelu: "1 1 alpha:f",
  Less: binary,
  LessOrEqual: binary,
  Log: unary,
  LogSoftmax: "1 1 axis:i",
  LpNormalization: "1 1 axis:i p:i",
  LpPool: `1 1 ${pool} p:i`,
  MatMul: "2 1",
  Max: many,
  MaxPool: `1 1-2 ${pool} storage_order:i`,
  MaxUnpool: "2-3 1 kernel_shape:is pads:is strides:is",
  Mean: many,
  MeanVarianceNormalization: "1 1 axes:is",
  Min: many,
  Mish: unary,
  Mod: "2 1 fmod:i",
  Mul: binary,
  Neg: unary,
  NegativeLogLikelihoodLoss: "2-3 1 ignore_index:i reduction:s",
  NonMaxSuppression: "2-5 1 center_point_box:i",
  Not: unary,
  OneHot: "3 1 axis:i",
  Or: binary,
  PRelu: "2 1",
  Pad: "1-4 1 mode:s pads:is paddings:is value:f",
  Pow: binary,
  Range: "3 1",
  Reciprocal: unary,
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  Relu: unary,
  Reshape: "1-2 1 allowzero:i shape:is",
  Resize:
    "1-4 1 antialias:i axes:is coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f " +
    "keep_aspect_ratio_policy:s mode:s nearest_mode:s",
  RoiAlign:
    "3 1 coordinate_transformation_mode:s mode:s output_height:i output_width:i sampling_ratio:i spatial_scale:f",
  Round: unary,
  Scatter: "3 1 axis:i",
  ScatterElements: "3 1 axis:i reduction:s",
  ScatterND: "3 1 reduction:s",
  Selu: "1 1 alpha:f gamma:f",
  Shape: "1 1 start:i end:i",
  Shrink: "1 1 bias:f lambd:f",
  Sigmoid: unary,
  Sign: unary,
  Sin: unary,
  Sinh: unary,
  Size: unary,
  Slice: "1-5 1 axes:is ends:is starts:is",
  Softmax: "1 1 axis:i",
  SoftmaxCrossEntropyLoss: "2-3 1-2 ignore_index:i reduction:s",
  Softplus: unary,
  Softsign: unary,
  SpaceToDepth: "1 1 blocksize:i mode:s",
  Split: "1-2 1-* axis:i num_outputs:i split:is",
  Sqrt: unary,
  Squeeze: "1-2 1 axes:is",
  Sub: binary,
  Sum: many,
  Swish: "1 1 alpha:f",
  Tan: unary,
  Tanh: unary,
  ThresholdedRelu: "1 1 alpha:f",
  Tile: "2 1",
  TopK: "1-2 1-2 axis:i k:i largest:i sorted:i",
  Transpose: "1 1 perm:is",
  Trilu: "1-2 1 upper:i",
  Unsqueeze: "1-2 1 axes:is",
  Upsample: "1-2 1 mode:s scales:fs",
  Where: "3 1",
  Xor: binary,
} as const satisfies Record<OnnxOperator, string>;

const kinds: Readonly<Record<string, AttributeValue["kind"]>> = {
  i: "int",
  f: "float",
  s: "string",
  is: "ints",
  fs: "floats",
  ss: "strings",
  t: "tensor",
  g: "graph",
};

/** The schema of an operator, or undefined when it is not supported. */
export function schemaOf(op: string): Schema | undefined {
  if (!Object.hasOwn(table, op)) return undefined;
  const [inputs, outputs, ...attributes] = table[op as OnnxOperator].split(" ");
  return {
    inputs: range(inputs!),
    outputs: range(outputs!),
    attributes: new Map(
      attributes.map((a) => a.split(":") as [string, string]).map(([name, kind]) => [name, kinds[kind]!]),
    ),
  };
}

function range(text: string): readonly [number, number] {
  const [least, most = least] = text.split("-");
  return [Number(least), most === "*" ? Infinity : Number(most)];
}
