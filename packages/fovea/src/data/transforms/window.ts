import type { Picture } from "../sample.ts";

/** A rectangle of pixels; it may reach out of the picture. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export type PaddingMode = "constant" | "edge" | "reflect" | "symmetric";

/** The pixels in a window. What is outside of the picture has the colour `fill` (black), or repeats the inside by `mode`. */
export function cutWindow(
  picture: Picture,
  window: Window,
  mode: PaddingMode = "constant",
  fill?: Uint8Array,
): Picture {
  const { left, top, width, height } = window;
  const { channels } = picture;
  const pixels = new Uint8Array(width * height * channels);
  const inside = left >= 0 && top >= 0 && left + width <= picture.width && top + height <= picture.height;
  if (mode === "constant" || inside) {
    if (!inside && fill?.some((v) => v !== 0)) for (let i = 0; i < pixels.length; i++) pixels[i] = fill[i % channels]!;
    const [x0, x1] = [Math.max(0, left), Math.min(picture.width, left + width)];
    const [y0, y1] = [Math.max(0, top), Math.min(picture.height, top + height)];
    for (let y = x0 < x1 ? y0 : y1; y < y1; y++) {
      const row = y * picture.width;
      pixels.set(
        picture.pixels.subarray((row + x0) * channels, (row + x1) * channels),
        ((y - top) * width + x0 - left) * channels,
      );
    }
    return { width, height, channels, pixels };
  }
  const columns = insidePlaces(left, width, picture.width, mode);
  const rows = insidePlaces(top, height, picture.height, mode);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (rows[y]! * picture.width + columns[x]!) * channels;
      for (let c = 0; c < channels; c++) pixels[to++] = picture.pixels[from + c]!;
    }
  }
  return { width, height, channels, pixels };
}

/** For `count` places from `start` on, the place in 0 … length − 1 that each repeats. */
export function insidePlaces(
  start: number,
  count: number,
  length: number,
  mode: Exclude<PaddingMode, "constant">,
): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => {
    const at = start + i;
    if (mode === "edge") return Math.min(Math.max(at, 0), length - 1);
    const period = mode === "symmetric" ? 2 * length : Math.max(1, 2 * length - 2);
    const turned = ((at % period) + period) % period;
    return turned < length ? turned : (mode === "symmetric" ? period - 1 : period) - turned;
  });
}
