import type { RgbImage } from "../data/image.ts";

/**
 * Makes a picture look like the images that a network was trained on.
 *
 * Grey digits are prepared as MNIST was: light ink on black, the ink cropped and fitted with its aspect into 20/28 of
 * the side, its centre of mass in the middle. Other grey pictures fill the side. Colour pictures are scaled to fit.
 */
export function prepareImage(
  image: RgbImage,
  [channels, height, width]: readonly [number, number, number],
  data: string,
): Uint8Array {
  if (channels === 3) return scaleColour(image, height, width);
  const ink = toInk(image);
  const box = cropToInk(ink);
  const out = new Uint8Array(height * width);
  if (box === null) return out; // an empty sheet
  const clothes = data === "fashion-mnist";
  const side = Math.min(height, width);
  const fit = clothes ? side : Math.round((side * 20) / 28);
  const scale = fit / Math.max(box.width, box.height);
  const w = Math.max(1, Math.round(box.width * scale));
  const h = Math.max(1, Math.round(box.height * scale));
  const small = shrink(ink, box, w, h);
  const [left, top] = clothes ? [(width - w) / 2, (height - h) / 2] : centreMass(small, w, h, width, height);
  paste(small, w, h, out, width, height, Math.round(left), Math.round(top));
  return out;
}

/** Values 0 … 1, rows top to bottom. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Grey, with the paper at 0 and the strongest ink at 1, whichever of them was the lighter. */
function toInk({ width, height, pixels }: RgbImage): Plane {
  const values = new Float32Array(width * height);
  for (let i = 0; i < values.length; i++) {
    values[i] = (0.299 * pixels[3 * i]! + 0.587 * pixels[3 * i + 1]! + 0.114 * pixels[3 * i + 2]!) / 255;
  }
  const edge = border({ width, height, values });
  const paper = quantile(edge, 0.5);
  const grain = quantile(
    edge.map((v) => Math.abs(v - paper)),
    0.9,
  );
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = paper > 0.5 ? paper - values[i]! : values[i]! - paper;
    most = Math.max(most, values[i]!);
  }
  // What is no stronger than the paper's grain and uneven light is paper; a sheet with nothing stronger is empty.
  const noise = most < 0.08 ? most : Math.min(2 * grain, most / 3);
  for (let i = 0; i < values.length; i++) values[i] = Math.max(0, values[i]! - noise) / (most - noise || 1);
  return { width, height, values };
}

function border({ width, height, values }: Plane): number[] {
  const found: number[] = [];
  for (let x = 0; x < width; x++) found.push(values[x]!, values[(height - 1) * width + x]!);
  for (let y = 0; y < height; y++) found.push(values[y * width]!, values[y * width + width - 1]!);
  return found;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;
}

/** The smallest box around what is clearly ink; null when there is none. */
function cropToInk({ width, height, values }: Plane): Box | null {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (values[y * width + x]! < 0.05) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Scales a part of a plane to w × h: each result is the mean over the area it covers (bilinear where it grows). */
function shrink({ width, values }: Plane, box: Box, w: number, h: number): Float32Array {
  const columns = areas(box.width, w);
  const rows = areas(box.height, h);
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let sum = 0;
      for (const [row, rowShare] of rows[y]!) {
        const start = (box.top + row) * width + box.left;
        for (const [column, share] of columns[x]!) sum += rowShare * share * values[start + column]!;
      }
      out[y * w + x] = sum;
    }
  }
  return out;
}

/** For each of `to` results the source places it covers, with weights that sum to 1. */
function areas(from: number, to: number): [place: number, weight: number][][] {
  const scale = from / to;
  const reach = Math.max(1, scale); // a triangle of at least one pixel: area mean when shrinking, linear when growing
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const found: [number, number][] = [];
    let total = 0;
    for (let k = Math.ceil(centre - reach); k <= Math.floor(centre + reach); k++) {
      const weight = scale > 1 ? overlap(k, i, scale) : 1 - Math.abs(k - centre);
      if (weight <= 0) continue;
      found.push([Math.min(from - 1, Math.max(0, k)), weight]);
      total += weight;
    }
    return found.map(([k, weight]) => [k, weight / total]);
  });
}

/** How much of source pixel k lies in result pixel i. */
function overlap(k: number, i: number, scale: number): number {
  return Math.min(k + 1, (i + 1) * scale) - Math.max(k, i * scale);
}

const clamp = (v: number, most: number) => Math.min(Math.max(0, v), most);

/** Where to put a small picture so that its centre of mass is on the pixel in the middle (14, 14 of 28), as in MNIST. */
function centreMass(values: Float32Array, w: number, h: number, width: number, height: number): [number, number] {
  let mass = 0;
  let x = 0;
  let y = 0;
  for (let i = 0; i < values.length; i++) {
    mass += values[i]!;
    x += values[i]! * (i % w);
    y += values[i]! * Math.floor(i / w);
  }
  return [clamp(width / 2 - x / mass, width - w), clamp(height / 2 - y / mass, height - h)];
}

function paste(
  small: Float32Array,
  w: number,
  h: number,
  out: Uint8Array,
  width: number,
  height: number,
  left: number,
  top: number,
): void {
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const [tx, ty] = [left + x, top + y];
      if (tx >= 0 && tx < width && ty >= 0 && ty < height) out[ty * width + tx] = Math.round(255 * small[y * w + x]!);
    }
  }
}

/** Planes [3, H, W], stretched over the whole side. */
function scaleColour({ width, height, pixels }: RgbImage, h: number, w: number): Uint8Array {
  const out = new Uint8Array(3 * h * w);
  const whole = { left: 0, top: 0, width, height };
  for (let c = 0; c < 3; c++) {
    const values = Float32Array.from({ length: width * height }, (_, i) => pixels[3 * i + c]! / 255);
    shrink({ width, height, values }, whole, w, h).forEach((v, i) => (out[c * h * w + i] = Math.round(255 * v)));
  }
  return out;
}
