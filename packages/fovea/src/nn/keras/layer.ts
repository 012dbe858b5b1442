import { ShapeError, UsageError } from "../../base/errors.ts";
import { hostArray, type TypedArray } from "../../base/dtype.ts";
import { sameShape, showShape, type Shape } from "../../base/shape.ts";
import { recordShapes } from "../../graph/macs.ts";
import { overwrite } from "../../ops/assign.ts";
import { isRecording } from "../../tensor/apply.ts";
import { fromHost, zeros } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { showArguments } from "../describe.ts";
import { Module, rememberModes, walk } from "../module.ts";
import { Buffer, Parameter } from "../parameter.ts";
import type { Regularizer } from "../regularizers.ts";
import { checkArguments, choice, flag } from "./arguments.ts";
import { constraintOf, type ConstraintArgument } from "./constraints.ts";
import { initializerOf, type InitializerArgument } from "./initializers.ts";
import { regularizerOf, type RegularizerArgument } from "./regularizers.ts";
import { fromKeras, fromUnits, sameLayout, toKeras, toUnits, unitsOf, type WeightLayout } from "./weights.ts";

/** What a layer takes: a tensor, or several of them. */
export type LayerInput = Tensor | readonly Tensor[];

/** A shape with the batch first; null where any size will do. */
export type KerasShape = readonly (number | null)[];

/** Arguments of every layer. */
export interface LayerOptions {
  /** Name of the layer; default the class's in snake case, counted: `conv2d`, `conv2d_1`. */
  name?: string;
  /** False keeps the weights as they are; default true. */
  trainable?: boolean;
  /** Type of the weights: `float32`. */
  dtype?: "float32";
  /** Shape of one example; a first layer with it needs no `Input`. */
  inputShape?: KerasShape;
}

const common = ["name", "trainable", "dtype", "inputShape"] as const;

/** A weight of a layer, as the layer keeps it and as Keras sees it. */
export interface LayerWeight {
  readonly name: string;
  readonly tensor: Parameter | Buffer;
  readonly layout: WeightLayout;
}

interface WeightOptions {
  readonly initializer: InitializerArgument | undefined;
  readonly regularizer?: RegularizerArgument | undefined;
  readonly constraint?: ConstraintArgument | undefined;
}

const counts = new Map<string, number>();

/** Keras' automatic names: `MaxPooling2D` → `max_pooling2d`, then `max_pooling2d_1`. */
function automaticName(className: string): string {
  const snake = className
    .replaceAll(/(.)([A-Z][a-z0-9]+)/g, "$1_$2")
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
  const used = counts.get(snake) ?? 0;
  counts.set(snake, used + 1);
  return used === 0 ? snake : `${snake}_${used}`;
}

/**
 * A layer in the manner of Keras: an ordinary module whose weights are made once the shape of its input is known.
 *
 * That is at `build(inputShape)`, in a `Sequential` that begins with an `Input` at once, and else at the first call. An
 * optimizer takes the weights that are there, so build before making one.
 */
export abstract class Layer<X extends LayerInput = Tensor> extends Module<[x: X]> {
  readonly name: string;
  /** Shape of one example, where the layer was told. */
  readonly inputShape: KerasShape | null;
  readonly activityRegularizer: Regularizer | null;
  readonly #options: Readonly<Record<string, unknown>>;
  readonly #weights: LayerWeight[] = [];
  /** First values for the weights that are being made, in Keras' order; null: the initialisers'. */
  #values: Tensor[] | null = null;
  /** Which of those do not fit. */
  #misfits: string[] = [];
  #built = false;
  #trainable: boolean;
  #activityPenalty: Tensor | null = null;

  /**
   * @param options What the user gave.
   * @param known Names of the arguments besides those of every layer.
   */
  constructor(options: LayerOptions & { activityRegularizer?: RegularizerArgument }, known: readonly string[] = []) {
    super();
    const who = this.constructor.name;
    checkArguments(who, options, [...known, ...common]);
    const { name, trainable = true, dtype = "float32", inputShape, activityRegularizer } = options;
    choice(who, "dtype", dtype, ["float32"]);
    this.#trainable = flag(who, "trainable", trainable);
    this.name = name ?? automaticName(who);
    this.inputShape = inputShape ?? null;
    this.activityRegularizer = regularizerOf(who, "activityRegularizer", activityRegularizer);
    this.#options = options as Readonly<Record<string, unknown>>;
  }

  /** The computation, in the layer's data format, when the weights are there. */
  protected abstract call(x: X): Tensor;

  /** Makes the weights for inputs of this shape, batch first. Layers without weights have nothing to do. */
  protected makeWeights(_shape: Shape): void {}

  /** Whether the weights are there. */
  get built(): boolean {
    return this.#built;
  }

  /** Whether training changes the weights. */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(wanted: boolean) {
    this.#trainable = wanted;
    for (const { tensor } of this.weights) if (tensor instanceof Parameter) tensor.requireGrad(wanted);
  }

  /**
   * Makes the weights for inputs of this shape, batch first (null: any). Does nothing when they are there.
   *
   * @param values First values in Keras' order and layout, all of them; default the initialisers'. Shapes are compared
   * before memory is taken.
   * @example
   * const layer = new keras.Dense({ units: 10 }).build([null, 784]);
   */
  build(inputShape: KerasShape | readonly KerasShape[], values?: readonly Tensor[]): this {
    if (this.#built) return this;
    this.#values = values === undefined ? null : [...values];
    try {
      this.makeWeights(filled(firstShape(inputShape), 1, NaN));
      this.#built = true; // also where values do not fit: a reader of files goes on, to tell what else does not
    } catch (error) {
      if (this.#misfits.length === 0) throw error; // else the values are why, and such weights cannot even be made
    }
    if (this.#misfits.length > 0) throw new ShapeError(`${this.constructor.name}: ${this.#misfits.join("; ")}`);
    if (this.#values !== null && this.#values.length > 0) {
      this.#built = false;
      const wanted = this.#weights.map(({ name, layout }) => `${name} ${showShape(layout.keras)}`).join(", ");
      throw new UsageError(
        `${this.constructor.name}: build got ${values!.length} tensors (${values!.map((x) => showShape(x.shape)).join(", ")}) ` +
          `for ${this.#weights.length} weights: ${wanted || "none"}`,
      );
    }
    this.#values = null;
    if (!this.#trainable) this.trainable = false;
    return this;
  }

  forward(x: X): Tensor {
    if (!this.built) this.build(Array.isArray(x) ? x.map((t: Tensor) => t.shape) : (x as Tensor).shape);
    const y = this.call(x);
    if (this.activityRegularizer !== null && this.training) this.#activityPenalty = this.activityRegularizer(y);
    return y;
  }

  /** Shape of the output for inputs of this shape; nothing is computed. Where null leads to null, any size will do. */
  computeOutputShape(inputShape: KerasShape | readonly KerasShape[]): KerasShape {
    const several = Array.isArray(inputShape[0]);
    const shapes = (several ? inputShape : [inputShape]) as readonly KerasShape[];
    this.build(inputShape);
    return outputShape((...x: Tensor[]) => this.forward((several ? x : x[0]!) as X), this, shapes);
  }

  /** The weights in Keras' order and layout. */
  getWeights(): Tensor[] {
    this.#mustBeBuilt("getWeights");
    return this.weights.map(({ tensor, layout }) =>
      fromHost(toKeras(layout, tensor.storage.values()), layout.keras, "float32"),
    );
  }

  /** Takes the weights in Keras' order and layout, in place. Nothing changes unless all fit. */
  setWeights(values: readonly Tensor[]): this {
    this.#mustBeBuilt("setWeights");
    const who = this.constructor.name;
    if (values.length !== this.weights.length) {
      const names = this.weights.map(({ name, layout }) => `${name} ${showShape(layout.keras)}`).join(", ");
      throw new UsageError(
        `${who}: setWeights got ${values.length} tensors for ${this.weights.length} weights: ${names || "none"}`,
      );
    }
    const ready = this.weights.map(({ name, tensor, layout }, i): [Parameter | Buffer, TypedArray] => {
      const value = values[i]!;
      if (!sameShape(value.shape, layout.keras)) {
        throw new ShapeError(
          `${who}: ${name} is ${showShape(layout.keras)} in Keras' layout, got ${showShape(value.shape)}`,
        );
      }
      return [tensor, fromKeras(layout, value.storage.values())];
    });
    for (const [tensor, host] of ready) overwrite(tensor, host);
    return this;
  }

  /** The weights with their names and layouts, for importers and reports. */
  get weights(): readonly LayerWeight[] {
    return this.#weights;
  }

  /**
   * The term of the latest output while training, once: whoever adds up the loss takes it. Null without
   * `activityRegularizer`, or when it was taken.
   */
  takeActivityPenalty(): Tensor | null {
    const term = this.#activityPenalty;
    this.#activityPenalty = null;
    return term;
  }

  /** A new weight, first values by the initializer, which sees Keras' fans. */
  protected addWeight(name: string, layout: WeightLayout | Shape, options: WeightOptions): Parameter {
    this.#mustNotRecord();
    const how = "ours" in layout ? layout : sameLayout(layout);
    const who = this.constructor.name;
    if (how.keras.some(Number.isNaN)) {
      throw new UsageError(
        `${who}: its ${name} needs the size of an axis that the input shape leaves open; give the shape a number there, ` +
          "or put a layer before that makes it known, as GlobalAveragePooling2D does",
      );
    }
    const initializer = initializerOf(who, `${name}Initializer`, options.initializer);
    const given = this.#values === null ? undefined : this.#takeValues(name, how);
    const first =
      given === undefined
        ? this.#firstValues(how, initializer)
        : given === null
          ? how.ours
          : fromHost(fromKeras(how, given), how.ours, "float32");
    return this.keep(name, new Parameter(first), how, options);
  }

  /** Fills a kept weight with the first values that `build` was given, or else by the initialiser. */
  protected fill(name: string, tensor: Parameter | Buffer, initializer: (x: Tensor) => unknown): void {
    const given = this.#values === null ? undefined : this.#takeValues(name, sameLayout(tensor.shape));
    if (given === undefined) initializer(tensor);
    else if (given !== null) overwrite(tensor, Float32Array.from(given));
  }

  /** The next of the values that `build` was given; null, and noted, if they do not fit. */
  #takeValues(name: string, { keras }: WeightLayout): TypedArray | null {
    const next = this.#values!.shift();
    if (next !== undefined && sameShape(next.shape, keras)) return next.storage.values();
    this.#misfits.push(misfit(name, keras, next));
    return null;
  }

  /** Makes a weight known that something inside the layer owns. */
  protected keep<T extends Parameter | Buffer>(
    name: string,
    tensor: T,
    layout: WeightLayout = sameLayout(tensor.shape),
    options: Partial<WeightOptions> = {},
  ): T {
    const who = this.constructor.name;
    this.#mustNotRecord();
    const regularizer = regularizerOf(who, `${name}Regularizer`, options.regularizer);
    const constraint = constraintOf(who, `${name}Constraint`, options.constraint);
    if (tensor instanceof Parameter) {
      if (regularizer !== null) tensor.regularizer = (w) => regularizer(toUnits(layout, w));
      if (constraint !== null) tensor.constraint = (w) => fromUnits(layout, constraint(toUnits(layout, w)));
    }
    this.#weights.push({ name, tensor, layout });
    return tensor;
  }

  /** Values in our layout from an initializer that fills [out, in, ...], so that its fans are Keras'. */
  #firstValues(layout: WeightLayout, initializer: (x: Tensor) => unknown): Tensor {
    const units = unitsOf(layout);
    const x = zeros(units.ours);
    initializer(x);
    const host = hostArray("float32", x.size);
    host.set(fromKeras(layout, toKeras(units, x.storage.values())));
    return fromHost(host, layout.ours, "float32");
  }

  #mustNotRecord(): void {
    if (!isRecording()) return;
    throw new UsageError(
      `${this.constructor.name}: its weights are not there yet, and inside compile() none can be made; ` +
        "call build(inputShape) before, or begin the model with keras.Input({ shape })",
    );
  }

  #mustBeBuilt(what: string): void {
    if (this.built) return;
    throw new UsageError(
      `${this.constructor.name}: ${what} needs the weights, which are made by build(inputShape) or the first call`,
    );
  }

  override extraRepr(): string {
    const shown = Object.entries(this.#options).filter(([name]) => name !== "inputShape" && name !== "name");
    return showArguments(
      [],
      Object.fromEntries(shown.map(([name, value]) => [name, typeof value === "function" ? value.name : value])),
    );
  }
}

const misfit = (name: string, wanted: Shape, came: Tensor | undefined): string =>
  `${name} is ${showShape(wanted)} in Keras' layout, got ${came === undefined ? "nothing" : showShape(came.shape)}`;

/** Shape of what `fn` returns, as in inference; nothing is computed. */
export function outputShape(
  fn: (...x: Tensor[]) => Tensor,
  module: Module<never, unknown>,
  shapes: readonly KerasShape[],
): KerasShape {
  const restore = rememberModes(walk(module));
  const recorded = (batch: number, pixels: number): Shape => {
    const { values, outputs } = recordShapes(
      fn,
      shapes.map((shape) => filled(shape, batch, pixels)),
    );
    return values[outputs[0]!]!.shape;
  };
  module.eval();
  try {
    const shape = recorded(1, 224);
    if (!shapes.some((s) => s.includes(null))) return shape;
    const other = recorded(2, 320); // what differs between two trials is open
    return shape.map((d, i) => (d === other[i] ? d : null));
  } finally {
    restore();
  }
}

/** The shape with numbers in place of null. */
function filled(shape: KerasShape, batch: number, other: number): Shape {
  return shape.map((d, i) => d ?? (i === 0 ? batch : other));
}

function firstShape(shape: KerasShape | readonly KerasShape[]): KerasShape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as KerasShape;
}
