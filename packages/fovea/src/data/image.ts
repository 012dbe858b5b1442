import { UsageError } from "../base/errors.ts";

/** A picture: RGB, interleaved, rows top to bottom, 0 … 255. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

export type Interpolation = "nearest" | "bilinear" | "bicubic";

/** Half width of each filter in pixels, and its value at a distance. */
const filters = {
  bilinear: { reach: 1, at: (d: number) => Math.max(0, 1 - Math.abs(d)) },
  bicubic: { reach: 2, at: cubic },
} as const;

/** Keys' cubic convolution with a = −0.5. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/** Weights of the filters are kept as multiples of 2⁻²². */
const ONE = 2 ** 22;

/** For each of the results along one axis: the first source place, and the weights from there on. */
interface Taps {
  readonly first: Int32Array;
  readonly weights: readonly Int32Array[];
}

/**
 * A picture in another size, as Pillow (and with it torchvision and Keras) makes it, byte for byte.
 *
 * When shrinking, "bilinear" and "bicubic" weigh every pixel that a result covers (antialiasing). Columns come before
 * rows, and bytes are rounded after each.
 */
export function resizeImage(
  image: RgbImage,
  { width, height }: { readonly width: number; readonly height: number },
  interpolation: Interpolation = "bilinear",
): RgbImage {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1)) {
    throw new UsageError(`resizeImage: wanted sizes ≥ 1, got ${width} × ${height}`);
  }
  if (width === image.width && height === image.height) return image;
  if (interpolation === "nearest") return pickPixels(image, width, height);
  if (!Object.hasOwn(filters, interpolation)) {
    throw new UsageError(`resizeImage: interpolation is nearest, bilinear or bicubic, got "${String(interpolation)}"`);
  }
  const wide = width === image.width ? image : filterColumns(image, width, axisTaps(image.width, width, interpolation));
  return height === image.height ? wide : filterRows(wide, height, axisTaps(image.height, height, interpolation));
}

function axisTaps(from: number, to: number, interpolation: "bilinear" | "bicubic"): Taps {
  const { reach, at } = filters[interpolation];
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const first = new Int32Array(to);
  const weights: Int32Array[] = [];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach * stretch + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach * stretch + 0.5));
    const exact = Array.from({ length: end - start }, (_, k) => at((start + k - centre + 0.5) / stretch));
    const total = exact.reduce((sum, w) => sum + w, 0);
    first[i] = start;
    // Halves away from zero, as C rounds.
    weights.push(Int32Array.from(exact, (w) => Math.sign(w) * Math.floor(Math.abs((w / total) * ONE) + 0.5)));
  }
  return { first, weights };
}

function filterColumns({ width, height, pixels }: RgbImage, to: number, { first, weights }: Taps): RgbImage {
  const out = new Uint8ClampedArray(3 * to * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      const taps = weights[x]!;
      let [r, g, b] = [ONE / 2, ONE / 2, ONE / 2];
      for (let k = 0, at = 3 * (y * width + first[x]!); k < taps.length; k++, at += 3) {
        const w = taps[k]!;
        r += w * pixels[at]!;
        g += w * pixels[at + 1]!;
        b += w * pixels[at + 2]!;
      }
      const to3 = 3 * (y * to + x);
      out[to3] = Math.floor(r / ONE);
      out[to3 + 1] = Math.floor(g / ONE);
      out[to3 + 2] = Math.floor(b / ONE);
    }
  }
  return { width: to, height, pixels: new Uint8Array(out.buffer) };
}

function filterRows({ width, pixels }: RgbImage, to: number, { first, weights }: Taps): RgbImage {
  const row = 3 * width;
  const out = new Uint8ClampedArray(row * to);
  const sums = new Float64Array(row);
  for (let y = 0; y < to; y++) {
    const taps = weights[y]!;
    sums.fill(ONE / 2);
    for (let k = 0; k < taps.length; k++) {
      const w = taps[k]!;
      const start = (first[y]! + k) * row;
      for (let i = 0; i < row; i++) sums[i] = sums[i]! + w * pixels[start + i]!;
    }
    for (let i = 0; i < row; i++) out[y * row + i] = Math.floor(sums[i]! / ONE);
  }
  return { width, height: to, pixels: new Uint8Array(out.buffer) };
}

function pickPixels({ width, height, pixels }: RgbImage, toWidth: number, toHeight: number): RgbImage {
  const out = new Uint8Array(3 * toWidth * toHeight);
  const columns = nearestPlaces(width, toWidth);
  for (const [y, row] of nearestPlaces(height, toHeight).entries()) {
    for (let x = 0; x < toWidth; x++) {
      const from = 3 * (row * width + columns[x]!);
      const to = 3 * (y * toWidth + x);
      out[to] = pixels[from]!;
      out[to + 1] = pixels[from + 1]!;
      out[to + 2] = pixels[from + 2]!;
    }
  }
  return { width: toWidth, height: toHeight, pixels: out };
}

/** The source pixel under the middle of each result. Pillow adds up steps, and so ends up on its side of a border. */
function nearestPlaces(from: number, to: number): Int32Array {
  const step = from / to;
  let at = step * 0.5;
  return Int32Array.from({ length: to }, () => {
    const place = Math.trunc(at);
    at += step;
    return Math.min(place, from - 1);
  });
}

/** The middle of a picture; where it is smaller than that, black is put around it. As torchvision's `center_crop`. */
export function cropCentre(image: RgbImage, height: number, width: number): RgbImage {
  const top = startOf(image.height - height);
  const left = startOf(image.width - width);
  const out = new Uint8Array(3 * width * height);
  const [x0, x1] = [Math.max(0, left), Math.min(image.width, left + width)];
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y++) {
    const row = image.pixels.subarray(3 * (y * image.width + x0), 3 * (y * image.width + x1));
    out.set(row, 3 * ((y - top) * width + x0 - left));
  }
  return { width, height, pixels: out };
}

/** Where a cut starts that leaves n pixels over: n / 2, rounded to the even neighbour; missing pixels (n < 0), rounded up. */
function startOf(n: number): number {
  if (n < 0) return Math.ceil(n / 2);
  const half = Math.floor(n / 2);
  return n % 2 === 0 || half % 2 === 0 ? half : half + 1;
}
