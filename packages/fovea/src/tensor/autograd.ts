import { FoveaError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { afterRecording, isRecording, withGrad } from "./apply.ts";
import { ones } from "./create.ts";
import { endStep, runScope } from "./memory.ts";
import { Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

export interface BackwardOptions {
  /** Gradient of the result; by default 1, and then the tensor must have one element. */
  gradient?: Tensor;
  /** Keep the graph for another backward pass over it. */
  retainGraph?: boolean;
  /** Note the gradient computation itself, for gradients of gradients. Implies `retainGraph`. */
  createGraph?: boolean;
}

/** Adds d(loss)/d(leaf) to `grad` of every leaf that requires it, then lets go of the graph. */
export function backward(loss: Tensor, options: BackwardOptions = {}): void {
  const leaves = new Set<Tensor>();
  visit(loss, (t) => {
    if (t.node === null && t.requiresGrad) leaves.add(t);
  });
  const targets = [...leaves];
  const grads = differentiate(loss, targets, options, (leaf, g) => (leaf.grad === null ? g : leaf.grad.add(g)));
  targets.forEach((leaf, i) => {
    const g = grads[i];
    if (!g) return;
    leaf.grad = g;
    afterRecording(() => (leaf.grad = null)); // a recorded gradient has no values
  });
  finish(loss, options);
}

/** Gradients of `loss` with respect to `inputs`; zeros where there is no path is left as null. */
export function grad(loss: Tensor, inputs: readonly Tensor[], options: BackwardOptions = {}): (Tensor | null)[] {
  const grads = differentiate(loss, inputs, options, (_, g) => g);
  finish(loss, options);
  return grads;
}

/** Forgets a leaf's gradient. */
export function zeroGrad(leaves: Iterable<Tensor>): void {
  for (const leaf of leaves) leaf.grad = null;
}

function finish(loss: Tensor, options: BackwardOptions): void {
  if (options.retainGraph || options.createGraph) return;
  visit(loss, () => {}, true);
  if (!isRecording()) endStep();
}

function differentiate(
  loss: Tensor,
  targets: readonly Tensor[],
  options: BackwardOptions,
  finalize: (leaf: Tensor, g: Tensor) => Tensor,
): (Tensor | null)[] {
  if (!loss.requiresGrad) {
    throw new FoveaError(
      "backward: no tensor that led to this one requires a gradient (or it was computed under noGrad)",
    );
  }
  if (!options.gradient && loss.size !== 1) {
    throw new FoveaError(
      `backward: the tensor has shape ${showShape(loss.shape)}; reduce it to one element (x.mean()) or pass { gradient }`,
    );
  }
  const createGraph = options.createGraph ?? false;
  const run = () =>
    withGrad(createGraph, () => {
      const total = propagate(loss, options.gradient ?? ones(loss.shape), new Set(targets));
      return targets.map((t) => {
        const g = total.get(t);
        return g === undefined ? null : finalize(t, g);
      });
    });
  if (createGraph || isRecording()) return run();
  return runScope(run, (grads) => grads.flatMap((g) => (g?.source instanceof Storage ? [g.source] : [])));
}

/** Walks the graph from the result to the leaves in reverse order of creation. Shared gradients are summed. */
function propagate(loss: Tensor, gradient: Tensor, targets: ReadonlySet<Tensor>): Map<Tensor, Tensor> {
  const nodes: Tensor[] = [];
  visit(loss, (t) => {
    if (t.node !== null) nodes.push(t);
  });
  nodes.sort((a, b) => b.node!.order - a.node!.order);

  const total = new Map<Tensor, Tensor>([[loss, gradient]]);
  for (const y of nodes) {
    const g = total.get(y);
    if (g === undefined) continue;
    const { op, attrs, inputs } = y.node!;
    const gradients = op.vjp!(inputs!, attrs, y, g);
    inputs!.forEach((x, i) => {
      const make = gradients[i];
      if (!x?.requiresGrad || !make) return;
      const dx = make();
      const before = total.get(x);
      total.set(x, before === undefined ? dx : before.add(dx));
    });
    if (!targets.has(y)) total.delete(y);
  }
  return total;
}

/** Visits every tensor that the gradient of `root` can reach, once; `consume` cuts the links behind it. */
function visit(root: Tensor, see: (t: Tensor) => void, consume = false): void {
  const seen = new Set<Tensor>([root]);
  const stack = [root];
  while (stack.length > 0) {
    const t = stack.pop()!;
    see(t);
    if (t.node === null) continue;
    if (t.node.inputs === null) {
      throw new FoveaError(
        "backward: this graph was already consumed by an earlier backward(); pass { retainGraph: true } there",
      );
    }
    for (const x of t.node.inputs) {
      if (x?.requiresGrad && !seen.has(x)) {
        seen.add(x);
        stack.push(x);
      }
    }
    if (consume) t.node.inputs = null;
  }
}
