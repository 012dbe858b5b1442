import { ShapeError } from "../../../base/errors.ts";
import { normalizeAxis } from "../../../base/shape.ts";
import { gridSample } from "../../../ops/gridSample.ts";
import {
  resize as resizeTensor,
  type CoordinateMode,
  type NearestMode,
  type ResizeOptions,
} from "../../../ops/resize.ts";
import { roiAlign } from "../../../ops/roiAlign.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import { isFloat } from "../elementTypes.ts";
import { Value } from "../value.ts";

const coordinates: readonly string[] = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_crop_and_resize",
] satisfies CoordinateMode[];

type Mode = "nearest" | "linear" | "cubic";

function modeOf(call: Call): Mode {
  const mode = call.string("mode", "nearest");
  if (mode === "nearest" || mode === "linear" || mode === "cubic") return mode;
  return call.unsupported(`mode=${mode}`);
}

/** Resizes along the axes whose size changes. Opset 10 has scales as input 1, later ones roi, scales and sizes. */
function resize(call: Call): Value {
  const x = call.input(0);
  const early = call.opset < 11;
  const axes = call
    .ints(
      "axes",
      x.shape.map((_, i) => i),
    )
    .map((a) => normalizeAxis(a, x.rank, "Resize"));
  const some = (index: number, what: string) => {
    const list = call.optional(index)?.numbers(what);
    return list === undefined || list.length === 0 ? undefined : list;
  };
  const sizes = early ? undefined : some(3, "the sizes");
  const scales = early ? some(1, "the scales") : some(2, "the scales");
  const coordinate = call.string("coordinate_transformation_mode", early ? "asymmetric" : "half_pixel");
  if (!coordinates.includes(coordinate)) return call.unsupported(`coordinate_transformation_mode=${coordinate}`);
  if (coordinate === "align_corners" && scales?.some((scale, i) => !Number.isInteger(scale * x.shape[axes[i]!]!))) {
    // ONNX counts with the broken size, its runtimes with the whole one.
    return call.unsupported("align_corners with scales that do not give whole sizes, which runtimes read differently");
  }
  const roi = coordinate === "tf_crop_and_resize" ? some(1, "the region") : undefined;
  const count = axes.length;
  const options: ResizeOptions = {
    axes,
    ...sizesOrScales(call, x, axes, sizes, scales),
    mode: modeOf(call),
    coordinates: coordinate as CoordinateMode,
    nearest: call.string("nearest_mode", early ? "floor" : "round_prefer_floor") as NearestMode,
    cubicCoefficient: call.float("cubic_coeff_a", -0.75),
    excludeOutside: call.int("exclude_outside", 0) !== 0,
    antialias: call.int("antialias", 0) !== 0,
    extrapolationValue: call.float("extrapolation_value", 0),
    ...(roi && { roi: axes.map((_, i): [number, number] => [roi[i]!, roi[i + count]!]) }),
  };
  const y = resizeTensor(x.tensor.cast("float32"), options);
  return Value.of(isFloat(x.type) ? y : y.cast("int32"), x.type);
}

/** keep_aspect_ratio_policy turns the wished sizes into one scale for all axes. */
function sizesOrScales(
  call: Call,
  x: Value,
  axes: readonly number[],
  sizes: number[] | undefined,
  scales: number[] | undefined,
): { sizes: number[] } | { scales: number[] } {
  if (sizes === undefined) {
    if (scales === undefined) throw new ShapeError("neither scales nor sizes are given");
    return { scales };
  }
  const policy = call.string("keep_aspect_ratio_policy", "stretch");
  if (policy === "stretch") return { sizes };
  const ratios = sizes.map((d, i) => d / x.shape[axes[i]!]!);
  const scale = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return { sizes: axes.map((axis) => Math.round(scale * x.shape[axis]!)) };
}

/** Upsample is Resize before it had choices. */
function upsample(call: Call): Value {
  const x = call.input(0);
  const scales = call.has("scales") ? [...call.floats("scales")] : call.input(1).numbers("the scales");
  const axes = x.shape.map((_, i) => i);
  const mode = call.string("mode", "nearest") === "bilinear" ? "linear" : modeOf(call);
  const y = resizeTensor(x.tensor.cast("float32"), { axes, scales, mode, coordinates: "asymmetric", nearest: "floor" });
  return Value.of(isFloat(x.type) ? y : y.cast("int32"), x.type);
}

const gridModes = {
  linear: "bilinear",
  bilinear: "bilinear",
  cubic: "bicubic",
  bicubic: "bicubic",
  nearest: "nearest",
} as const;
const gridPaddings = { zeros: "zeros", border: "border", reflection: "reflection" } as const;

function sample(call: Call): Tensor {
  const mode = call.string("mode", "bilinear");
  const padding = call.string("padding_mode", "zeros");
  if (!Object.hasOwn(gridModes, mode)) return call.unsupported(`mode=${mode}`);
  if (!Object.hasOwn(gridPaddings, padding)) return call.unsupported(`padding_mode=${padding}`);
  return gridSample(call.tensor(0), call.tensor(1), {
    mode: gridModes[mode as keyof typeof gridModes],
    paddingMode: gridPaddings[padding as keyof typeof gridPaddings],
    alignCorners: call.int("align_corners", 0) !== 0,
  });
}

function align(call: Call): Tensor {
  const mode = call.string("mode", "avg");
  if (mode !== "avg" && mode !== "max") return call.unsupported(`mode=${mode}`);
  const usual = call.opset < 16 ? "output_half_pixel" : "half_pixel";
  return roiAlign(call.tensor(0), call.tensor(1), call.tensor(2), {
    outputSize: [call.int("output_height", 1), call.int("output_width", 1)],
    spatialScale: call.float("spatial_scale", 1),
    samplingRatio: call.int("sampling_ratio", 0),
    aligned: call.string("coordinate_transformation_mode", usual) === "half_pixel",
    mode,
  });
}

export const resizeHandlers = {
  GridSample: sample,
  Resize: resize,
  RoiAlign: align,
  Upsample: upsample,
} as const satisfies Handlers;
