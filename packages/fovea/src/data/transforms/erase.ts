import { exp, log } from "../../base/math.ts";
import type { RandomStream } from "../../base/random.ts";
import type { Picture } from "../sample.ts";
import { between } from "./affine.ts";
import type { Fill } from "./options.ts";
import { withImage } from "./tables.ts";
import { defineTransform } from "./transform.ts";
import type { Window } from "./window.ts";

export interface RandomErasingOptions {
  /** Chance that a part is erased; default 0.5. */
  readonly p?: number;
  /** Share of the area that is erased; default [0.02, 0.33]. */
  readonly scale?: readonly [low: number, high: number];
  /** Height / width of the erased part; default [0.3, 3.3]. */
  readonly ratio?: readonly [low: number, high: number];
  /** What is put there: 0 … 255, one number or one per channel, or "random" for noise; default 0. */
  readonly fill?: Fill | "random";
}

/** Covers a random rectangle (Zhong et al., 2017, "Random erasing data augmentation"). Boxes and masks stay. */
export const randomErasing = defineTransform<RandomErasingOptions>(
  "randomErasing",
  { p: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], fill: 0 },
  (options, check) => {
    const p = check.probability("p", options.p);
    const scale = check.range("scale", options.scale, 0, 1);
    const ratio = check.range("ratio", options.ratio, 1e-3, 1e3);
    const fillFor = options.fill === "random" ? null : check.fill(options.fill);
    const logRatio = [log(ratio[0]), log(ratio[1])] as const;
    return (sample, random) => {
      if (random.uniform() >= p) return sample;
      const { width, height, channels } = sample.image;
      for (let tries = 0; tries < 10; tries++) {
        const area = width * height * between(...scale, random);
        const aspect = exp(between(...logRatio, random));
        const [h, w] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
        if (h >= height || w >= width) continue;
        const top = random.int(height - h + 1);
        const window = { left: random.int(width - w + 1), top, width: w, height: h };
        return withImage(sample, covered(sample.image, window, fillFor?.(channels) ?? random));
      }
      return sample;
    };
  },
);

export interface CutoutOptions {
  /** Side of the squares in pixels. */
  readonly size: number;
  /** How many; default 1. */
  readonly holes?: number;
  /** What is put there, 0 … 255, one number or one per channel; default 0. The paper takes the mean colour. */
  readonly fill?: Fill;
  /** Chance that a sample is changed; default 1. */
  readonly p?: number;
}

/**
 * Covers squares around random pixels; parts of them may lie outside (DeVries and Taylor, 2017, "Improved regularization
 * of convolutional neural networks with cutout"). Boxes and masks stay.
 */
export const cutout = defineTransform<CutoutOptions>(
  "cutout",
  { size: undefined, holes: 1, fill: 0, p: 1 },
  (options, check) => {
    const side = check.whole("size", options.size, 1, 65535);
    const holes = check.whole("holes", options.holes, 1, 1000);
    const fillFor = check.fill(options.fill);
    const p = check.probability("p", options.p);
    return (sample, random) => {
      if (random.uniform() >= p) return sample;
      let { image } = sample;
      const { width, height, channels } = image;
      for (let hole = 0; hole < holes; hole++) {
        const top = random.int(height) - Math.floor(side / 2);
        const left = random.int(width) - Math.floor(side / 2);
        image = covered(image, { left, top, width: side, height: side }, fillFor(channels));
      }
      return withImage(sample, image);
    };
  },
);

/** The picture with one colour, or noise, in a window. */
function covered(picture: Picture, window: Window, fill: Uint8Array | RandomStream): Picture {
  const { width, height, channels } = picture;
  const pixels = picture.pixels.slice();
  const [x0, x1] = [Math.max(0, window.left), Math.min(width, window.left + window.width)];
  const [y0, y1] = [Math.max(0, window.top), Math.min(height, window.top + window.height)];
  for (let y = y0; y < y1; y++) {
    const [start, end] = [(y * width + x0) * channels, (y * width + x1) * channels];
    if (fill instanceof Uint8Array)
      for (let i = start, c = 0; i < end; i++, c = (c + 1) % channels) pixels[i] = fill[c]!;
    else for (let i = start; i < end; i++) pixels[i] = fill.uint32() >>> 24;
  }
  return { ...picture, pixels };
}
