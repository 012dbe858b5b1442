import { compile } from "../graph/compile.ts";
import type { AnyModule } from "../nn/module.ts";
import { Buffer } from "../nn/parameter.ts";
import { assign, overwrite } from "../ops/assign.ts";
import { at } from "../ops/movement.ts";
import { hostInput, noGrad } from "../tensor/apply.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor.ts";

/** A second set of a network's weights and running statistics, moved towards them a share at a time. */
export class WeightAverages {
  readonly tensors = new Map<string, Buffer>();
  readonly #model: AnyModule;
  readonly #mix: (() => void) & { dispose(): void };
  #share = 0;

  /** They begin as the weights are now. */
  constructor(model: AnyModule) {
    this.#model = model;
    const pairs: [average: Buffer, weight: Tensor][] = [];
    for (const [name, weight] of model.stateDict()) {
      if (weight.dtype !== "float32") continue;
      const average = new Buffer(weight.shape);
      this.tensors.set(name, average);
      pairs.push([average, weight]);
    }
    this.reset();
    this.#mix = compile(() => {
      const share = at(
        hostInput({ shape: [1], dtype: "float32" }, () => Float32Array.of(this.#share)),
        0,
      );
      noGrad(() => {
        for (const [average, weight] of pairs) assign(average, average.add(weight.sub(average).mul(share)));
      });
    });
  }

  /** The averages become the weights as they are now. */
  reset(): void {
    const weights = this.#model.stateDict();
    for (const [name, average] of this.tensors) overwrite(average, weights.get(name)!.storage.values().slice());
  }

  /** average ← average + share · (weight − average). */
  mix(share: number): void {
    this.#share = share;
    scope(() => this.#mix());
  }

  /** Exchanges averages and weights; twice is as before, bit for bit. */
  swap(): void {
    const weights = this.#model.stateDict();
    for (const [name, average] of this.tensors) {
      const weight = weights.get(name)!;
      const [a, w] = [average.storage.values().slice(), weight.storage.values().slice()];
      overwrite(weight, a);
      overwrite(average, w);
    }
  }

  /** Puts the averages into the network. */
  apply(): void {
    const weights = this.#model.stateDict();
    for (const [name, average] of this.tensors) overwrite(weights.get(name)!, average.storage.values().slice());
  }

  dispose(): void {
    this.#mix.dispose();
  }
}
