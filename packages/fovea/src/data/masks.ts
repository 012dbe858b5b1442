import { FormatError } from "../base/errors.ts";
import type { MaskFile, MaskShape, MaskShapes } from "./entry.ts";
import type { RgbImage } from "./image.ts";
import type { Mask } from "./sample.ts";

/** What does not count in a mask. */
const NOTHING = 255;

/** Classes of a mask that is stored as a picture. */
export function maskOfPicture({ width, height, pixels }: RgbImage, { greys, colors }: MaskFile): Mask {
  const classOf = new Map((colors ?? greys?.map((grey) => grey * 0x010101))?.map((color, label) => [color, label]));
  const classes = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < classes.length; i++, at += 3) {
    const color = (pixels[at]! << 16) | (pixels[at + 1]! << 8) | pixels[at + 2]!;
    classes[i] = classOf.size === 0 ? pixels[at]! : (classOf.get(color) ?? NOTHING);
  }
  return { width, height, classes };
}

/** Fills outlines and runs. `name` is for errors. */
export function maskOfShapes({ shapes }: MaskShapes, width: number, height: number, name: string): Mask {
  const classes = new Uint8Array(width * height);
  for (const shape of shapes) {
    for (const polygon of shape.polygons ?? []) fillPolygon(classes, width, height, polygon, shape.label);
    if (shape.rle !== undefined) fillRuns(classes, width, height, shape as Required<MaskShape>, name);
  }
  return { width, height, classes };
}

/** Pixels whose middle is inside, by the even–odd rule. */
function fillPolygon(
  classes: Uint8Array,
  width: number,
  height: number,
  polygon: readonly number[],
  label: number,
): void {
  const points = polygon.length >> 1;
  let [top, bottom] = [Infinity, -Infinity];
  for (let i = 0; i < points; i++) {
    top = Math.min(top, polygon[2 * i + 1]!);
    bottom = Math.max(bottom, polygon[2 * i + 1]!);
  }
  const crossings: number[] = [];
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, Math.ceil(bottom)); y++) {
    const middle = y + 0.5;
    crossings.length = 0;
    for (let i = 0, j = points - 1; i < points; j = i++) {
      const [xi, yi, xj, yj] = [polygon[2 * i]!, polygon[2 * i + 1]!, polygon[2 * j]!, polygon[2 * j + 1]!];
      if (yi > middle !== yj > middle) crossings.push(xi + ((middle - yi) / (yj - yi)) * (xj - xi));
    }
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const from = Math.max(0, Math.ceil(crossings[k]! - 0.5));
      const to = Math.min(width, Math.ceil(crossings[k + 1]! - 0.5));
      if (from < to) classes.fill(label, y * width + from, y * width + to);
    }
  }
}

function fillRuns(
  classes: Uint8Array,
  width: number,
  height: number,
  { rle, label }: Required<MaskShape>,
  name: string,
): void {
  if (rle.width !== width || rle.height !== height) {
    throw new FormatError(`${name} is ${width} × ${height}, but a mask of it ${rle.width} × ${rle.height}`);
  }
  let at = 0;
  for (const [k, count] of rle.counts.entries()) {
    const end = Math.min(classes.length, at + count);
    if (k % 2 === 1) for (let i = at; i < end; i++) classes[(i % height) * width + Math.floor(i / height)] = label;
    at = end;
  }
}
