/** Everything of `fovea/train` in Node: also what writes files. */
export * from "./index.ts";
export { Checkpoint, type CheckpointOptions } from "./callbacks/checkpoint.ts";
