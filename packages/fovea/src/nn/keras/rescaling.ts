import { tensor } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { required } from "./arguments.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface RescalingArguments extends LayerOptions {
  /** What the input is multiplied by, one number or one for each channel. */
  scale: number | readonly number[];
  /** What is added then; default 0. */
  offset?: number | readonly number[];
}

/** x · scale + offset, as `1 / 255` for images; lists run along the last axis. */
export class Rescaling extends Layer {
  readonly scale: number | readonly number[];
  readonly offset: number | readonly number[];

  constructor(options: RescalingArguments) {
    super(options, ["scale", "offset"]);
    this.scale = required("Rescaling", "scale", options.scale);
    this.offset = options.offset ?? 0;
  }

  protected call(x: Tensor): Tensor {
    const operand = (value: number | readonly number[]) => (typeof value === "number" ? value : tensor([...value]));
    return x.mul(operand(this.scale)).add(operand(this.offset));
  }
}
