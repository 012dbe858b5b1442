/** Everything of `fovea/train` in Node: also what writes files. */
export * from "./index.ts";
export { Checkpoint, type CheckpointOptions } from "./callbacks/checkpoint.ts";
export { CSVLogger, type CSVLoggerOptions } from "./callbacks/csvLogger.ts";
export { TensorBoard, type TensorBoardOptions } from "./callbacks/tensorBoard.ts";
export { EventFile, type EventImage } from "./eventFile.ts";
