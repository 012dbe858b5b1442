import type { RandomStream } from "../../base/random.ts";
import type { Interpolation } from "../image.ts";
import type { Picture } from "../sample.ts";
import type { Fill, OptionCheck } from "./options.ts";
import { inverseAffine, projectiveSource } from "./projective.ts";
import { defineTransform } from "./transform.ts";
import { warpSample } from "./warp.ts";

/** A number n stands for −n … n. */
export type Spread = number | readonly [low: number, high: number];

export interface WarpingOptions {
  /** Default "bilinear". Masks are always picked by "nearest". */
  readonly interpolation?: Interpolation;
  /** What is seen where the picture does not reach, 0 … 255, one number or one per channel; default 0. */
  readonly fill?: Fill;
  /** A box that keeps less of its area is dropped, 0 … 1; default 0: it is dropped when nothing is left. */
  readonly minVisibility?: number;
}

export interface RotateOptions extends WarpingOptions {
  /** Counter-clockwise, from this range, in degrees. */
  readonly degrees: Spread;
  /** Whether the result is large enough for all of the picture, else it has the picture's size; default false. */
  readonly expand?: boolean;
  /** [x, y] in pixels; default: the middle. Not with `expand`. */
  readonly center?: readonly [x: number, y: number] | null;
}

export interface AffineOptions extends WarpingOptions {
  /** Rotation, clockwise (as in torchvision, other than `rotate`), from this range, in degrees. */
  readonly degrees: Spread;
  /** Largest shift, as shares of width and height, 0 … 1; default [0, 0]. Shifts are whole pixels. */
  readonly translate?: readonly [x: number, y: number];
  /** Range of the scale; default [1, 1]. */
  readonly scale?: readonly [low: number, high: number];
  /** Along x, from this range, in degrees; or [x low, x high, y low, y high]. Default 0. */
  readonly shear?: Spread | readonly [number, number, number, number];
  /** What rotation, scale and shear leave in place, [x, y] in pixels; default: the middle. */
  readonly center?: readonly [x: number, y: number] | null;
}

/** Turns by a random angle. */
export const rotate = defineTransform<RotateOptions>(
  "rotate",
  { degrees: undefined, expand: false, center: null, interpolation: "bilinear", fill: 0, minVisibility: 0 },
  (options, check) => {
    const [low, high] = spread("degrees", options.degrees, check);
    const expand = check.flag("expand", options.expand);
    const center = checkCenter(options.center, check);
    if (expand && center !== null) check.fail("center", "left out with expand", center);
    const warping = checkWarping(options, check);
    return (sample, random) => {
      const { image } = sample;
      const angle = -between(low, high, random);
      const middle = center ?? middleOf(image);
      const still = { angle, scale: 1, shear: [0, 0], center: middle } as const;
      if (!expand) return warpSample(sample, projectiveSource(inverseAffine({ ...still, translate: [0, 0] })), warping);
      const { point } = projectiveSource(inverseAffine({ ...still, translate: [0, 0] }));
      const corners = [point(0, 0), point(image.width, 0), point(image.width, image.height), point(0, image.height)];
      // A hair inside, so that a whole pixel is not lost or gained to the last bit of a sine.
      const [width, height] = [0, 1].map((axis) => {
        const places = corners.map((corner) => corner[axis]!);
        return Math.ceil(Math.max(...places) - 1e-9) - Math.floor(Math.min(...places) + 1e-9);
      }) as [number, number];
      const translate = [width / 2 - middle[0], height / 2 - middle[1]] as const;
      return warpSample(sample, projectiveSource(inverseAffine({ ...still, translate })), {
        ...warping,
        size: { width, height },
      });
    };
  },
);

/** Turns, shifts, scales and shears at random. */
export const affine = defineTransform<AffineOptions>(
  "affine",
  {
    degrees: undefined,
    translate: [0, 0],
    scale: [1, 1],
    shear: 0,
    center: null,
    interpolation: "bilinear",
    fill: 0,
    minVisibility: 0,
  },
  (options, check) => {
    const degrees = spread("degrees", options.degrees, check);
    const [tx, ty] = check.pair("translate", options.translate, 0, 1);
    const scale = check.range("scale", options.scale, 1e-3, 1e3);
    const four = Array.isArray(options.shear) && options.shear.length === 4 ? (options.shear as number[]) : null;
    const shearX = spread("shear", four?.slice(0, 2) ?? options.shear, check, 89);
    const shearY = four === null ? ([0, 0] as const) : spread("shear", four.slice(2), check, 89);
    const center = checkCenter(options.center, check);
    const warping = checkWarping(options, check);
    return (sample, random) => {
      const { width, height } = sample.image;
      const inverse = inverseAffine({
        angle: between(...degrees, random),
        translate: [Math.round(between(-tx, tx, random) * width), Math.round(between(-ty, ty, random) * height)],
        scale: between(...scale, random),
        shear: [between(...shearX, random), between(...shearY, random)],
        center: center ?? middleOf(sample.image),
      });
      return warpSample(sample, projectiveSource(inverse), warping);
    };
  },
);

export function between(low: number, high: number, random: RandomStream): number {
  return low + (high - low) * random.uniform();
}

function middleOf({ width, height }: Picture): readonly [number, number] {
  return [width / 2, height / 2];
}

/** Checks what all warping transforms have. */
export function checkWarping(options: Required<WarpingOptions>, check: OptionCheck) {
  return {
    interpolation: check.interpolation(options.interpolation),
    fillFor: check.fill(options.fill),
    minVisibility: check.probability("minVisibility", options.minVisibility),
  };
}

function spread(option: string, value: unknown, check: OptionCheck, largest = 1e4): readonly [number, number] {
  if (typeof value !== "number") return check.range(option, value, -largest, largest);
  const n = check.number(option, value, 0, largest);
  return [-n, n];
}

function checkCenter(value: unknown, check: OptionCheck): readonly [number, number] | null {
  return value === null ? null : check.pair("center", value);
}
