import { byteSize } from "../base/dtype.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import type { TensorSpec } from "../backend/contract.ts";
import type { Graph } from "../graph/graph.ts";
import { receptiveFields, type ReceptiveField } from "../graph/receptiveField.ts";
import { GraphRecorder } from "../graph/recorder.ts";
import { noGrad, withRecorder } from "../tensor/apply.ts";
import { innermostLayer, type LayerFrame } from "../tensor/context.ts";
import { Tensor } from "../tensor/tensor.ts";
import { observeForward, rememberModes, walk, type AnyModule, type ModulePlace } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** A module of a network. */
export interface SummaryRow {
  /** Where it hangs: `features.0`; "" is the network itself. */
  readonly path: string;
  /** Class and options. */
  readonly layer: string;
  /** Shape of what it gives; null where it was not run, or gives no single tensor. */
  readonly outputShape: Shape | null;
  /** Of the module and all inside it; shared ones count where they are first. */
  readonly parameters: number;
  /** Those that training changes. */
  readonly trainable: number;
  /** Multiply–accumulates of the module and all inside it. */
  readonly macs: number;
  /** What a unit of its output sees of the image; null where that is everything, or differs between units. */
  readonly receptiveField: ReceptiveField | null;
}

/** What a network is, and what it costs. */
export interface Summary {
  readonly input: Shape;
  /** Every module, outer before inner. */
  readonly rows: readonly SummaryRow[];
  readonly parameters: number;
  readonly trainable: number;
  /** Running means and variances, which Keras counts among the parameters. */
  readonly statistics: number;
  /** Multiply–accumulates of convolutions and linear layers. */
  readonly macs: number;
  /** Two for every multiply–accumulate. */
  readonly flops: number;
  /** Layers with parameters, a separable convolution as one: Keras' depth. */
  readonly depth: number;
  readonly memory: {
    /** Bytes of parameters and buffers. */
    readonly weights: number;
    /** Bytes of all results of ops: what a training step keeps for its gradients, at most. */
    readonly activations: number;
    /** The most bytes of results that are wanted at one time, when ops run one by one. */
    readonly peak: number;
  };
}

/** Writes down which layer each op belongs to. */
class LayerRecorder extends GraphRecorder {
  readonly owners: (LayerFrame | null)[] = [];

  override record(...args: Parameters<GraphRecorder["record"]>): ReturnType<GraphRecorder["record"]> {
    this.owners.push(innermostLayer());
    return super.record(...args);
  }
}

/**
 * Shapes, parameters, work, receptive fields and memory of a network in inference, for an input of this shape. Nothing is
 * computed, and no weight takes memory: `skipInit` and this show the largest network in a moment.
 *
 * @example
 * nn.summarize(models.create("resnet50.torchvision"), [1, 3, 224, 224]).macs // 4_089_184_256
 */
export function summarize(model: AnyModule, input: Shape): Summary {
  const modules = walk(model);
  const { graph, owners, outputs } = trace(model, input, modules);
  const fieldOf = receptiveFields(graph);
  const macs = macsOf(graph, owners);

  const seen = new Set<Tensor>();
  const totals: { parameters: number; trainable: number; macs: number }[] = [];
  let [statistics, buffers] = [0, 0];
  for (const { module, own } of modules) {
    const total = { parameters: 0, trainable: 0, macs: macs.get(module) ?? 0 };
    for (const [, tensor] of own) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      if (tensor instanceof Parameter) {
        total.parameters += tensor.size;
        if (tensor.requiresGrad) total.trainable += tensor.size;
      } else {
        buffers += tensor.size;
        if (tensor.rank > 0 && "runningMean" in module) statistics += tensor.size;
      }
    }
    totals.push(total);
  }
  // Inner modules follow their outer one, so sums run from the end.
  const parents = parentsOf(modules.map(({ path }) => path));
  for (let i = totals.length - 1; i > 0; i--) {
    const parent = totals[parents[i]!]!;
    parent.parameters += totals[i]!.parameters;
    parent.trainable += totals[i]!.trainable;
    parent.macs += totals[i]!.macs;
  }
  const outer = new Set(parents.slice(1));
  const rows = modules.map(({ path, module }, i): SummaryRow => {
    const id = outputs.get(module);
    const { parameters, trainable, macs: work } = totals[i]!;
    return {
      path,
      layer: outer.has(i) ? module.constructor.name : module.describe(),
      outputShape: id === undefined ? null : graph.values[id]!.shape,
      parameters,
      trainable,
      macs: work,
      receptiveField: id === undefined ? null : fieldOf(id),
    };
  });
  const [{ parameters, trainable, macs: work }] = totals as [(typeof totals)[number]];
  return {
    input,
    rows,
    parameters,
    trainable,
    statistics,
    macs: work,
    flops: 2 * work,
    depth: depthOf(modules),
    memory: { weights: 4 * (parameters + buffers), ...activationBytes(graph) },
  };
}

/** Multiply–accumulates of the ops that a module runs itself. */
function macsOf({ nodes, values }: Graph, owners: readonly (LayerFrame | null)[]): Map<LayerFrame, number> {
  const own = new Map<LayerFrame, number>();
  nodes.forEach(({ op, inputs, attrs, output }, i) => {
    const specs = inputs.map((id): TensorSpec | undefined => values[id]);
    const macs = op.macs(specs, attrs, values[output]!);
    const owner = owners[i] ?? null;
    if (macs > 0 && owner !== null) own.set(owner, (own.get(owner) ?? 0) + macs);
  });
  return own;
}

/** Runs the network on symbols: the graph, the layer of each node, the value that each module gives. */
export function trace(model: AnyModule, input: Shape, modules = walk(model)) {
  const recorder = new LayerRecorder();
  const outputs = new Map<AnyModule, number>();
  const restore = rememberModes(modules);
  for (const { module } of modules) module.training = false;
  try {
    const graph = withRecorder(recorder, () =>
      noGrad(() => {
        const x = recorder.input({ shape: input, dtype: "float32" });
        const note = (module: AnyModule, y: unknown) => {
          if (y instanceof Tensor && !outputs.has(module)) outputs.set(module, recorder.idOf(y));
        };
        const y = observeForward(note, () => model.forward(...([x] as unknown as never)));
        return recorder.finish(y instanceof Tensor ? [y] : []);
      }),
    );
    return { graph, owners: recorder.owners, outputs };
  } finally {
    restore();
  }
}

/** Of each path the position of the nearest one around it; the first is "" and around all. */
function parentsOf(paths: readonly string[]): number[] {
  const positions = new Map(paths.map((path, i) => [path, i]));
  return paths.map((path) => {
    for (let at = path.lastIndexOf("."); at > 0; at = path.lastIndexOf(".", at - 1)) {
      const parent = positions.get(path.slice(0, at));
      if (parent !== undefined) return parent;
    }
    return 0;
  });
}

/** Layers with parameters; the two convolutions of a separable one are one layer. */
function depthOf(modules: readonly ModulePlace[]): number {
  const separable = modules.filter(({ module }) => module.constructor.name.startsWith("SeparableConv"));
  const withParameters = modules.filter(({ own }) => own.some(([, tensor]) => tensor instanceof Parameter));
  return withParameters.length - separable.length;
}

/** Bytes of all results, and the most that are wanted at one time. */
function activationBytes({ nodes, values, outputs, inputs }: Graph): { activations: number; peak: number } {
  const sizes = values.map(({ shape, dtype }) => sizeOf(shape) * byteSize[dtype]);
  /** The last node that reads each value. */
  const last = values.map(() => -1);
  nodes.forEach(({ inputs }, i) => {
    for (const id of inputs) if (id >= 0) last[id] = i;
  });
  for (const id of outputs) last[id] = nodes.length;
  const live = new Set(inputs);
  let now = inputs.reduce((n, id) => n + sizes[id]!, 0);
  let peak = now;
  let activations = 0;
  nodes.forEach((node, i) => {
    activations += sizes[node.output]!;
    now += sizes[node.output]!;
    live.add(node.output);
    peak = Math.max(peak, now);
    for (const id of [...node.inputs, node.output]) {
      if (last[id]! > i || !live.delete(id)) continue;
      now -= sizes[id]!;
    }
  });
  return { activations, peak };
}
