import { byteSize } from "../base/dtype.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import type { TensorSpec } from "../backend/contract.ts";
import type { Graph } from "../graph/graph.ts";
import { receptiveFields, type ReceptiveField } from "../graph/receptiveField.ts";
import { GraphRecorder } from "../graph/recorder.ts";
import { noGrad, withRecorder } from "../tensor/apply.ts";
import { innermostLayer, type LayerFrame } from "../tensor/context.ts";
import { Tensor } from "../tensor/tensor.ts";
import { observeForward, type AnyModule } from "./module.ts";
import { Buffer, Parameter } from "./parameter.ts";

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
  const modules = [...model.namedModules()];
  const { graph, owners, outputs } = trace(model, modules, input);
  const fields = receptiveFields(graph);
  const own = new Map<LayerFrame, number>();
  graph.nodes.forEach(({ op, inputs, attrs, output }, i) => {
    const specs = inputs.map((id): TensorSpec | undefined => graph.values[id]);
    const macs = op.macs(specs, attrs, graph.values[output]!);
    const owner = owners[i] ?? null;
    if (macs > 0 && owner !== null) own.set(owner, (own.get(owner) ?? 0) + macs);
  });

  const seen = new Set<Tensor>();
  const counted = modules.map(([path, module]) => {
    const state = ownState(module);
    const fresh = state.filter((tensor) => !seen.has(tensor));
    for (const tensor of fresh) seen.add(tensor);
    const parameters = fresh.filter((tensor) => tensor instanceof Parameter);
    const trained = parameters.filter((tensor) => tensor.requiresGrad);
    return {
      path,
      module,
      state,
      fresh,
      parameters: count(parameters),
      trainable: count(trained),
      macs: own.get(module) ?? 0,
    };
  });
  const totals = counted.map(({ parameters, trainable, macs }) => ({ parameters, trainable, macs }));
  // Inner modules follow their outer one, so sums run from the end.
  const parents = parentsOf(counted.map(({ path }) => path));
  for (let i = totals.length - 1; i > 0; i--) {
    const parent = totals[parents[i]!]!;
    parent.parameters += totals[i]!.parameters;
    parent.trainable += totals[i]!.trainable;
    parent.macs += totals[i]!.macs;
  }
  const outer = new Set(parents.slice(1));
  const rows = counted.map(({ path, module }, i): SummaryRow => {
    const id = outputs.get(module);
    return {
      path,
      layer: outer.has(i) ? module.constructor.name : module.describe(),
      outputShape: id === undefined ? null : graph.values[id]!.shape,
      ...totals[i]!,
      receptiveField: id === undefined ? null : fields[id]!,
    };
  });
  const [root] = totals as [(typeof totals)[number]];
  const buffers = counted.flatMap(({ fresh }) => fresh.filter((tensor) => tensor instanceof Buffer));
  const running = new Set(counted.flatMap(({ module, state }) => ("runningMean" in module ? state : [])));
  const statistics = buffers.filter((tensor) => tensor.rank > 0 && running.has(tensor));
  return {
    input,
    rows,
    parameters: root.parameters,
    trainable: root.trainable,
    statistics: count(statistics),
    macs: root.macs,
    flops: 2 * root.macs,
    depth: depthOf(counted),
    memory: { weights: 4 * (root.parameters + count(buffers)), ...activationBytes(graph) },
  };
}

/** Runs the network on symbols: the graph, the layer of each node, the value that each module gives. */
export function trace(model: AnyModule, modules: readonly (readonly [string, AnyModule])[], input: Shape) {
  const recorder = new LayerRecorder();
  const outputs = new Map<AnyModule, number>();
  const modes = modules.map(([, module]) => [module, module.training] as const);
  for (const [module] of modes) module.training = false;
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
    for (const [module, training] of modes) module.training = training;
  }
}

/** Parameters and buffers that are a module's own. */
function ownState(module: AnyModule): (Parameter | Buffer)[] {
  const found: (Parameter | Buffer)[] = [];
  const collect = (value: unknown) => {
    if (value instanceof Parameter || value instanceof Buffer) found.push(value);
    else if (Array.isArray(value)) value.forEach(collect);
  };
  for (const value of Object.values(module)) if (typeof value === "object") collect(value);
  return found;
}

const count = (tensors: readonly Tensor[]): number => tensors.reduce((n, { size }) => n + size, 0);

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
function depthOf(counted: readonly { module: AnyModule; state: readonly Tensor[] }[]): number {
  const separable = counted.filter(({ module }) => module.constructor.name.startsWith("SeparableConv"));
  const withParameters = counted.filter(({ state }) => state.some((t) => t instanceof Parameter)).length;
  return withParameters - separable.length;
}

/** Bytes of all results, and the most that are wanted at one time. */
function activationBytes({ nodes, values, outputs, inputs }: Graph): { activations: number; peak: number } {
  const bytes = (id: number) => sizeOf(values[id]!.shape) * byteSize[values[id]!.dtype];
  /** The last node that reads each value. */
  const last = values.map(() => -1);
  nodes.forEach((node, i) => node.inputs.forEach((id) => id >= 0 && (last[id] = i)));
  for (const id of outputs) last[id] = nodes.length;
  const live = new Set(inputs);
  let now = inputs.reduce((n, id) => n + bytes(id), 0);
  let peak = now;
  let activations = 0;
  nodes.forEach((node, i) => {
    activations += bytes(node.output);
    now += bytes(node.output);
    live.add(node.output);
    peak = Math.max(peak, now);
    for (const id of [...node.inputs, node.output]) {
      if (!live.has(id) || last[id]! > i) continue;
      live.delete(id);
      now -= bytes(id);
    }
  });
  return { activations, peak };
}
