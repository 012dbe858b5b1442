import type { TensorSpec } from "../backend/contract.ts";
import type { Shape } from "../base/shape.ts";
import { withRecorder } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Graph } from "./graph.ts";
import { GraphRecorder } from "./recorder.ts";

/** Records `fn` for inputs of given shapes (float32 unless a spec says otherwise). Nothing is computed. */
export function recordShapes(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly (Shape | TensorSpec)[]): Graph {
  const recorder = new GraphRecorder();
  const specs = inputs.map((x): TensorSpec => ("dtype" in x ? x : { shape: x, dtype: "float32" }));
  const y = withRecorder(recorder, () => fn(...specs.map((spec) => recorder.input(spec))));
  return recorder.finish([y]);
}

/**
 * Multiply–accumulates of a function for inputs of given shapes: `countMacs((x) => model.forward(x), [1, 3, 224, 224])`.
 * Additions of biases, activations and pooling are not counted, as is usual.
 */
export function countMacs(fn: (...inputs: Tensor[]) => Tensor, ...inputs: readonly (Shape | TensorSpec)[]): number {
  const { nodes, values } = recordShapes(fn, inputs);
  let total = 0;
  for (const { op, inputs: ids, attrs, output } of nodes) {
    const specs = ids.map((id) => (id < 0 ? undefined : values[id]!));
    total += op.macs(specs, attrs, values[output]!);
  }
  return total;
}
