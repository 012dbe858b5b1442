export { ImageDataset } from "./dataset.ts";
export { fashionMnist, idxDataset, mnist } from "./datasets/mnist.ts";
export { strokes, strokesImage } from "./datasets/strokes.ts";
export { parseIdx } from "./idx.ts";
export { DataLoader } from "./loader.ts";
