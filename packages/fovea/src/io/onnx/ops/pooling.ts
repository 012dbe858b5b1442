import { sameShape, showShape, sizeOf } from "../../../base/shape.ts";
import { globalAvgPool, globalLpPool, globalMaxPool } from "../../../ops/adaptivePool.ts";
import { avgPool1d, avgPool2d, avgPool3d } from "../../../ops/avgPool.ts";
import { lpPool1d, lpPool2d, lpPool3d } from "../../../ops/lpPool.ts";
import {
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
} from "../../../ops/maxPool.ts";
import { maxPool2d } from "../../../ops/maxPool2d.ts";
import { maxUnpool1d, maxUnpool2d, maxUnpool3d } from "../../../ops/maxUnpool.ts";
import type { Padding } from "../../../ops/windows.ts";
import { arange } from "../../../tensor/create.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import { isFloat } from "../elementTypes.ts";
import { Value } from "../value.ts";
import { windows } from "./convolution.ts";

/** Sizes per axis, whatever their number: the functions for 1, 2 and 3 axes check it. */
type Sizes = readonly number[];
interface PoolOptions {
  stride: Sizes;
  padding: Padding;
  dilation: Sizes;
  ceilMode: boolean;
}
type Pool = (x: Tensor, kernel: Sizes, options: PoolOptions) => Tensor;

/** A pooling by the number of its axes. */
function byAxes<F>(call: Call, x: Value, functions: readonly unknown[]): F {
  const found = functions[x.rank - 3];
  if (found === undefined) call.unsupported(`pooling over ${x.rank - 2} axes`);
  return found as F;
}

function optionsOf(call: Call, x: Value): { kernel: Sizes; options: PoolOptions } {
  const { kernel, stride, dilation, padding } = windows(call, x.shape.slice(2), call.ints("kernel_shape"));
  return { kernel, options: { stride, padding, dilation, ceilMode: call.int("ceil_mode", 0) !== 0 } };
}

/** Integers are pooled as floats, which hold every byte. */
function pooled(x: Value, pool: (t: Tensor) => Tensor): Value {
  const y = pool(x.tensor.cast("float32"));
  return Value.of(isFloat(x.type) ? y : y.cast("int32"), x.type);
}

function maxPool(call: Call): Value[] {
  const x = call.input(0);
  const { kernel, options } = optionsOf(call, x);
  if (!call.wants(1)) {
    const pool = byAxes<Pool>(call, x, [maxPool1d, maxPool2d, maxPool3d]);
    return [pooled(x, (t) => pool(t, kernel, options))];
  }
  type Both = (x: Tensor, kernel: Sizes, options: PoolOptions) => { values: Tensor; indices: Tensor };
  const pool = byAxes<Both>(call, x, [maxPool1dWithIndices, maxPool2dWithIndices, maxPool3dWithIndices]);
  const { values, indices } = pool(x.tensor.cast("float32"), kernel, options);
  return [
    Value.of(isFloat(x.type) ? values : values.cast("int32"), x.type),
    Value.of(places(call, x, indices), "int64"),
  ];
}

/** ONNX counts places in the whole tensor, and with storage_order 1 along columns first. */
function places(call: Call, x: Value, indices: Tensor): Tensor {
  const size = x.shape.slice(2);
  const pixels = sizeOf(size);
  const maps = x.shape[0]! * x.shape[1]!;
  const start = arange(maps, "int32")
    .mul(pixels)
    .reshape([x.shape[0]!, x.shape[1]!, ...size.map(() => 1)]);
  if (call.int("storage_order", 0) === 0 || size.length === 1) return indices.add(start);
  if (size.length !== 2) return call.unsupported("storage_order=1 over three axes");
  const [height, width] = size as [number, number];
  const row = indices.cast("float32").add(0.5).div(width).floor().cast("int32");
  const column = indices.sub(row.mul(width));
  return column.mul(height).add(row).add(start);
}

function averagePool(call: Call): Value {
  const x = call.input(0);
  const { kernel, options } = optionsOf(call, x);
  const countIncludePad = call.int("count_include_pad", 0) !== 0;
  type Average = (x: Tensor, kernel: Sizes, options: PoolOptions & { countIncludePad: boolean }) => Tensor;
  const pool = byAxes<Average>(call, x, [avgPool1d, avgPool2d, avgPool3d]);
  return pooled(x, (t) => pool(t, kernel, { ...options, countIncludePad }));
}

function lpPool(call: Call): Tensor {
  const x = call.input(0);
  const { kernel, options } = optionsOf(call, x);
  type Lp = (x: Tensor, p: number, kernel: Sizes, options: PoolOptions) => Tensor;
  return byAxes<Lp>(call, x, [lpPool1d, lpPool2d, lpPool3d])(x.tensor, call.int("p", 2), kernel, options);
}

/** Indices count in the whole output tensor; the map's own start is taken off. */
function maxUnpool(call: Call): Tensor {
  const x = call.input(0);
  const size = x.shape.slice(2);
  const kernel = call.ints("kernel_shape");
  const stride = call.ints(
    "strides",
    kernel.map(() => 1),
  );
  const pads = call.ints(
    "pads",
    [...kernel, ...kernel].map(() => 0),
  );
  const usual = size.map((d, k) => (d - 1) * stride[k]! + kernel[k]! - pads[k]! - pads[k + size.length]!);
  const given = call.optional(2)?.numbers("the output shape").slice(2);
  if (given !== undefined && !sameShape(given, usual)) {
    // ONNX's own vectors count indices in the usual shape, its runtimes in the given one.
    return call.unsupported(`an output shape other than ${showShape(usual)}, which runtimes read differently`);
  }
  const maps = x.shape[0]! * x.shape[1]!;
  const start = arange(maps, "int32")
    .mul(sizeOf(usual))
    .reshape([x.shape[0]!, x.shape[1]!, ...size.map(() => 1)]);
  type Unpool = (x: Tensor, indices: Tensor, kernel: Sizes, options: { stride: Sizes; outputSize: Sizes }) => Tensor;
  const unpool = byAxes<Unpool>(call, x, [maxUnpool1d, maxUnpool2d, maxUnpool3d]);
  return unpool(x.tensor, call.tensor(1).sub(start), kernel, { stride, outputSize: usual });
}

export const poolingHandlers = {
  AveragePool: averagePool,
  GlobalAveragePool: (call) => globalAvgPool(call.tensor(0)),
  GlobalLpPool: (call) => globalLpPool(call.tensor(0), call.int("p", 2)),
  GlobalMaxPool: (call) => globalMaxPool(call.tensor(0)),
  LpPool: lpPool,
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
} as const satisfies Handlers;
