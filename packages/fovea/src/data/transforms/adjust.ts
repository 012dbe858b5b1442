import type { Picture } from "../sample.ts";
import { byteTable, colorChannels, histogram, luma, mapBytes } from "./tables.ts";

// Changes of a picture's colours by a factor, byte for byte as Pillow's ImageEnhance and torchvision's functional.

const { fround } = Math;

/** From `from` (factor 0) over `to` (factor 1) on; Pillow's `blend` in float32. */
function blend(from: number, to: number, factor: number): number {
  return fround(from + fround(factor * (to - from)));
}

/** 0 is black, 1 the picture, 2 twice as bright. */
export function adjustBrightness(picture: Picture, factor: number): Picture {
  const f = fround(factor);
  return mapBytes(
    picture,
    byteTable((byte) => blend(0, byte, f)),
  );
}

/** 0 is the mean grey, 1 the picture. */
export function adjustContrast(picture: Picture, factor: number): Picture {
  const f = fround(factor);
  const mean = Math.trunc(meanLuma(picture) + 0.5);
  return mapBytes(
    picture,
    byteTable((byte) => blend(mean, byte, f)),
  );
}

function meanLuma(picture: Picture): number {
  const { channels, pixels, width, height } = picture;
  let sum = 0;
  if (colorChannels(picture) === 1) for (const [byte, count] of histogram(picture, 0).entries()) sum += byte * count;
  else for (let i = 0; i < pixels.length; i += channels) sum += luma(pixels[i]!, pixels[i + 1]!, pixels[i + 2]!);
  return sum / (width * height);
}

/** 0 is grey, 1 the picture. A picture without three colours stays as it is. */
export function adjustSaturation(picture: Picture, factor: number): Picture {
  if (colorChannels(picture) < 3) return picture;
  const { channels, pixels } = picture;
  const f = fround(factor);
  const out = new Uint8ClampedArray(pixels);
  for (let i = 0; i < out.length; i += channels) {
    const grey = luma(pixels[i]!, pixels[i + 1]!, pixels[i + 2]!);
    // The store would round, so the number is cut off first.
    for (let c = i; c < i + 3; c++) out[c] = Math.trunc(blend(grey, pixels[c]!, f));
  }
  return { ...picture, pixels: new Uint8Array(out.buffer) };
}

/** Turns the colour circle by a share of it, −0.5 … 0.5. A picture without three colours stays as it is. */
export function adjustHue(picture: Picture, share: number): Picture {
  if (colorChannels(picture) < 3) return picture;
  const { channels, pixels } = picture;
  const turn = Math.trunc(share * 255);
  const out = pixels.slice();
  for (let i = 0; i < out.length; i += channels) {
    const [r, g, b] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!];
    const v = Math.max(r, g, b);
    const chroma = v - Math.min(r, g, b);
    if (chroma === 0) continue;
    // Hue and saturation in bytes, with float32 steps, as Pillow's mode "HSV" keeps them.
    const [rc, gc, bc] = [fround((v - r) / chroma), fround((v - g) / chroma), fround((v - b) / chroma)];
    const sixths = fround(r === v ? bc - gc : g === v ? 2 + rc - bc : 4 + gc - rc);
    const hue = (Math.trunc(fround((sixths / 6 + 1) % 1) * 255) + turn) & 255;
    const saturation = fround(Math.trunc(fround(chroma / v) * 255) / 255);
    const sextant = Math.floor((hue * 6) / 255);
    const f = fround((hue * 6) / 255 - sextant);
    const p = Math.round(v * (1 - saturation));
    const q = Math.round(v * (1 - saturation * f));
    const t = Math.round(v * (1 - saturation * (1 - f)));
    const at = sextant % 6;
    out[i] = at === 0 || at === 5 ? v : at === 1 ? q : at === 4 ? t : p;
    out[i + 1] = at === 1 || at === 2 ? v : at === 0 ? t : at === 3 ? q : p;
    out[i + 2] = at === 3 || at === 4 ? v : at === 2 ? t : at === 5 ? q : p;
  }
  return { ...picture, pixels: out };
}

/** 0 is smoothed, 1 the picture, 2 sharpened. The outermost pixels stay. */
export function adjustSharpness(picture: Picture, factor: number): Picture {
  const { width, height, channels, pixels } = picture;
  const colors = colorChannels(picture);
  const f = fround(factor);
  const out = new Uint8ClampedArray(pixels);
  const row = width * channels;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      for (let c = 0; c < colors; c++) {
        const i = y * row + x * channels + c;
        const above = pixels[i - row - channels]! + pixels[i - row]! + pixels[i - row + channels]!;
        const beside = pixels[i - channels]! + 5 * pixels[i]! + pixels[i + channels]!;
        const below = pixels[i + row - channels]! + pixels[i + row]! + pixels[i + row + channels]!;
        const smooth = Math.floor((above + beside + below) / 13 + 0.5);
        out[i] = Math.trunc(blend(smooth, pixels[i]!, f));
      }
    }
  }
  return { ...picture, pixels: new Uint8Array(out.buffer) };
}

/** Stretches each colour so that its darkest byte becomes 0 and its lightest 255. */
export function autocontrasted(picture: Picture): Picture {
  const tables = Array.from({ length: colorChannels(picture) }, (_, c) => {
    const counts = histogram(picture, c);
    const low = counts.findIndex((n) => n > 0);
    const high = counts.findLastIndex((n) => n > 0);
    if (high <= low) return byteTable((byte) => byte);
    const scale = 255 / (high - low);
    const offset = -low * scale;
    return byteTable((byte) => byte * scale + offset);
  });
  return mapBytes(picture, tables);
}

/** Spreads the bytes of each colour so that all are about equally frequent. */
export function equalized(picture: Picture): Picture {
  const tables = Array.from({ length: colorChannels(picture) }, (_, c) => {
    const counts = histogram(picture, c);
    const last = counts[counts.findLastIndex((n) => n > 0)]!;
    const step = Math.floor((picture.width * picture.height - last) / 255);
    if (step === 0) return byteTable((byte) => byte);
    let n = Math.floor(step / 2);
    return byteTable((byte) => {
      const value = Math.floor(n / step);
      n += counts[byte]!;
      return value;
    });
  });
  return mapBytes(picture, tables);
}

/** Keeps the highest bits of each byte. */
export function posterized(picture: Picture, bits: number): Picture {
  return mapBytes(
    picture,
    byteTable((byte) => byte & ~((1 << (8 - bits)) - 1)),
  );
}

/** Turns bytes from `threshold` on into their opposites. */
export function solarized(picture: Picture, threshold: number): Picture {
  return mapBytes(
    picture,
    byteTable((byte) => (byte < threshold ? byte : 255 - byte)),
  );
}
