import { ShapeError, UsageError } from "../base/errors.ts";
import { sameShape, showShape, type Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { reshape } from "./movement.ts";

export interface NormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
}

function checkEps(name: string, eps = 0): void {
  if (!(eps >= 0)) throw new UsageError(`${name}: eps must be ≥ 0, got ${eps}`);
}

/** (x − mean) / √(variance + ε), with the moments of x over the given axes. */
function standardize(x: Tensor, axes: readonly number[], eps = 1e-5): Tensor {
  const centered = x.sub(x.mean(axes, true));
  return centered.mul(centered.square().mean(axes, true).add(eps).rsqrt());
}

/**
 * Normalises over the last axes, then scales and shifts each of their elements (Ba, Kiros and Hinton, 2016).
 *
 * @param shape Sizes of the axes normalised over: the last ones of x.
 * @param weight Factor per element, of that shape; `bias` likewise.
 */
export function layerNorm(x: Tensor, shape: Shape, weight?: Tensor, bias?: Tensor, options: NormOptions = {}): Tensor {
  const from = x.rank - shape.length;
  if (shape.length === 0 || from < 0 || !sameShape(x.shape.slice(from), shape)) {
    throw new ShapeError(`layerNorm: the last axes must be ${showShape(shape)}, got x ${showShape(x.shape)}`);
  }
  for (const t of [weight, bias]) {
    if (t && !sameShape(t.shape, shape))
      throw new ShapeError(`layerNorm: weight and bias must be ${showShape(shape)}, got ${showShape(t.shape)}`);
  }
  checkEps("layerNorm", options.eps);
  const axes = shape.map((_, i) => from + i);
  const y = standardize(x, axes, options.eps);
  const scaled = weight ? y.mul(weight) : y;
  return bias ? scaled.add(bias) : scaled;
}

/**
 * Normalises each image over groups of channels and their pixels (Wu and He, 2018).
 *
 * @param x [N, C, ...].
 * @param groups Number of groups; divides C. 1 normalises whole images, C each channel.
 * @param weight Factor per channel, [C]; `bias` likewise.
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  weight?: Tensor,
  bias?: Tensor,
  options: NormOptions = {},
): Tensor {
  const [images, channels] = x.shape;
  if (x.rank < 2 || !Number.isInteger(groups) || groups < 1 || channels! % groups !== 0) {
    throw new ShapeError(
      `groupNorm: ${groups} groups must divide the channels of [N, C, ...], got ${showShape(x.shape)}`,
    );
  }
  checkEps("groupNorm", options.eps);
  const grouped = reshape(x, [images!, groups, channels! / groups, ...x.shape.slice(2)]);
  const axes = grouped.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
  return perChannel(reshape(standardize(grouped, axes, options.eps), x.shape), "groupNorm", weight, bias);
}

/** Normalises each channel of each image over its pixels (Ulyanov et al., 2016). x is [N, C, ...]. */
export function instanceNorm(x: Tensor, weight?: Tensor, bias?: Tensor, options: NormOptions = {}): Tensor {
  if (x.rank < 3) throw new ShapeError(`instanceNorm: needs [N, C, ...] with pixels, got ${showShape(x.shape)}`);
  checkEps("instanceNorm", options.eps);
  const axes = x.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
  return perChannel(standardize(x, axes, options.eps), "instanceNorm", weight, bias);
}

/** y · weight + bias with one of each per channel. */
function perChannel(y: Tensor, name: string, weight: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const channels = y.shape[1]!;
  const spread = (t: Tensor) => {
    if (t.size !== channels)
      throw new ShapeError(`${name}: weight and bias must have ${channels} elements, one per channel, got ${t.size}`);
    return reshape(
      t,
      y.shape.map((_, i) => (i === 1 ? channels : 1)),
    );
  };
  const scaled = weight ? y.mul(spread(weight)) : y;
  return bias ? scaled.add(spread(bias)) : scaled;
}
