import type { RandomStream } from "../../base/random.ts";
import { exp, log } from "../../base/math.ts";
import { resizeImage, startOfMiddle, type Interpolation } from "../image.ts";
import type { Picture, Sample } from "../sample.ts";
import type { Fill, OptionCheck, Size } from "./options.ts";
import { moveSample, UNKNOWN_CLASS } from "./places.ts";
import { defineTransform } from "./transform.ts";
import { cutWindow, type PaddingMode, type Window } from "./window.ts";

interface VisibilityOption {
  /** A box that keeps less of its area is dropped, 0 … 1; default 0: it is dropped when nothing is left. */
  readonly minVisibility?: number;
}

interface PaddingOptions {
  /** Value of the new pixels in mode "constant", 0 … 255, one number or one per channel; default 0. */
  readonly fill?: Fill;
  /** What is outside: "constant" (default), "edge", "reflect" (without the edge pixel) or "symmetric" (with it). */
  readonly paddingMode?: PaddingMode;
}

/** One number for all sides, [x, y], or [left, top, right, bottom], in pixels. */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number];

export interface PadOptions extends PaddingOptions {
  readonly padding: Padding;
}

export interface CenterCropOptions extends VisibilityOption {
  readonly size: Size;
  readonly fill?: Fill;
}

export interface RandomCropOptions extends PaddingOptions, VisibilityOption {
  readonly size: Size;
  /** Put around the picture first; default 0. */
  readonly padding?: Padding;
}

export interface RandomResizedCropOptions extends VisibilityOption {
  /** Of what comes out. */
  readonly size: Size;
  /** Share of the picture's area that is cut out; default [0.08, 1]. */
  readonly scale?: readonly [low: number, high: number];
  /** Width / height of the part that is cut out; default [3/4, 4/3]. */
  readonly ratio?: readonly [low: number, high: number];
  /** Default "bilinear". */
  readonly interpolation?: Interpolation;
}

const paddingModes = ["constant", "edge", "reflect", "symmetric"] as const;

/** Puts a border around. Masks get 255 there, "does not count", unless the mode repeats what is inside. */
export const pad = defineTransform<PadOptions>(
  "pad",
  { padding: undefined, fill: 0, paddingMode: "constant" },
  ({ padding, fill, paddingMode }, check) => {
    const [left, top, right, bottom] = sides(padding, check);
    const mode = check.oneOf("paddingMode", paddingMode, paddingModes);
    const fillFor = check.fill(fill);
    return (sample) => {
      const { width, height } = sample.image;
      const window = { left: -left, top: -top, width: width + left + right, height: height + top + bottom };
      return cutSample(sample, window, { mode, fillFor });
    };
  },
);

/** The middle; where the picture is smaller, `fill` is put around it. */
export const centerCrop = defineTransform<CenterCropOptions>(
  "centerCrop",
  { size: undefined, fill: 0, minVisibility: 0 },
  (options, check) => {
    const [height, width] = check.size("size", options.size);
    const minVisibility = check.probability("minVisibility", options.minVisibility);
    const fillFor = check.fill(options.fill);
    return (sample) => {
      const left = startOfMiddle(sample.image.width - width);
      const top = startOfMiddle(sample.image.height - height);
      return cutSample(sample, { left, top, width, height }, { fillFor, minVisibility });
    };
  },
);

/** A part at a random place, such as `{ size: 32, padding: 4 }` for CIFAR. A picture that is too small is padded evenly. */
export const randomCrop = defineTransform<RandomCropOptions>(
  "randomCrop",
  { size: undefined, padding: 0, fill: 0, paddingMode: "constant", minVisibility: 0 },
  (options, check) => {
    const [height, width] = check.size("size", options.size);
    const [padLeft, padTop, padRight, padBottom] = sides(options.padding, check);
    const mode = check.oneOf("paddingMode", options.paddingMode, paddingModes);
    const minVisibility = check.probability("minVisibility", options.minVisibility);
    const fillFor = check.fill(options.fill);
    return (sample, random) => {
      const top = randomStart(sample.image.height, padTop, padBottom, height, random);
      const left = randomStart(sample.image.width, padLeft, padRight, width, random);
      return cutSample(sample, { left, top, width, height }, { mode, fillFor, minVisibility });
    };
  },
);

/** Where a cut of `wanted` pixels starts, in a side of `length` with padding. */
function randomStart(length: number, before: number, after: number, wanted: number, random: RandomStream): number {
  const room = before + length + after - wanted;
  return room >= 0 ? random.int(room + 1) - before : startOfMiddle(room) - before;
}

/**
 * A part of random area and aspect, resized: what networks are trained on ImageNet with (Szegedy et al., 2014,
 * "Going deeper with convolutions"). Drawn and cut as torchvision does.
 */
export const randomResizedCrop = defineTransform<RandomResizedCropOptions>(
  "randomResizedCrop",
  { size: undefined, scale: [0.08, 1], ratio: [3 / 4, 4 / 3], interpolation: "bilinear", minVisibility: 0 },
  (options, check) => {
    const [height, width] = check.size("size", options.size);
    const scale = check.range("scale", options.scale, 0, 1);
    const ratio = check.range("ratio", options.ratio, 1e-3, 1e3);
    const interpolation = check.interpolation(options.interpolation);
    const minVisibility = check.probability("minVisibility", options.minVisibility);
    return (sample, random) => {
      const window = randomWindow(sample.image, scale, ratio, random);
      const [sx, sy] = [width / window.width, height / window.height];
      const part = (picture: Picture, filter: Interpolation) =>
        resizeImage(cutWindow(picture, window), { width, height }, filter);
      return moveSample(sample, {
        image: part(sample.image, interpolation),
        mask: (classes) => part(classes, "nearest"),
        point: (x, y) => [(x - window.left) * sx, (y - window.top) * sy],
        minVisibility,
      });
    };
  },
);

/** Ten tries for a window that fits, then the largest one in the middle whose aspect is allowed. */
function randomWindow(
  { width, height }: Picture,
  scale: readonly [number, number],
  ratio: readonly [number, number],
  random: RandomStream,
): Window {
  const [logLow, logHigh] = [log(ratio[0]), log(ratio[1])];
  for (let tries = 0; tries < 10; tries++) {
    const area = width * height * (scale[0] + (scale[1] - scale[0]) * random.uniform());
    const aspect = exp(logLow + (logHigh - logLow) * random.uniform());
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w >= 1 && w <= width && h >= 1 && h <= height) {
      const top = random.int(height - h + 1);
      return { left: random.int(width - w + 1), top, width: w, height: h };
    }
  }
  const aspect = Math.min(Math.max(width / height, ratio[0]), ratio[1]);
  const w = Math.min(width, Math.max(1, Math.round(height * aspect)));
  const h = Math.min(height, Math.max(1, Math.round(width / aspect)));
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

interface CutOptions {
  readonly mode?: PaddingMode;
  readonly fillFor: (channels: number) => Uint8Array;
  readonly minVisibility?: number;
}

function cutSample(sample: Sample, window: Window, { mode, fillFor, minVisibility = 0 }: CutOptions): Sample {
  return moveSample(sample, {
    image: cutWindow(sample.image, window, mode, fillFor(sample.image.channels)),
    mask: (classes) => cutWindow(classes, window, mode, unknown),
    point: (x, y) => [x - window.left, y - window.top],
    minVisibility,
  });
}

const unknown = Uint8Array.of(UNKNOWN_CLASS);

function sides(padding: unknown, check: OptionCheck): readonly [number, number, number, number] {
  const list = Array.isArray(padding) ? padding : [padding];
  if (![1, 2, 4].includes(list.length) || !list.every((n) => Number.isInteger(n) && n >= 0 && n <= 65535)) {
    return check.fail("padding", "pixels ≥ 0: one number, [x, y] or [left, top, right, bottom]", padding);
  }
  const [left, top = left, right = left, bottom = top] = list;
  return [left, top, right, bottom];
}
