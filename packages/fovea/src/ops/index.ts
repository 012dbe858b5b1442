/** Every primitive op by name: what engines must have a kernel for, and what the generic suites walk. */
import { alongAxisOps } from "./alongAxis.ts";
import { assignOp } from "./assign.ts";
import { avgPool2dOps } from "./avgPool2d.ts";
import { batchNormOps } from "./batchNorm.ts";
import { binaryOps } from "./binary.ts";
import { castOp } from "./cast.ts";
import { compareOps } from "./compare.ts";
import { conv2dOp } from "./conv2d.ts";
import { conv2dInputGradOp } from "./conv2dInputGrad.ts";
import { conv2dWeightGradOp } from "./conv2dWeightGrad.ts";
import { crossEntropyOps } from "./crossEntropy.ts";
import { cumsumOp } from "./cumsum.ts";
import { dropoutOp } from "./dropout.ts";
import { fusedConv2dOp } from "./fusedConv2d.ts";
import { fusedMatmulOp } from "./fusedMatmul.ts";
import { gatherOps } from "./gather.ts";
import { matmulOp } from "./matmul.ts";
import { maxPool2dOps } from "./maxPool2d.ts";
import { movementOps } from "./movement.ts";
import { reduceOps } from "./reduce.ts";
import { reluGradOp } from "./reluGrad.ts";
import { scatterOp } from "./scatter.ts";
import { clampOp, whereOp } from "./select.ts";
import { softmaxOps } from "./softmax.ts";
import { argsortOp } from "./sort.ts";
import { unaryOps } from "./unary.ts";

export const ops = {
  ...unaryOps,
  ...binaryOps,
  ...compareOps,
  ...reduceOps,
  ...movementOps,
  ...gatherOps,
  ...softmaxOps,
  ...crossEntropyOps,
  ...alongAxisOps,
  ...avgPool2dOps,
  ...batchNormOps,
  ...maxPool2dOps,
  argsort: argsortOp,
  assign: assignOp,
  cast: castOp,
  clamp: clampOp,
  conv2d: conv2dOp,
  conv2dInputGrad: conv2dInputGradOp,
  conv2dWeightGrad: conv2dWeightGradOp,
  cumsum: cumsumOp,
  dropout: dropoutOp,
  fusedConv2d: fusedConv2dOp,
  fusedMatmul: fusedMatmulOp,
  matmul: matmulOp,
  reluGrad: reluGradOp,
  scatter: scatterOp,
  where: whereOp,
} as const;

export type OpName = keyof typeof ops;
