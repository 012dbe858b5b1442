import { ShapeError, UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { Shape } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import { GraphRecorder } from "../graph/recorder.ts";
import { noGrad, observeOps, withRecorder } from "../tensor/apply.ts";
import { innermostLayer } from "../tensor/context.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Module, observeForward, rememberModes, walk, type AnyModule } from "./module.ts";
import type { Buffer, Parameter } from "./parameter.ts";

/** A network with an image in, whatever it gives. */
type ImageModule = Module<[x: Tensor], unknown>;

export interface FeaturesOptions {
  /** Shape of an input, to follow the network's forward once; default [1, C, 224, 224], where C is the first layer's. */
  readonly input?: Shape;
}

/** What the wanted layers give, by name. */
export type Features<N extends string> = { readonly [K in N]: Tensor };

/**
 * The part of a network that computes the outputs of some of its layers.
 *
 * Layers are named by their path (`layer3.1`, `features.7`), ops between them as PyTorch's `create_feature_extractor`
 * does: by the layer whose forward runs them and the op, `layer3.1.relu`, and from the second on `layer3.1.relu_1`. Layers
 * that run several times count likewise. `featureNames` lists all.
 *
 * The forward ends with the last wanted layer, and weights that no wanted layer needs are left out of `parameters()`,
 * `stateDict()` and compiled programs.
 */
export class FeatureExtractor<N extends string> extends Module<[x: Tensor], Features<N>> {
  /** The network, which keeps all its weights. */
  readonly model: ImageModule;
  readonly names: readonly N[];
  readonly #needed: ReadonlySet<Tensor>;

  constructor(model: ImageModule, names: readonly N[], options: FeaturesOptions = {}) {
    super();
    if (names.length === 0) throw new UsageError("features: name at least one layer");
    this.model = model;
    this.names = names;
    this.training = model.training;
    this.#needed = needed(model, names, options);
  }

  /** The outputs of the wanted layers: [N, C, H, W] → a tensor for each name. */
  forward(x: Tensor): Features<N> {
    return run(this.model, this.names, x) as Features<N>;
  }

  /** The parameters that the wanted layers need, by the names that they have in the network. */
  override namedParameters(): Map<string, Parameter> {
    return this.#only(this.model.namedParameters());
  }

  override namedBuffers(): Map<string, Buffer> {
    return this.#only(this.model.namedBuffers());
  }

  override stateDict(): Map<string, Tensor> {
    return this.#only(this.model.stateDict());
  }

  #only<T extends Tensor>(named: ReadonlyMap<string, T>): Map<string, T> {
    return new Map([...named].filter(([, tensor]) => this.#needed.has(tensor)));
  }
}

/**
 * The outputs of layers inside a network, by name.
 *
 * @example
 * const middle = features(model, "layer2.3.relu", "layer4");
 * const { "layer2.3.relu": fine, layer4: coarse } = middle.forward(images);
 */
export function features<const N extends string>(
  model: ImageModule,
  ...names: readonly [N, ...N[]] | readonly [...N[], FeaturesOptions]
): FeatureExtractor<N> {
  const last = names.at(-1);
  const options = typeof last === "object" ? last : {};
  return new FeatureExtractor(model, names.filter((name) => typeof name === "string") as N[], options);
}

/** Every name that `features` takes, in the order in which the network computes them. */
export function featureNames(model: ImageModule, options: FeaturesOptions = {}): string[] {
  const names: string[] = [];
  record(model, options, (x) => {
    follow(model, x, (name, output) => {
      if (output instanceof Tensor) names.push(name);
    });
    return [];
  });
  return names;
}

/** Thrown through the network when all wanted outputs are there. */
const DONE = Symbol("done");

/** Runs the network until it has given the wanted outputs. */
function run(model: ImageModule, names: readonly string[], x: Tensor): Record<string, Tensor> {
  const found = new Map<string, Tensor>();
  const wanted = new Set(names);
  const seen: string[] = [];
  try {
    follow(model, x, (name, output) => {
      seen.push(name);
      if (!wanted.has(name)) return;
      if (!(output instanceof Tensor)) throw new UsageError(`features: "${name}" does not give one tensor`);
      found.set(name, output);
      if (found.size === wanted.size) throw DONE;
    });
  } catch (error) {
    if (error !== DONE) throw error;
  }
  const missing = names.find((name) => !found.has(name));
  if (missing !== undefined) {
    const near = nearest(missing, seen) ?? seen.find((name) => name.startsWith(`${missing}.`)) ?? null;
    const hint = near === null ? "" : `; did you mean "${near}"?`;
    throw new UsageError(
      `features: the network has nothing named "${missing}"${hint} featureNames(model) lists all names`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, found.get(name)!]));
}

/** Tells the name and the output of every layer and op of a forward, in order. */
function follow(model: ImageModule, x: Tensor, see: (name: string, output: unknown) => void): void {
  const paths = new Map<unknown, string>(Array.from(model.namedModules(), ([path, module]) => [module, path]));
  const used = new Map<string, number>();
  const call = (name: string, output: unknown): void => {
    const times = used.get(name) ?? 0;
    used.set(name, times + 1);
    see(times === 0 ? name : `${name}_${times}`, output);
  };
  const seeLayer = (module: AnyModule, output: unknown): void => {
    const path = paths.get(module);
    if (path) call(path, output);
  };
  // Inside a layer without layers of its own, ops are the layer's own business.
  const leaves = new Set<unknown>(
    [...paths.keys()].filter((module) => (module as AnyModule).namedModules().size === 1),
  );
  const seeOp = (op: { readonly name: string }, output: Tensor): void => {
    const layer = innermostLayer();
    const path = paths.get(layer);
    if (path !== undefined && (path === "" || !leaves.has(layer)))
      call(path === "" ? op.name : `${path}.${op.name}`, output);
  };
  observeForward(seeLayer, () => observeOps(seeOp, () => model.forward(x)));
}

/** The weights and buffers that the wanted outputs depend on in inference. */
function needed(model: ImageModule, names: readonly string[], options: FeaturesOptions): ReadonlySet<Tensor> {
  const { nodes, captured, outputs } = record(model, options, (x) => Object.values(run(model, names, x)));
  const values = new Set(outputs);
  for (const { inputs, output } of nodes.toReversed()) if (values.has(output)) for (const id of inputs) values.add(id);
  const storages = new Set(captured.filter(({ value }) => values.has(value)).map(({ storage }) => storage));
  return new Set([...model.stateDict().values()].filter(({ storage }) => storages.has(storage)));
}

/** Records a forward in inference mode. Nothing is computed. */
function record(model: ImageModule, { input }: FeaturesOptions, fn: (x: Tensor) => readonly Tensor[]): Graph {
  const recorder = new GraphRecorder();
  const restore = rememberModes(walk(model));
  model.eval();
  try {
    const x = recorder.input({ shape: input ?? usualInput(model), dtype: "float32" });
    return recorder.finish(withRecorder(recorder, () => noGrad(() => fn(x))));
  } catch (error) {
    if (input !== undefined || !(error instanceof ShapeError)) throw error;
    throw new ShapeError(`${error.message}; tell features the shape of an input: { input: [1, 3, 96, 96] }`, {
      cause: error,
    });
  } finally {
    restore();
  }
}

/** An image of 224 × 224 with the channels of the first layer. */
function usualInput(model: ImageModule): Shape {
  const [first] = model.parameters();
  if (first?.rank !== 4) {
    throw new UsageError(
      "features: the first layer is no Conv2d; tell the shape of an input: { input: [1, 3, 96, 96] }",
    );
  }
  return [1, first.shape[1]!, 224, 224];
}
