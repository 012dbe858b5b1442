import { FormatError, ShapeError } from "../../../base/errors.ts";
import { showShape } from "../../../base/shape.ts";
import { conv1d } from "../../../ops/conv1d.ts";
import { conv2d } from "../../../ops/conv2d.ts";
import { conv3d } from "../../../ops/conv3d.ts";
import { convTranspose1d, convTranspose2d, convTranspose3d } from "../../../ops/convTranspose.ts";
import { padMode } from "../../../ops/padding.ts";
import type { Side } from "../../../ops/windows.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";

/** How windows move over the spatial axes, from a node's attributes. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** [before, after] per axis, auto_pad resolved. */
  readonly padding: readonly Side[];
}

/** Reads kernel, strides, dilations and padding. ONNX writes pads as all begins, then all ends. */
export function windows(call: Call, size: readonly number[], kernel: readonly number[]): Windows {
  const ones = size.map(() => 1);
  const stride = call.ints("strides", ones);
  const dilation = call.ints("dilations", ones);
  for (const [name, list] of Object.entries({ kernel_shape: kernel, strides: stride, dilations: dilation })) {
    if (list.length !== size.length || !list.every((v) => v >= 1)) {
      throw new ShapeError(`${name} ${showShape(list)} must be ${size.length} numbers ≥ 1`);
    }
  }
  return { kernel, stride, dilation, padding: sides(call, size, { kernel, stride, dilation }) };
}

function sides(call: Call, size: readonly number[], { kernel, stride, dilation }: Omit<Windows, "padding">): Side[] {
  const rule = call.string("auto_pad", "NOTSET");
  if (rule === "VALID") return size.map(() => [0, 0]);
  if (rule === "SAME_UPPER" || rule === "SAME_LOWER") {
    return size.map((d, k) => {
      const outputs = Math.ceil(d / stride[k]!);
      const total = Math.max(0, (outputs - 1) * stride[k]! + dilation[k]! * (kernel[k]! - 1) + 1 - d);
      return halves(total, rule);
    });
  }
  if (rule !== "NOTSET" && rule !== "") throw new FormatError(`auto_pad ${rule} is not known`);
  const pads = call.ints(
    "pads",
    [...size, ...size].map(() => 0),
  );
  if (pads.length !== 2 * size.length)
    throw new ShapeError(`pads ${showShape(pads)} must be ${2 * size.length} numbers`);
  return size.map((_, k) => [pads[k]!, pads[k + size.length]!]);
}

/** The odd pixel goes to the end for SAME_UPPER, to the beginning for SAME_LOWER. */
function halves(total: number, rule: string): Side {
  const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return rule === "SAME_LOWER" ? [more, less] : [less, more];
}

function convolution(call: Call): Tensor {
  const [x, weight, bias] = [call.tensor(0), call.tensor(1), call.optional(2)?.tensor];
  const { stride, dilation, padding } = windows(call, x.shape.slice(2), kernelOf(call, weight));
  const options = { stride, dilation, padding: padding as never, groups: call.int("group", 1) };
  if (x.rank === 3) return conv1d(x, weight, bias, { ...options, stride: stride[0]!, dilation: dilation[0]! });
  if (x.rank === 4) return conv2d(x, weight, bias, { ...options, stride: two(stride), dilation: two(dilation) });
  if (x.rank === 5) return conv3d(x, weight, bias, { ...options, stride: three(stride), dilation: three(dilation) });
  return call.unsupported(`${x.rank - 2} spatial axes`);
}

const two = (list: readonly number[]) => list as unknown as readonly [number, number];
const three = (list: readonly number[]) => list as unknown as readonly [number, number, number];

/** The kernel's size is the weight's; the attribute may repeat it. */
function kernelOf(call: Call, weight: Tensor): readonly number[] {
  const kernel = weight.shape.slice(2);
  const said = call.ints("kernel_shape", kernel);
  if (said.join() !== kernel.join())
    throw new ShapeError(`kernel_shape ${showShape(said)} is not that of the weight ${showShape(weight.shape)}`);
  return kernel;
}

function transposed(call: Call): Tensor {
  const [x, weight, bias] = [call.tensor(0), call.tensor(1), call.optional(2)?.tensor];
  const size = x.shape.slice(2);
  const kernel = kernelOf(call, weight);
  const ones = size.map(() => 1);
  const stride = call.ints("strides", ones);
  const dilation = call.ints("dilations", ones);
  const extra = call.ints(
    "output_padding",
    size.map(() => 0),
  );
  const rule = call.string("auto_pad", "NOTSET");
  const wanted = call.has("output_shape")
    ? call.ints("output_shape").slice(-size.length)
    : rule.startsWith("SAME")
      ? size.map((d, k) => d * stride[k]!)
      : null;
  const padding = wanted
    ? size.map((d, k): Side => {
        const all = stride[k]! * (d - 1) + extra[k]! + dilation[k]! * (kernel[k]! - 1) + 1;
        const total = all - wanted[k]!;
        // Only SAME_UPPER has the odd pixel at the end; also without a rule it is at the beginning.
        if (total < 0)
          throw new ShapeError(`output_shape ${showShape(wanted)} is larger than the ${all} outputs of axis ${k}`);
        return halves(total, rule === "SAME_UPPER" ? "SAME_UPPER" : "SAME_LOWER");
      })
    : sides(call, size, { kernel, stride, dilation });
  const options = { padding: padding as never, groups: call.int("group", 1) };
  if (x.rank === 3) {
    return convTranspose1d(x, weight, bias, {
      ...options,
      stride: stride[0]!,
      dilation: dilation[0]!,
      outputPadding: extra[0]!,
    });
  }
  if (x.rank === 4) {
    return convTranspose2d(x, weight, bias, {
      ...options,
      stride: two(stride),
      dilation: two(dilation),
      outputPadding: two(extra),
    });
  }
  if (x.rank === 5) {
    const all = { ...options, stride: three(stride), dilation: three(dilation), outputPadding: three(extra) };
    return convTranspose3d(x, weight, bias, all);
  }
  return call.unsupported(`${x.rank - 2} spatial axes`);
}

const modes = { constant: "zeros", reflect: "reflect", edge: "replicate", wrap: "circular" } as const;

/** Padding of any axes. Opset 11 and later pass the numbers as inputs. */
function pad(call: Call): Tensor {
  const x = call.tensor(0);
  const pads = call.intsFrom("pads", 1) ?? call.ints("paddings");
  const axes =
    call
      .optional(3)
      ?.numbers("the axes")
      .map((a) => (a < 0 ? a + x.rank : a)) ?? x.shape.map((_, i) => i);
  if (pads.length !== 2 * axes.length) throw new ShapeError(`${pads.length} pads for ${axes.length} axes`);
  const padding = x.shape.map((): [number, number] => [0, 0]);
  axes.forEach((axis, k) => (padding[axis] = [pads[k]!, pads[k + axes.length]!]));
  const mode = call.string("mode", "constant");
  if (!Object.hasOwn(modes, mode)) return call.unsupported(`mode=${mode}`);
  const value = call.has("value") ? call.float("value") : (call.optional(2)?.numbers("the value")[0] ?? 0);
  if (mode !== "constant" || value === 0) return padMode(x, padding, modes[mode as keyof typeof modes]);
  const grown = padding.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  const cut = padding.map(([before, after]): [number, number] => [Math.min(0, before), Math.min(0, after)]);
  return padMode(x, cut).pad(grown, value);
}

export const convolutionHandlers = {
  Conv: convolution,
  ConvTranspose: transposed,
  Pad: pad,
} as const satisfies Handlers;
