import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { div, sub } from "../ops/binary.ts";
import { cast } from "../ops/cast.ts";
import { flip } from "../ops/movement.ts";
import { fromHost, tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cropCentre, resizeImage, shorterSideTo, type Interpolation, type RgbImage } from "./image.ts";

/** What becomes of bytes 0 … 255: (value / divisor − mean) / std for each channel, in the order that the network wants. */
export interface ValueRule {
  readonly order: "RGB" | "BGR";
  readonly divisor: number;
  /** Per channel, in `order`. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Keras' three ways to feed a network, by the framework that its weights came from. */
export const valueRules = {
  /** BGR, the mean colour of ImageNet taken off, not scaled. */
  caffe: { order: "BGR", divisor: 1, mean: [103.939, 116.779, 123.68], std: [1, 1, 1] },
  /** −1 … 1. */
  tf: { order: "RGB", divisor: 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
  /** 0 … 1, then normalised by ImageNet's mean and standard deviation. */
  torch: { order: "RGB", divisor: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
} as const satisfies Record<string, ValueRule>;

export type PreprocessMode = keyof typeof valueRules;

/** How a picture becomes the input of a network. */
export interface Preprocessing {
  /** The shorter side in pixels (the aspect stays), or exactly [height, width]. */
  readonly resize: number | readonly [height: number, width: number];
  readonly interpolation: Interpolation;
  /** Side of the square that is cut out of the middle; null for all of it. */
  readonly crop: number | null;
  readonly values: PreprocessMode | ValueRule;
}

/** Whether something read from a file is such a rule. */
export function isPreprocessing(rule: unknown): rule is Preprocessing {
  const { resize, interpolation, crop, values } = (rule ?? {}) as Partial<Record<keyof Preprocessing, unknown>>;
  const isSide = (side: unknown) => Number.isInteger(side) && (side as number) >= 1 && (side as number) <= 1 << 14;
  const isTriple = (list: unknown) => Array.isArray(list) && list.length === 3 && list.every(Number.isFinite);
  const { order, divisor, mean, std } = (values ?? {}) as Partial<Record<keyof ValueRule, unknown>>;
  return (
    (isSide(resize) || (Array.isArray(resize) && resize.length === 2 && resize.every(isSide))) &&
    (interpolation === "bilinear" || interpolation === "bicubic" || interpolation === "nearest") &&
    (crop === null || isSide(crop)) &&
    (typeof values === "string"
      ? Object.hasOwn(valueRules, values)
      : (order === "RGB" || order === "BGR") && Number.isFinite(divisor) && isTriple(mean) && isTriple(std))
  );
}

export interface PreprocessInputOptions {
  /** Where the channels are: "channels_first" (default), [N, 3, H, W] or [3, H, W]; or "channels_last". */
  readonly dataFormat?: "channels_first" | "channels_last";
}

/**
 * Pixels 0 … 255 (RGB) as the weights of a mode want them; as Keras' `preprocess_input`.
 *
 * "caffe": RGB → BGR, minus 103.939, 116.779, 123.68. "tf": x / 127.5 − 1. "torch": x / 255, minus .485, .456, .406,
 * divided by .229, .224, .225. The input is not changed.
 *
 * @param x [N, 3, H, W] or [3, H, W], or with the channels last.
 */
export function preprocessInput(
  x: Tensor,
  mode: PreprocessMode = "caffe",
  { dataFormat = "channels_first" }: PreprocessInputOptions = {},
): Tensor {
  const { order, divisor, mean, std } = ruleOf(mode);
  if (dataFormat !== "channels_first" && dataFormat !== "channels_last") {
    throw new UsageError(`preprocessInput: dataFormat is channels_first or channels_last, got "${String(dataFormat)}"`);
  }
  const axis = dataFormat === "channels_last" ? x.rank - 1 : x.rank - 3;
  if ((x.rank !== 3 && x.rank !== 4) || x.shape[axis] !== 3) {
    const wanted = dataFormat === "channels_last" ? "[N, H, W, 3] or [H, W, 3]" : "[N, 3, H, W] or [3, H, W]";
    throw new ShapeError(`preprocessInput (${dataFormat}): wanted ${wanted}, got ${showShape(x.shape)}`);
  }
  const perChannel = (values: readonly number[]) =>
    tensor(Float32Array.from(values), { shape: dataFormat === "channels_last" ? [3] : [3, 1, 1] });
  let y = x.dtype === "float32" ? x : cast(x, "float32");
  if (order === "BGR") y = flip(y, axis);
  if (divisor !== 1) y = div(y, divisor);
  y = sub(y, perChannel(mean));
  return std.every((s) => s === 1) ? y : div(y, perChannel(std));
}

function ruleOf(values: PreprocessMode | ValueRule): ValueRule {
  if (typeof values !== "string") return values;
  if (Object.hasOwn(valueRules, values)) return valueRules[values];
  throw new UsageError(`the mode "${String(values)}" is not known; modes are ${Object.keys(valueRules).join(", ")}`);
}

/** The part of a picture that a network sees, in its size. */
export function fitImage(image: RgbImage, { resize, interpolation, crop }: Preprocessing): RgbImage {
  const size = typeof resize === "number" ? shorterSideTo(image, resize) : { height: resize[0], width: resize[1] };
  const sized = resizeImage(image, size, interpolation);
  return crop === null ? sized : cropCentre(sized, crop, crop);
}

/** [H, W] of what comes out, where the rule fixes it. */
export function preprocessedSize({ resize, crop }: Preprocessing): readonly [height: number, width: number] | null {
  if (crop !== null) return [crop, crop];
  return typeof resize === "number" ? null : resize;
}

/**
 * Pictures as a batch for a network: resized, cut and scaled by its rule. [N, 3, H, W]
 *
 * @param rule Of weights, `(await models.load("resnet50.imagenet1k-v2")).preprocessing`, or one of your own.
 */
export function preprocessImages(images: readonly RgbImage[], rule: Preprocessing): Tensor {
  if (images.length === 0) throw new UsageError("preprocessImages: no images");
  const { order, divisor, mean, std } = ruleOf(rule.values);
  // One table per channel of the output: its value for each byte.
  const tables = [0, 1, 2].map((c) =>
    Float32Array.from({ length: 256 }, (_, byte) => (byte / divisor - mean[c]!) / std[c]!),
  );
  let out: Float32Array | undefined;
  let first: RgbImage | undefined;
  for (const [n, image] of images.entries()) {
    const { width, height, pixels } = fitImage(image, rule);
    const plane = width * height;
    first ??= { width, height, pixels };
    if (width !== first.width || height !== first.height) {
      throw new ShapeError(
        `preprocessImages: image ${n} becomes ${height} × ${width}, the first one ${first.height} × ${first.width}; ` +
          "a batch needs one size: give the rule a crop, or take one image at a time",
      );
    }
    out ??= new Float32Array(images.length * 3 * plane);
    for (let c = 0; c < 3; c++) {
      const table = tables[c]!;
      const from = order === "RGB" ? c : 2 - c;
      const start = (3 * n + c) * plane;
      for (let i = 0; i < plane; i++) out[start + i] = table[pixels[3 * i + from]!]!;
    }
  }
  return fromHost(out!, [images.length, 3, first!.height, first!.width], "float32");
}
