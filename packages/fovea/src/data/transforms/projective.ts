import { cos, sin } from "../../base/math.ts";
import type { Source } from "./warp.ts";

/** A projective map of the plane, row by row: (x, y) → (ax + by + c, dx + ey + f) / (gx + hy + i). */
export type Matrix = readonly [number, number, number, number, number, number, number, number, number];

type Point = readonly [x: number, y: number];

const RADIAN = 0.017453292519943295;

/** How a picture is turned, scaled, sheared and shifted; torchvision's parameters. */
export interface AffineParameters {
  /** Clockwise, in degrees. */
  readonly angle: number;
  /** In pixels, after the rest. */
  readonly translate: Point;
  readonly scale: number;
  /** In degrees, along x and along y. */
  readonly shear: Point;
  /** What stays in place, in pixels. */
  readonly center: Point;
}

/**
 * The map from places in the result to places in the source, as torchvision's `affine` has it:
 * (T · C · rotate · scale · shear · C⁻¹)⁻¹.
 */
export function inverseAffine({ angle, translate, scale, shear, center }: AffineParameters): Matrix {
  const rotation = turn(angle);
  const [sx, sy] = [turn(shear[0]), turn(shear[1])];
  const both = turn(angle - shear[1]);
  const tanX = sx.sin / sx.cos;
  const a = both.cos / sy.cos;
  const b = -a * tanX - rotation.sin;
  const c = both.sin / sy.cos;
  const d = -c * tanX + rotation.cos;
  // [a b; c d] has determinant 1.
  const [p, q, r, s] = [d / scale, -b / scale, -c / scale, a / scale];
  const [x, y] = [center[0] + translate[0], center[1] + translate[1]];
  return [p, q, center[0] - p * x - q * y, r, s, center[1] - r * x - s * y, 0, 0, 1];
}

/** Cosine and sine of degrees; exact for quarter turns, so that these move whole pixels. */
function turn(degrees: number): { readonly cos: number; readonly sin: number } {
  const around = degrees % 360;
  if (around % 90 === 0) {
    const quarter = (around / 90 + 4) % 4;
    return { cos: [1, 0, -1, 0][quarter]!, sin: [0, 1, 0, -1][quarter]! };
  }
  return { cos: cos(around * RADIAN), sin: sin(around * RADIAN) };
}

/** The map that takes four points to four others, none three of which are in line. */
export function fourPoints(from: readonly Point[], to: readonly Point[]): Matrix {
  const rows = from.flatMap(([x, y], i) => {
    const [u, v] = to[i]!;
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ];
  });
  // Gauss' elimination with the largest pivots.
  for (let k = 0; k < 8; k++) {
    let best = k;
    for (let i = k + 1; i < 8; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[best]![k]!)) best = i;
    [rows[k], rows[best]] = [rows[best]!, rows[k]!];
    for (let i = 0; i < 8; i++) {
      if (i === k) continue;
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j < 9; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  const [a, b, c, d, e, f, g, h] = rows.map((row, k) => row[8]! / row[k]!);
  return [a!, b!, c!, d!, e!, f!, g!, h!, 1];
}

/** Result places → source places, and back for points. */
export function projectiveSource(inverse: Matrix): Source {
  const [a, b, c, d, e, f, g, h, i] = inverse;
  // The adjugate: a projective map needs no division by the determinant.
  const forward = [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ] as const;
  return {
    row(y, xs, ys) {
      const v = y + 0.5;
      for (let x = 0; x < xs.length; x++) {
        const u = x + 0.5;
        const w = g * u + h * v + i;
        xs[x] = (a * u + b * v + c) / w;
        ys[x] = (d * u + e * v + f) / w;
      }
    },
    point(x, y) {
      const [A, B, C, D, E, F, G, H, I] = forward;
      const w = G * x + H * y + I;
      return [(A * x + B * y + C) / w, (D * x + E * y + F) / w];
    },
  };
}
