import { UsageError } from "../../base/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { AnyModule } from "../module.ts";
import { LayerContainer } from "./container.ts";
import type { KerasShape, Layer, LayerInput } from "./layer.ts";
import type { InputSpec } from "./sequential.ts";

/** One use of a layer. Values are counted: those of the inputs first, then the outputs of the nodes in order. */
export interface FunctionalNode {
  readonly layer: AnyModule;
  /** Which values it takes. */
  readonly inputs: readonly number[];
  /** Whether the layer takes a list of tensors, as `Add` does. */
  readonly takesList: boolean;
  /** Shapes of what it gives: one, unless the layer is a `Functional`. */
  readonly shapes: readonly KerasShape[];
}

/**
 * A graph of layers, Keras' functional model: nodes in an order in which each finds its inputs. A layer may stand in
 * several nodes, which then share its weights. What reads models of Keras and TensorFlow.js makes these.
 *
 * @example
 * const { model } = (await readWeights("model.keras")).architecture!.build();
 * model.forward(images); // or forwardAll([a, b]) where it has several inputs or outputs
 */
export class Functional extends LayerContainer<LayerInput> {
  /** The layers, each once, in the order of their first use. */
  readonly layers: readonly AnyModule[];
  readonly inputs: readonly InputSpec[];
  /** Shapes of the outputs, batch first. */
  readonly outputShapes: readonly KerasShape[];
  readonly #nodes: readonly FunctionalNode[];
  readonly #outputs: readonly number[];

  constructor(graph: {
    readonly inputs: readonly InputSpec[];
    readonly nodes: readonly FunctionalNode[];
    /** Which values are the outputs. */
    readonly outputs: readonly number[];
    readonly name?: string;
  }) {
    super(graph.name === undefined ? {} : { name: graph.name });
    this.inputs = graph.inputs;
    this.#nodes = graph.nodes;
    this.#outputs = graph.outputs;
    this.layers = [...new Set(graph.nodes.map(({ layer }) => layer))];
    const shapes = [...graph.inputs.map(({ shape }) => [shape]), ...graph.nodes.map((node) => node.shapes)].flat();
    this.build(graph.inputs.map(({ shape }) => shape));
    this.outputShapes = graph.outputs.map((i) => shapes[i]!);
  }

  get nodes(): readonly FunctionalNode[] {
    return this.#nodes;
  }

  /** All outputs for all inputs, in the order of the model. */
  forwardAll(inputs: readonly Tensor[]): Tensor[] {
    if (inputs.length !== this.inputs.length) {
      const names = this.inputs.map(({ name }) => name).join(", ");
      throw new UsageError(`${this.name} takes ${this.inputs.length} inputs (${names}), got ${inputs.length}`);
    }
    const values = [...inputs];
    for (const { layer, inputs: from, takesList } of this.#nodes) {
      const xs = from.map((i) => values[i]!);
      if (layer instanceof Functional) values.push(...layer.forwardAll(xs));
      else values.push((layer as unknown as Layer<LayerInput>).forward(takesList ? xs : xs[0]!));
    }
    return this.#outputs.map((i) => values[i]!);
  }

  protected call(x: LayerInput): Tensor {
    const outputs = this.forwardAll(Array.isArray(x) ? (x as Tensor[]) : [x as Tensor]);
    if (outputs.length === 1) return outputs[0]!;
    throw new UsageError(`${this.name} has ${outputs.length} outputs; call forwardAll(inputs), which gives them all`);
  }
}
