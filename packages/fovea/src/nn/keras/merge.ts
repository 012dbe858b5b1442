import { ShapeError, UsageError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { matmul } from "../../ops/matmul.ts";
import { concat, permute, reshape } from "../../ops/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { flag, required } from "./arguments.ts";
import { Layer, type LayerOptions } from "./layer.ts";

type Inputs = readonly Tensor[];

const shapesOf = (xs: Inputs): string => xs.map((x) => showShape(x.shape)).join(" and ");

/** What the layers share that take several tensors: `forward([a, b])`. */
abstract class Merge extends Layer<Inputs> {
  protected abstract merge(xs: Inputs): Tensor;
  /** Fewest and most inputs. */
  protected readonly wants: readonly [number, number] = [1, Infinity];

  protected call(xs: Inputs): Tensor {
    const [least, most] = this.wants;
    const who = this.constructor.name;
    if (!Array.isArray(xs)) throw new UsageError(`${who}: takes a list of tensors, forward([a, b]); got one tensor`);
    if (xs.length < least || xs.length > most) {
      throw new UsageError(`${who}: takes ${least === most ? least : `at least ${least}`} tensors, got ${xs.length}`);
    }
    return this.merge(xs);
  }
}

/** Element by element; sizes broadcast, and a tensor of lower rank gets axes after the batch, as in Keras. */
abstract class Elementwise extends Merge {
  protected abstract combine(a: Tensor, b: Tensor): Tensor;

  protected merge(xs: Inputs): Tensor {
    const rank = Math.max(...xs.map((x) => x.rank));
    const same = xs.map((x) => {
      const [batch = 1, ...rest] = x.shape;
      const ones = Array.from({ length: rank - x.rank }, () => 1);
      return x.rank === rank ? x : reshape(x, [batch, ...ones, ...rest]);
    });
    return same.reduce((a, b) => {
      if (a.shape.every((d, i) => d === b.shape[i] || d === 1 || b.shape[i] === 1)) return this.combine(a, b);
      throw new ShapeError(`${this.constructor.name}: ${shapesOf(xs)} do not broadcast; sizes must be equal or 1`);
    });
  }
}

/** The sum of tensors. */
export class Add extends Elementwise {
  constructor(options: LayerOptions = {}) {
    super(options);
  }
  protected combine(a: Tensor, b: Tensor): Tensor {
    return a.add(b);
  }
}

/** The first of two tensors less the second. */
export class Subtract extends Elementwise {
  protected override readonly wants = [2, 2] as const;
  constructor(options: LayerOptions = {}) {
    super(options);
  }
  protected combine(a: Tensor, b: Tensor): Tensor {
    return a.sub(b);
  }
}

/** The product of tensors, element by element. */
export class Multiply extends Elementwise {
  constructor(options: LayerOptions = {}) {
    super(options);
  }
  protected combine(a: Tensor, b: Tensor): Tensor {
    return a.mul(b);
  }
}

/** The mean of tensors, element by element. */
export class Average extends Elementwise {
  constructor(options: LayerOptions = {}) {
    super(options);
  }
  protected combine(a: Tensor, b: Tensor): Tensor {
    return a.add(b);
  }
  protected override merge(xs: Inputs): Tensor {
    return super.merge(xs).mul(1 / xs.length);
  }
}

/** The largest of tensors, element by element. */
export class Maximum extends Elementwise {
  constructor(options: LayerOptions = {}) {
    super(options);
  }
  protected combine(a: Tensor, b: Tensor): Tensor {
    return a.maximum(b);
  }
}

/** The smallest of tensors, element by element. */
export class Minimum extends Elementwise {
  constructor(options: LayerOptions = {}) {
    super(options);
  }
  protected combine(a: Tensor, b: Tensor): Tensor {
    return a.minimum(b);
  }
}

/** Tensors one after the other along an axis; default −1, the last: the channels of `channels_last`. */
export class Concatenate extends Merge {
  readonly axis: number;

  constructor(options: LayerOptions & { axis?: number } = {}) {
    super(options, ["axis"]);
    this.axis = options.axis ?? -1;
  }

  protected merge(xs: Inputs): Tensor {
    const { axis } = this;
    const rank = xs[0]!.rank;
    const at = axis < 0 ? axis + rank : axis;
    const fits = xs.every((x) => x.rank === rank && x.shape.every((d, i) => i === at || d === xs[0]!.shape[i]));
    if (!fits || at < 0 || at >= rank) {
      throw new ShapeError(`Concatenate: ${shapesOf(xs)} must be equal but for axis ${axis}`);
    }
    return concat(xs, at);
  }
}

/** Products of two tensors summed along one axis of each: [N, A, K] and [N, B, K] → [N, A, B] for axes 2. */
export class Dot extends Merge {
  protected override readonly wants = [2, 2] as const;
  readonly axes: readonly [number, number];
  readonly normalize: boolean;

  /**
   * `axes`: the axis of both, or one each, counted with the batch. `normalize`: scale to length 1 along it before, so
   * that the result is the cosine of the angle between them; default false.
   */
  constructor(options: LayerOptions & { axes: number | readonly [number, number]; normalize?: boolean }) {
    super(options, ["axes", "normalize"]);
    const axes = required("Dot", "axes", options.axes);
    this.axes = typeof axes === "number" ? [axes, axes] : axes;
    this.normalize = flag("Dot", "normalize", options.normalize ?? false);
  }

  protected merge(xs: Inputs): Tensor {
    const [a, b] = xs.map((x, i) => this.#alongLast(x, this.axes[i]!)) as [Summed, Summed];
    if (a.rows.shape[2] !== b.rows.shape[2]) {
      throw new ShapeError(
        `Dot: ${shapesOf(xs)} have ${a.rows.shape[2]} and ${b.rows.shape[2]} elements along axes ` +
          `${this.axes.join(" and ")}; they must be as many`,
      );
    }
    const y = matmul(a.rows, b.rows, { transposeB: true });
    const others = [...a.others, ...b.others];
    return reshape(y, [y.shape[0]!, ...(others.length === 0 ? [1] : others)]);
  }

  /** [N, others, K], and the sizes of the others. */
  #alongLast(x: Tensor, axis: number): Summed {
    const at = axis < 0 ? axis + x.rank : axis;
    if (!Number.isInteger(axis) || at < 1 || at >= x.rank) {
      throw new ShapeError(`Dot: axis ${axis} is not one of ${showShape(x.shape)} after the batch`);
    }
    const rest = [...x.shape.keys()].filter((i) => i !== 0 && i !== at);
    const others = rest.map((i) => x.shape[i]!);
    const rows = reshape(permute(x, [0, ...rest, at]), [x.shape[0]!, sizeOf(others), x.shape[at]!]);
    if (!this.normalize) return { rows, others };
    return { rows: rows.mul(rows.square().sum(2, true).maximum(1e-12).rsqrt()), others };
  }
}

interface Summed {
  readonly rows: Tensor;
  readonly others: readonly number[];
}
