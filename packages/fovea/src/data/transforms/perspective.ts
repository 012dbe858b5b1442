import type { RandomStream } from "../../base/random.ts";
import { between, checkWarping, type WarpingOptions } from "./affine.ts";
import { fourPoints, projectiveSource } from "./projective.ts";
import { defineTransform } from "./transform.ts";
import { warpSample } from "./warp.ts";

export interface PerspectiveOptions extends WarpingOptions {
  /** How far corners move inwards at most: 1 is to the middle; default 0.5. */
  readonly distortionScale?: number;
  /** Chance that a sample is changed; default 0.5. */
  readonly p?: number;
}

type Point = readonly [x: number, y: number];

/** Looks at the picture from aside: each corner moves inwards by its own random amount. */
export const perspective = defineTransform<PerspectiveOptions>(
  "perspective",
  { distortionScale: 0.5, p: 0.5, interpolation: "bilinear", fill: 0, minVisibility: 0 },
  (options, check) => {
    const distortion = check.number("distortionScale", options.distortionScale, 0, 1);
    const p = check.probability("p", options.p);
    const warping = checkWarping(options, check);
    return (sample, random) => {
      if (random.uniform() >= p) return sample;
      const { width, height } = sample.image;
      const corners: readonly Point[] = [
        [0, 0],
        [width, 0],
        [width, height],
        [0, height],
      ];
      const moved = movedCorners(width, height, distortion, random);
      if (moved === null) return sample;
      return warpSample(sample, projectiveSource(fourPoints(moved, corners)), warping);
    };
  },
);

/** Above a distortion of 2/3 corners can get past the diagonal, where no view leads to: these are drawn again. */
function movedCorners(width: number, height: number, distortion: number, random: RandomStream): Point[] | null {
  const [dx, dy] = [(distortion * width) / 2, (distortion * height) / 2];
  for (let tries = 0; tries < 10; tries++) {
    const moved: Point[] = [
      [between(0, dx, random), between(0, dy, random)],
      [between(width - dx, width, random), between(0, dy, random)],
      [between(width - dx, width, random), between(height - dy, height, random)],
      [between(0, dx, random), between(height - dy, height, random)],
    ];
    const turns = moved.map((b, i) => {
      const [a, c] = [moved[(i + 3) % 4]!, moved[(i + 1) % 4]!];
      return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]);
    });
    if (turns.every((turn) => turn > 0.02 * width * height)) return moved;
  }
  return null;
}
