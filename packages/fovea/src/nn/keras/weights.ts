import { ShapeError } from "../../base/errors.ts";
import { sameShape, showShape, sizeOf, type Shape } from "../../base/shape.ts";
import { permute, reshape } from "../../ops/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * How a weight lies in Keras and how it lies here: ours = reshape(permute(reshape(keras, split), order), ours).
 *
 * The one place of such conversions, for `getWeights`, `setWeights`, files of Keras and whatever else brings its layout.
 */
export interface WeightLayout {
  readonly keras: Shape;
  readonly split: Shape;
  readonly order: readonly number[];
  readonly ours: Shape;
}

/** The same in both: biases, statistics, slopes. */
export function sameLayout(shape: Shape): WeightLayout {
  return { keras: shape, split: shape, order: shape.map((_, i) => i), ours: shape };
}

/**
 * Convolution [...kernel, in / groups, out] → [out, in / groups, ...kernel]; transposed [...kernel, out, in] → [in, out,
 * ...kernel].
 */
export function convKernel(keras: Shape): WeightLayout {
  const last = keras.length - 1;
  const order = [last, last - 1, ...keras.slice(0, -2).keys()];
  return { keras, split: keras, order, ours: order.map((i) => keras[i]!) };
}

/** Depthwise convolution [...kernel, in, multiplier] → [in · multiplier, 1, ...kernel]. */
export function depthwiseKernel(keras: Shape): WeightLayout {
  const last = keras.length - 1;
  const kernel = keras.slice(0, -2);
  return {
    keras,
    split: keras,
    order: [last - 1, last, ...kernel.keys()],
    ours: [keras[last - 1]! * keras[last]!, 1, ...kernel],
  };
}

/** Dense [in, out] → [out, in]. */
export function denseKernel(keras: Shape): WeightLayout {
  return { keras, split: keras, order: [1, 0], ours: [keras[1]!, keras[0]!] };
}

/**
 * Dense after a flattened feature map: Keras flattens [H, W, C], PyTorch [C, H, W]. For weights that go into an
 * `nn.Linear` behind an `nn.Flatten`.
 *
 * @param features The map's shape in Keras, [H, W, C].
 */
export function denseAfterFlatten(features: Shape, outputs: number): WeightLayout {
  const channels = features.length - 1;
  const size = sizeOf(features);
  return {
    keras: [size, outputs],
    split: [...features, outputs],
    order: [channels + 1, channels, ...features.slice(0, -1).keys()],
    ours: [outputs, size],
  };
}

/**
 * Unshared convolution [positions, cells · in, out] → [...positions, out, in, ...kernel]. Keras orders a window's cells
 * by its data format: [...kernel, in] or [in, ...kernel].
 */
export function locallyConnectedKernel(
  places: Shape,
  kernel: Shape,
  channels: number,
  filters: number,
  channelsLast: boolean,
): WeightLayout {
  const axes = places.length;
  const cells = channelsLast ? [...kernel, channels] : [channels, ...kernel];
  const firstKernel = channelsLast ? axes : axes + 1;
  return {
    keras: [sizeOf(places), sizeOf(cells), filters],
    split: [...places, ...cells, filters],
    order: [...places.keys(), 2 * axes + 1, channelsLast ? 2 * axes : axes, ...kernel.map((_, i) => firstKernel + i)],
    ours: [...places, filters, channels, ...kernel],
  };
}

/** Bias of an unshared convolution [...positions, out] → [out, ...positions]. */
export function locallyConnectedBias(places: Shape, filters: number): WeightLayout {
  const keras = [...places, filters];
  return { keras, split: keras, order: [places.length, ...places.keys()], ours: [filters, ...places] };
}

/** Values in Keras' order as ours. */
export function fromKeras(layout: WeightLayout, values: ArrayLike<number>): Float32Array {
  check(layout.keras, values.length);
  return permuted(values, layout.split, layout.order);
}

/** Our values in Keras' order. */
export function toKeras(layout: WeightLayout, values: ArrayLike<number>): Float32Array {
  check(layout.ours, values.length);
  const from = layout.order.map((i) => layout.split[i]!);
  return permuted(values, from, inverse(layout.order));
}

/** The units of a weight first: [...kernel, in, out] as [out, in, ...kernel]. Vectors stay as they are. */
export function unitsOf({ keras }: WeightLayout): WeightLayout {
  return keras.length < 2 ? sameLayout(keras) : convKernel(keras);
}

/**
 * One of our weights as [out, in, ...kernel], with a gradient: what initialisers, regularisers and constraints are given.
 * For most layers that is how it lies.
 */
export function toUnits(layout: WeightLayout, weight: Tensor): Tensor {
  const units = unitsOf(layout);
  if (sameWay(layout, units)) return weight;
  const parts = reshape(
    weight,
    layout.order.map((i) => layout.split[i]!),
  );
  return permute(reshape(permute(parts, inverse(layout.order)), layout.keras), units.order);
}

/** The inverse of `toUnits`. */
export function fromUnits(layout: WeightLayout, weight: Tensor): Tensor {
  const units = unitsOf(layout);
  if (sameWay(layout, units)) return weight;
  const keras = permute(weight, inverse(units.order));
  return reshape(permute(reshape(keras, layout.split), layout.order), layout.ours);
}

const sameWay = (a: WeightLayout, b: WeightLayout): boolean =>
  sameShape(a.split, b.split) && sameShape(a.ours, b.ours) && a.order.every((axis, i) => axis === b.order[i]);

function inverse(order: readonly number[]): number[] {
  const back: number[] = [];
  for (const [i, axis] of order.entries()) back[axis] = i;
  return back;
}

function check(shape: Shape, length: number): void {
  if (sizeOf(shape) === length) return;
  throw new ShapeError(`${length} values do not fill a weight ${showShape(shape)} (${sizeOf(shape)} elements)`);
}

function permuted(values: ArrayLike<number>, shape: Shape, order: readonly number[]): Float32Array {
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const dims = order.map((i) => shape[i]!);
  const steps = order.map((i) => strides[i]!);
  const out = new Float32Array(values.length);
  const index = dims.map(() => 0);
  let from = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = values[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      from -= steps[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
