import type { Graph } from "../graph.ts";
import { batchNormFolding } from "./batchNormFolding.ts";
import { chains } from "./chains.ts";
import { commonSubexpressions } from "./commonSubexpressions.ts";
import { constantFolding } from "./constantFolding.ts";
import { deadCode } from "./deadCode.ts";
import { epilogueFusion } from "./epilogueFusion.ts";
import { inversePermutes } from "./inversePermutes.ts";
import { microBatch } from "./microBatch.ts";
import { reluGradFusion } from "./reluGradFusion.ts";

/** The passes in the order they run. */
export const passes: readonly ((graph: Graph) => Graph)[] = [
  inversePermutes,
  constantFolding,
  commonSubexpressions,
  deadCode, // before those that ask who reads a value
  batchNormFolding,
  epilogueFusion,
  reluGradFusion,
  deadCode,
  microBatch,
  chains,
];
