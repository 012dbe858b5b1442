import { resizeImage } from "../image.ts";
import type { Picture, Sample } from "../sample.ts";
import { UNKNOWN_CLASS } from "./places.ts";

type Color = readonly [r: number, g: number, b: number];

/** Colours that the eye tells apart (Tableau's ten), for classes. */
const palette: readonly Color[] = [
  [31, 119, 180],
  [255, 127, 14],
  [44, 160, 44],
  [214, 39, 40],
  [148, 103, 189],
  [140, 86, 75],
  [227, 119, 194],
  [127, 127, 127],
  [188, 189, 34],
  [23, 190, 207],
];

function colorOf(label: number): Color {
  return palette[label % palette.length]!;
}

/** An RGB picture of the sample, of any size, with its mask (half transparent), boxes and visible key points. */
export function drawSample(image: Picture, sample: Sample): Picture {
  const drawn = { ...image, pixels: image.pixels.slice() };
  const [sx, sy] = [image.width / sample.image.width, image.height / sample.image.height];
  if (sample.mask !== undefined) {
    const { width, height, classes } = sample.mask;
    tint(drawn, resizeImage({ width, height, channels: 1, pixels: classes }, image, "nearest").pixels);
  }
  for (const { box, label } of sample.boxes ?? []) {
    drawFrame(drawn, [box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy], colorOf(label));
  }
  for (const [i, { x, y, visible }] of (sample.keypoints ?? []).entries()) {
    if (visible) drawDot(drawn, x * sx, y * sy, colorOf(i));
  }
  return drawn;
}

/** Class 0 is background, by custom; 255 does not count. */
function tint({ pixels }: Picture, classes: Uint8Array): void {
  for (let i = 0; i < classes.length; i++) {
    const label = classes[i]!;
    if (label === 0 || label === UNKNOWN_CLASS) continue;
    const color = colorOf(label);
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = (pixels[3 * i + c]! + color[c]!) >> 1;
  }
}

/** A frame of two pixels, inside the picture. */
function drawFrame(picture: Picture, box: readonly [number, number, number, number], color: Color): void {
  const clamp = (v: number, end: number) => Math.min(Math.max(Math.round(v), 0), end);
  const [x1, x2] = [clamp(box[0], picture.width), clamp(box[2], picture.width)];
  const [y1, y2] = [clamp(box[1], picture.height), clamp(box[3], picture.height)];
  for (const [left, top, right, bottom] of [
    [x1, y1, x2, Math.min(y1 + 2, y2)],
    [x1, Math.max(y2 - 2, y1), x2, y2],
    [x1, y1, Math.min(x1 + 2, x2), y2],
    [Math.max(x2 - 2, x1), y1, x2, y2],
  ] as const) {
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) setPixel(picture, x, y, color);
  }
}

/** A dot of five pixels with a light rim. */
function drawDot(picture: Picture, x: number, y: number, color: Color): void {
  const [cx, cy] = [Math.floor(x), Math.floor(y)];
  for (let dy = -3; dy <= 3; dy++) {
    for (let dx = -3; dx <= 3; dx++) {
      const far = dx * dx + dy * dy;
      if (far <= 10) setPixel(picture, cx + dx, cy + dy, far <= 5 ? color : [255, 255, 255]);
    }
  }
}

function setPixel({ width, height, pixels }: Picture, x: number, y: number, color: Color): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  for (let c = 0; c < 3; c++) pixels[3 * (y * width + x) + c] = color[c]!;
}
