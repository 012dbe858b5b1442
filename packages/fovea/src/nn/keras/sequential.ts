import { UsageError } from "../../base/errors.ts";
import type { Shape } from "../../base/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Module } from "../module.ts";
import type { Parameter } from "../parameter.ts";
import { checkArguments, required } from "./arguments.ts";
import { LayerContainer } from "./container.ts";
import { Layer, outputShape, type KerasShape } from "./layer.ts";

/** Where a model begins: the shape of its inputs. */
export interface InputSpec {
  readonly kind: "input";
  readonly name: string;
  /** Batch first; null for any. */
  readonly shape: KerasShape;
}

/**
 * The beginning of a `Sequential`, with which it makes all weights at once.
 *
 * @example
 * new keras.Sequential([keras.Input({ shape: [28, 28, 1] }), new keras.Conv2D({ filters: 6, kernelSize: 5 })])
 */
export function Input(options: {
  /** Shape of one example: [H, W, C]. */
  shape: KerasShape;
  batchSize?: number | null;
  name?: string;
}): InputSpec {
  checkArguments("Input", options, ["shape", "batchSize", "name"]);
  const shape = required("Input", "shape", options.shape);
  return { kind: "input", name: options.name ?? "input", shape: [options.batchSize ?? null, ...shape] };
}

/**
 * Layers one after the other, Keras' or any other modules. Beginning with an `Input` (or a layer with `inputShape`) all
 * weights are there at once; else after `build(inputShape)` or the first call.
 *
 * @example
 * const model = new keras.Sequential([
 *   keras.Input({ shape: [28, 28, 1] }),
 *   new keras.Conv2D({ filters: 32, kernelSize: 3, activation: "relu" }),
 *   new keras.MaxPooling2D(),
 *   new keras.Flatten(),
 *   new keras.Dense({ units: 10 }),
 * ]);
 */
export class Sequential extends LayerContainer<Tensor> {
  /** The layers by position. */
  [index: number]: Module;
  #shape: KerasShape | null = null;
  #count = 0;

  constructor(layers: readonly (Module | InputSpec)[] = [], options: { name?: string; trainable?: boolean } = {}) {
    super(options);
    if (!Array.isArray(layers)) {
      throw new UsageError("Sequential: takes a list of layers, new keras.Sequential([a, b])");
    }
    for (const layer of layers) this.add(layer);
    if (options.trainable === false) this.trainable = false;
  }

  /** The layers in order. */
  get layers(): Module[] {
    return Array.from({ length: this.#count }, (_, i) => this[i]!);
  }

  /** Puts a layer at the end; its weights are made if the shape before it is known. */
  add(layer: Module | InputSpec): this {
    if (!(layer instanceof Module)) {
      if (layer?.kind !== "input") throw new UsageError(`Sequential: ${String(layer)} is not a layer`);
      if (this.#count > 0 || this.#shape !== null) throw new UsageError("Sequential: Input must come first, and once");
      this.#shape = layer.shape;
      return this;
    }
    if (this.#count === 0 && this.#shape === null && layer instanceof Layer && layer.inputShape !== null) {
      this.#shape = [null, ...layer.inputShape];
    }
    this[this.#count++] = layer;
    if (this.#shape !== null) this.#build(layer);
    return this;
  }

  /** Shape of the output, batch first (null where any size will do); null before the input's is known. */
  get outputShape(): KerasShape | null {
    return this.#shape;
  }

  protected override makeWeights(shape: Shape): void {
    if (this.#shape !== null) return; // each layer was built as it came
    this.#shape = shape;
    for (const layer of this.layers) this.#build(layer);
  }

  #build(layer: Module): void {
    const shape = this.#shape!;
    if (layer instanceof Layer) layer.build(shape);
    this.#shape = outputShape((x) => layer.forward(x), layer, [shape]);
  }

  protected call(x: Tensor): Tensor {
    for (const layer of this.layers) x = layer.forward(x);
    return x;
  }

  override get built(): boolean {
    return super.built || this.#shape !== null;
  }

  override parameters(): Parameter[] {
    if (!this.built && this.layers.some((l) => l instanceof Layer)) {
      throw new UsageError(
        "Sequential: its weights are not there yet; begin with keras.Input({ shape }) or call build(inputShape)",
      );
    }
    return super.parameters();
  }
}
