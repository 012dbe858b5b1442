// Ours, from this very tree (by name it would be whatever is installed).
export * from "../packages/fovea/dist/index.js";
export * as io from "../packages/fovea/dist/io/node.js";
