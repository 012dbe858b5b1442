import { ShapeError, UsageError } from "../../base/errors.ts";
import { showShape, sizeOf, type Shape } from "../../base/shape.ts";
import { expand, permute, reshape } from "../../ops/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { count, required } from "./arguments.ts";
import { channelsLast, dataFormatOf, type DataFormat } from "./dataFormat.ts";
import { Layer, type LayerOptions } from "./layer.ts";

/** Joins all axes but the batch: [N, H, W, C] → [N, H·W·C], always in the order of `channels_last`, as in Keras. */
export class Flatten extends Layer {
  readonly dataFormat: DataFormat;

  constructor(options: LayerOptions & { dataFormat?: DataFormat | null } = {}) {
    super(options, ["dataFormat"]);
    this.dataFormat = dataFormatOf("Flatten", options.dataFormat);
  }

  protected call(x: Tensor): Tensor {
    const last = this.dataFormat === "channels_first" ? channelsLast(x, "channels_last") : x;
    return reshape(last, [x.shape[0]!, sizeOf(x.shape.slice(1))]);
  }
}

/** Another shape of each example, in which one size may be −1: "what is left". */
export class Reshape extends Layer {
  readonly targetShape: Shape;

  constructor(options: LayerOptions & { targetShape: Shape }) {
    super(options, ["targetShape"]);
    this.targetShape = required("Reshape", "targetShape", options.targetShape);
    const open = this.targetShape.filter((d) => d === -1).length;
    if (!this.targetShape.every((d) => Number.isInteger(d) && d >= -1) || open > 1) {
      throw new UsageError(
        `Reshape: targetShape must be whole numbers with at most one −1, got ${JSON.stringify(this.targetShape)}`,
      );
    }
  }

  protected call(x: Tensor): Tensor {
    const size = sizeOf(x.shape.slice(1));
    const known = this.targetShape.reduce((a, d) => (d === -1 ? a : a * d), 1);
    const target = this.targetShape.map((d) => (d === -1 ? size / known : d));
    if (sizeOf(target) !== size || !target.every(Number.isInteger)) {
      throw new ShapeError(
        `Reshape: an example of ${showShape(x.shape)} has ${size} elements, which do not fill ` +
          `targetShape ${showShape(this.targetShape)}`,
      );
    }
    return reshape(x, [x.shape[0]!, ...target]);
  }
}

/** The axes of each example in another order, counted from 1: dims [2, 1] swaps the two. */
export class Permute extends Layer {
  readonly dims: readonly number[];

  constructor(options: LayerOptions & { dims: readonly number[] }) {
    super(options, ["dims"]);
    this.dims = required("Permute", "dims", options.dims);
    const sorted = this.dims.toSorted((a, b) => a - b);
    if (sorted.some((d, i) => d !== i + 1)) {
      throw new UsageError(
        `Permute: dims must be each of 1 … ${this.dims.length} once, got ${JSON.stringify(this.dims)}`,
      );
    }
  }

  protected call(x: Tensor): Tensor {
    if (x.rank !== this.dims.length + 1) {
      throw new ShapeError(
        `Permute: dims ${JSON.stringify(this.dims)} is for rank ${this.dims.length + 1} with the batch, got ` +
          showShape(x.shape),
      );
    }
    return permute(x, [0, ...this.dims]);
  }
}

/** Each example n times: [N, C] → [N, n, C]. */
export class RepeatVector extends Layer {
  readonly n: number;

  constructor(options: LayerOptions & { n: number }) {
    super(options, ["n"]);
    this.n = count("RepeatVector", "n", required("RepeatVector", "n", options.n));
  }

  protected call(x: Tensor): Tensor {
    if (x.rank !== 2) throw new ShapeError(`RepeatVector: wanted [N, C], got ${showShape(x.shape)}`);
    const [batch, size] = x.shape as readonly [number, number];
    return expand(reshape(x, [batch, 1, size]), [batch, this.n, size]);
  }
}
