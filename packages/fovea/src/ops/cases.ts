import type { OpCases } from "../testing/cases.ts";
import { alongAxisCases } from "./alongAxis.cases.ts";
import { assignCases } from "./assign.cases.ts";
import { avgPool2dCases } from "./avgPool2d.cases.ts";
import { batchNormCases } from "./batchNorm.cases.ts";
import { binaryCases } from "./binary.cases.ts";
import { compareCases } from "./compare.cases.ts";
import { convCases } from "./conv2d.cases.ts";
import { crossEntropyCases } from "./crossEntropy.cases.ts";
import { cumsumCases } from "./cumsum.cases.ts";
import { dropoutCases } from "./dropout.cases.ts";
import { fusedConv2dCases } from "./fusedConv2d.cases.ts";
import { fusedMatmulCases } from "./fusedMatmul.cases.ts";
import { gatherCases } from "./gather.cases.ts";
import type { OpName } from "./index.ts";
import { matmulCases } from "./matmul.cases.ts";
import { maxPool2dCases } from "./maxPool2d.cases.ts";
import { movementCases } from "./movement.cases.ts";
import { reduceCases } from "./reduce.cases.ts";
import { reluGradCases } from "./reluGrad.cases.ts";
import { scatterCases } from "./scatter.cases.ts";
import { selectCases } from "./select.cases.ts";
import { softmaxCases } from "./softmax.cases.ts";
import { argsortCases } from "./sort.cases.ts";
import { unaryCases } from "./unary.cases.ts";

/** The cases of every op. A forgotten op is a compile error. */
export const opCases = {
  ...unaryCases,
  ...binaryCases,
  ...compareCases,
  ...reduceCases,
  ...movementCases,
  ...gatherCases,
  ...softmaxCases,
  ...crossEntropyCases,
  ...selectCases,
  ...dropoutCases,
  ...convCases,
  ...alongAxisCases,
  ...avgPool2dCases,
  ...matmulCases,
  ...batchNormCases,
  ...maxPool2dCases,
  argsort: argsortCases,
  assign: assignCases,
  cumsum: cumsumCases,
  fusedConv2d: fusedConv2dCases,
  fusedMatmul: fusedMatmulCases,
  reluGrad: reluGradCases,
  scatter: scatterCases,
} satisfies Record<OpName, OpCases>;
