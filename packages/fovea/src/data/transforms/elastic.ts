import type { RandomStream } from "../../base/random.ts";
import { checkWarping, type WarpingOptions } from "./affine.ts";
import { gaussianWeights, smooth } from "./gaussian.ts";
import { defineTransform } from "./transform.ts";
import { warpSample, type Source } from "./warp.ts";

export interface ElasticOptions extends WarpingOptions {
  /** Strength: random shifts of −1 … 1, smoothed by `sigma`, times this, in pixels; default 34. */
  readonly alpha?: number;
  /** Standard deviation in pixels of the Gaussian that smooths the shifts; default 4. */
  readonly sigma?: number;
  /** Chance that a sample is changed; default 1. */
  readonly p?: number;
}

/**
 * Elastic distortion (Simard, Steinkraus and Platt, 2003, "Best practices for convolutional neural networks").
 *
 * Defaults are the paper's, for digits of 29 × 29. Shifts are in pixels; torchvision's `alpha` is twice as large for
 * the same picture, as it counts in half sides.
 */
export const elastic = defineTransform<ElasticOptions>(
  "elastic",
  { alpha: 34, sigma: 4, p: 1, interpolation: "bilinear", fill: 0, minVisibility: 0 },
  (options, check) => {
    const alpha = check.number("alpha", options.alpha, 0, 1e4);
    const sigma = check.number("sigma", options.sigma, 0.1, 1e3);
    const p = check.probability("p", options.p);
    const warping = checkWarping(options, check);
    const weights = gaussianWeights(2 * Math.ceil(4 * sigma) + 1, sigma);
    return (sample, random) => {
      if (random.uniform() >= p) return sample;
      const { width, height } = sample.image;
      const field = () => shifts(width, height, weights, alpha, random);
      return warpSample(sample, shiftedSource(width, height, field(), field()), { ...warping, edgePoints: 8 });
    };
  },
);

function shifts(
  width: number,
  height: number,
  weights: Float64Array,
  alpha: number,
  random: RandomStream,
): Float64Array {
  const noise = Float64Array.from(random.fillUniform(new Float32Array(width * height), -1, 1));
  const field = smooth(noise, width, height, 1, weights, weights);
  for (let i = 0; i < field.length; i++) field[i] = field[i]! * alpha;
  return field;
}

function shiftedSource(width: number, height: number, dx: Float64Array, dy: Float64Array): Source {
  /** A field between its pixels' middles. */
  const at = (field: Float64Array, x: number, y: number): number => {
    const [u, v] = [Math.min(Math.max(x - 0.5, 0), width - 1), Math.min(Math.max(y - 0.5, 0), height - 1)];
    const [u0, v0] = [Math.floor(u), Math.floor(v)];
    const [u1, v1] = [Math.min(u0 + 1, width - 1), Math.min(v0 + 1, height - 1)];
    const [p, q] = [u - u0, v - v0];
    const top = field[v0 * width + u0]! * (1 - p) + field[v0 * width + u1]! * p;
    return top * (1 - q) + (field[v1 * width + u0]! * (1 - p) + field[v1 * width + u1]! * p) * q;
  };
  return {
    row(y, xs, ys) {
      for (let x = 0, i = y * width; x < width; x++, i++) {
        xs[x] = x + 0.5 + dx[i]!;
        ys[x] = y + 0.5 + dy[i]!;
      }
    },
    // The place p with p + shift(p) = (x, y), by steps p ← (x, y) − shift(p), which shrink as shifts are smooth.
    point(x, y) {
      let [px, py] = [x, y];
      for (let step = 0; step < 20; step++) {
        const [nx, ny] = [x - at(dx, px, py), y - at(dy, px, py)];
        [px, py] = [(px + nx) / 2, (py + ny) / 2];
      }
      return [px, py];
    },
  };
}
