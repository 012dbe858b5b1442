// Ours, from this very tree (by name it would be whatever is installed), as Node runs it.
export * from "../packages/fovea/dist/node/index.js";
export * as io from "../packages/fovea/dist/node/io.js";
