import { UsageError } from "../../base/errors.ts";
import type { AnyModule } from "../module.ts";
import { Layer, type LayerInput, type LayerWeight } from "./layer.ts";

/** What models of layers share: the weights and the say over training are those of the layers. */
export abstract class LayerContainer<X extends LayerInput> extends Layer<X> {
  /** The layers in order. */
  abstract readonly layers: readonly AnyModule[];

  /** The layer with this name, or at this place. */
  getLayer(which: string | number): AnyModule {
    const { layers } = this;
    const found =
      typeof which === "number" ? layers[which] : layers.find((l) => l instanceof Layer && l.name === which);
    if (found !== undefined) return found;
    const names = layers.map((l) => (l instanceof Layer ? l.name : l.constructor.name));
    throw new UsageError(
      `${this.constructor.name}: there is no layer ${JSON.stringify(which)}; there are ${names.join(", ")}`,
    );
  }

  /** The weights of all layers, in order. */
  override get weights(): readonly LayerWeight[] {
    return this.layers.flatMap((l) => (l instanceof Layer ? l.weights : []));
  }

  override get trainable(): boolean {
    return super.trainable;
  }

  override set trainable(wanted: boolean) {
    super.trainable = wanted;
    for (const layer of this.layers) {
      if (layer instanceof Layer) layer.trainable = wanted;
      else layer.freeze(!wanted);
    }
  }

  override extraRepr(): string {
    return "";
  }
}
