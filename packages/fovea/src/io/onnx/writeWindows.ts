import type { Shape } from "../../base/shape.ts";
import type { AvgPoolAttrs } from "../../ops/avgPool2d.ts";
import type { Conv2dAttrs } from "../../ops/conv2d.ts";
import type { PoolAttrs } from "../../ops/pool.ts";
import type { Sides } from "../../ops/windows.ts";
import { int32, type Write } from "./writeOp.ts";

/** All begins, then all ends. */
const padsOf = ([[top, bottom], [left, right]]: Sides) => [top, left, bottom, right];

function poolAttributes({ kernel, stride, padding, dilation, ceilMode }: PoolAttrs) {
  return {
    kernel_shape: kernel,
    strides: stride,
    pads: padsOf(padding),
    ceil_mode: Number(ceilMode),
    ...(dilation.some((d) => d > 1) && { dilations: dilation }),
  };
}

export const convolution: Write = ({ w, names, specs, attrs }) => {
  const { stride, padding, dilation, groups } = attrs as unknown as Conv2dAttrs;
  const given = names[2] ? names : names.slice(0, 2);
  return w.add("Conv", given, {
    kernel_shape: specs[1]!.shape.slice(2),
    strides: stride,
    pads: padsOf(padding),
    dilations: dilation,
    group: groups,
  });
};

/** The gradient with respect to the input is the transposed convolution; what no window reached is output padding. */
export const transposedConvolution: Write = ({ w, names, specs, attrs }) => {
  const { stride, padding, dilation, groups } = attrs as unknown as Conv2dAttrs;
  const shape = attrs["shape"] as Shape;
  const [size, kernel] = [specs[0]!.shape.slice(2), specs[1]!.shape.slice(2)];
  const extra = [0, 1].map((k) => {
    const reached = (size[k]! - 1) * stride[k]! + dilation[k]! * (kernel[k]! - 1) + 1 - padding[k]![0] - padding[k]![1];
    return shape[k + 2]! - reached;
  });
  return w.add("ConvTranspose", names, {
    kernel_shape: kernel,
    strides: stride,
    pads: padsOf(padding),
    dilations: dilation,
    output_padding: extra,
    group: groups,
  });
};

/** ONNX counts places in the whole tensor, Fovea in each map. */
export const maxIndices: Write = ({ w, names, specs, attrs }) => {
  const [, , height, width] = specs[0]!.shape as readonly [number, number, number, number];
  const places = int32(w, w.add("MaxPool", names, poolAttributes(attrs as unknown as PoolAttrs), 1));
  return w.add("Mod", [places, w.scalar(height * width, "int32")]);
};

export const maxPool: Write = ({ w, names, attrs }) =>
  w.add("MaxPool", names, poolAttributes(attrs as unknown as PoolAttrs));

export const averagePool: Write = ({ w, names, attrs }) => {
  const pool = attrs as unknown as AvgPoolAttrs;
  return w.add("AveragePool", names, { ...poolAttributes(pool), count_include_pad: Number(pool.countIncludePad) });
};
