import { ShapeError } from "../base/errors.ts";

/** The stack of layers whose `forward` is running, so that errors can name the layer. */
export interface LayerFrame {
  /** Class name and options: `Conv2d(1, 6, kernelSize=5)`. */
  describe(): string;
  /** Where `child` hangs below this layer: `features.0`; null when it does not. */
  pathOf(child: LayerFrame): string | null;
}

const stack: LayerFrame[] = [];
/** Errors that name their layer already: they pass the outer layers unchanged. */
const named = new WeakSet<ShapeError>();

/** Runs `fn` as part of a layer's forward. A ShapeError from it begins with the layer's name. */
export function inLayer<T>(layer: LayerFrame, fn: () => T): T {
  stack.push(layer);
  try {
    return fn();
  } catch (error) {
    if (!(error instanceof ShapeError) || named.has(error)) throw error;
    const withLayer = new ShapeError(`${describeLayer()}: ${error.message}`, { cause: error });
    named.add(withLayer);
    throw withLayer;
  } finally {
    stack.pop();
  }
}

/** The innermost running layer, or null outside any. */
export function innermostLayer(): LayerFrame | null {
  return stack.at(-1) ?? null;
}

/** The innermost running layer by path and class, or null outside any. */
export function describeLayer(): string | null {
  const layer = stack.at(-1);
  if (layer === undefined) return null;
  const path = stack[0]!.pathOf(layer);
  return path ? `layer ${path} (${layer.describe()})` : layer.describe();
}
