import type { Graph } from "../graph.ts";
import { chains } from "./chains.ts";
import { deadCode } from "./deadCode.ts";
import { inversePermutes } from "./inversePermutes.ts";
import { microBatch } from "./microBatch.ts";

/** The passes in the order they run. */
export const passes: readonly ((graph: Graph) => Graph)[] = [inversePermutes, deadCode, microBatch, chains];
