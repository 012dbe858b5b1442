import { UsageError } from "../../base/errors.ts";
import { cos, exp, sin } from "../../base/math.ts";
import { RandomStream } from "../../base/random.ts";
import { ImageDataset } from "../dataset.ts";
import { penPaths } from "./strokes-skeletons.ts";
import type { PenPath } from "./strokes-skeletons.ts";

/**
 * Handwritten digits drawn by a program: unlimited, seeded, the same bits on every host, and no download.
 *
 * Prepared as MNIST was (LeCun, Cortes and Burges, 1998): 28 × 28, light ink on black, fitted into 20 × 20 with its
 * aspect kept, then shifted by whole pixels until the centre of mass is in the middle. A network trained on nothing
 * else reads real MNIST digits.
 */
export interface StrokesOptions {
  /** Images; default 60,000 for training and 10,000 for testing, as in MNIST. */
  readonly count?: number;
  /** Seed of the writers; default 0. */
  readonly seed?: number | bigint;
  /** "train" (default) and "test" are different draws of the same seed. */
  readonly split?: "train" | "test";
}

const SIZE = 28;
const PIXELS = SIZE * SIZE;
/** MNIST's box for the ink. */
const BOX = 20;

/**
 * How much hands differ: standard deviations unless said otherwise.
 *
 * Chosen by training LeNet-5 on strokes and reading MNIST's training images: wide variation teaches more than likeness.
 */
const hand = {
  /** Half the pen's width in pixels, its spread (of the logarithm) and its limits. */
  pen: 1.22,
  penSpread: 0.27,
  penLimits: [0.65, 2.2],
  /** Unsteadiness of the control points in digit heights, and its spread between writers. */
  jitter: 0.05,
  jitterSpread: 0.4,
  /** Change of the pen's width along a stroke, as a part of it. */
  pressure: 0.25,
  /** How far blends lean beyond the poses; 0 stays between them. */
  beyond: 0.35,
  /** Width against height: mean and spread of the logarithm. */
  aspect: 0.08,
  aspectSpread: 0.23,
  /** Shift to the right per height: mean, spread and limits. */
  slant: 0.16,
  slantSpread: 0.26,
  slantLimits: [-0.4, 0.7],
  /** Radians. */
  turn: 0.16,
  /** How much the upper half differs from the lower in height and in width. */
  balance: 0.45,
  taper: 0.45,
  /** Elastic distortion in digit heights, and its spread between writers. */
  bend: 0.15,
  bendSpread: 0.35,
  /** Shortest and longest change of a stroke's end, in lengths of its last piece. */
  shoot: [-0.15, 0.2],
  /** Half the width in pixels of the edge of the ink. */
  soft: [0.3, 0.5],
} as const;

/** `count` images at once. */
export function strokes(options: StrokesOptions = {}): ImageDataset {
  const { seed = 0, split = "train", count = split === "train" ? 60_000 : 10_000 } = options;
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`strokes: count must be a whole number ≥ 1, got ${count}`);
  }
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  const stream = new RandomStream(seed).fork(`strokes ${split}`);
  for (let i = 0; i < count; i++) labels[i] = drawDigit(stream.fork(i), images.subarray(i * PIXELS, (i + 1) * PIXELS));
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  return new ImageDataset({ name: `strokes ${split}`, images, labels, shape: [1, SIZE, SIZE], classes });
}

/** Image `index` of the endless set of a seed: what `strokes` has at that place, whatever its count. */
export function strokesImage(
  index: number,
  { seed = 0, split = "train" }: Omit<StrokesOptions, "count"> = {},
): { pixels: Uint8Array; label: number } {
  const pixels = new Uint8Array(PIXELS);
  const label = drawDigit(new RandomStream(seed).fork(`strokes ${split}`).fork(index), pixels);
  return { pixels, label };
}

/** Draws one random digit; returns which. */
function drawDigit(random: RandomStream, pixels: Uint8Array): number {
  const digit = random.int(10);
  const path = chooseStyle(penPaths[digit]!, random);
  const line = traceCurve(writePoints(path, random), path);
  bend(line, random);
  const pen = clamp(hand.pen * exp(hand.penSpread * random.normal()), hand.penLimits);
  const soft = between(hand.soft, random);
  fitBox(line, pen + soft);
  render(line, pen, soft, pixels);
  return digit;
}

function between(limits: readonly number[], random: RandomStream): number {
  return limits[0]! + (limits[1]! - limits[0]!) * random.uniform();
}

function clamp(value: number, limits: readonly number[]): number {
  return Math.min(limits[1]!, Math.max(limits[0]!, value));
}

function chooseStyle(styles: readonly PenPath[], random: RandomStream): PenPath {
  let total = 0;
  for (const style of styles) total += style.weight;
  let left = random.uniform() * total;
  for (const style of styles) {
    left -= style.weight;
    if (left < 0) return style;
  }
  return styles[styles.length - 1]!;
}

/** One writer's control points: a blend of the poses, unsteady, stretched, slanted and turned. x, y, pressure. */
function writePoints(path: PenPath, random: RandomStream): Float64Array {
  const { poses, runs } = path;
  const count = poses[0]!.length / 2;
  const points = new Float64Array(count * 3);

  // Weights that sum to 1 and lean a little beyond the poses: (1 + e)·w − e/n
  const weights = poses.map(() => random.uniformDouble() ** 2 + 1e-3);
  const sum = weights.reduce((a, b) => a + b, 0);
  const { beyond } = hand;
  for (let p = 0; p < poses.length; p++) {
    const w = ((1 + beyond) * weights[p]!) / sum - beyond / poses.length;
    for (let i = 0; i < count; i++) {
      points[i * 3] = points[i * 3]! + w * poses[p]![i * 2]!;
      points[i * 3 + 1] = points[i * 3 + 1]! + w * poses[p]![i * 2 + 1]!;
    }
  }

  const unsteady = hand.jitter * exp(hand.jitterSpread * random.normal());
  for (let i = 0; i < count; i++) {
    points[i * 3] = points[i * 3]! + unsteady * random.normal();
    points[i * 3 + 1] = points[i * 3 + 1]! + unsteady * random.normal();
    points[i * 3 + 2] = Math.max(0.3, 1 + hand.pressure * random.normal());
  }

  // The pen goes on past the end of a stroke, or stops short of it.
  for (let r = 0; r < runs.length; r++) {
    const run = runs[r]!;
    if (run.penDown) overshoot(points, run.first, run.first + 1, random);
    if (r + 1 === runs.length || runs[r + 1]!.penDown) overshoot(points, run.last, run.last - 1, random);
  }

  const aspect = exp(hand.aspect + hand.aspectSpread * random.normal());
  const slant = clamp(hand.slant + hand.slantSpread * random.normal(), hand.slantLimits);
  const turn = clamp(hand.turn * random.normal(), [-0.3, 0.3]);
  const balance = clamp(hand.balance * random.normal(), [-0.6, 0.6]);
  const taper = clamp(hand.taper * random.normal(), [-0.6, 0.6]);
  const c = cos(turn);
  const s = sin(turn);
  for (let i = 0; i < points.length; i += 3) {
    const height = points[i + 1]!;
    const y = height + balance * height * (1 - height) - 0.5;
    const x = (points[i]! - 0.35) * aspect * (1 + taper * y) - slant * y;
    points[i] = c * x - s * y;
    points[i + 1] = s * x + c * y;
  }
  return points;
}

function overshoot(points: Float64Array, end: number, before: number, random: RandomStream): void {
  const by = between(hand.shoot, random);
  for (let axis = 0; axis < 2; axis++) {
    const at = points[end * 3 + axis]!;
    points[end * 3 + axis] = at + by * (at - points[before * 3 + axis]!);
  }
}

/** A polyline per run: x, y, pressure per vertex; `starts` has the first vertex of each run, and the end. */
interface Polyline {
  readonly vertices: Float64Array;
  readonly starts: readonly number[];
}

const STEPS = 6;

/** Catmull–Rom splines through the control points of each run. */
function traceCurve(points: Float64Array, path: PenPath): Polyline {
  const starts = [0];
  for (const { first, last } of path.runs) starts.push(starts[starts.length - 1]! + (last - first) * STEPS + 1);
  const vertices = new Float64Array(starts[starts.length - 1]! * 3);
  let at = 0;
  for (const { first, last } of path.runs) {
    for (let i = first; i < last; i++) {
      const p0 = Math.max(first, i - 1) * 3;
      const p1 = i * 3;
      const p2 = p1 + 3;
      const p3 = Math.min(last, i + 2) * 3;
      const steps = i + 1 === last ? STEPS + 1 : STEPS;
      for (let k = 0; k < steps; k++, at += 3) {
        const t = k / STEPS;
        const a = t * (t * (1 - 0.5 * t) - 0.5);
        const b = t * t * (1.5 * t - 2.5) + 1;
        const c = t * (t * (2 - 1.5 * t) + 0.5);
        const d = 0.5 * t * t * (t - 1);
        for (let axis = 0; axis < 3; axis++) {
          vertices[at + axis] =
            a * points[p0 + axis]! + b * points[p1 + axis]! + c * points[p2 + axis]! + d * points[p3 + axis]!;
        }
      }
    }
  }
  return { vertices, starts };
}

const GRID = 5;
const gridX = new Float64Array(GRID * GRID);
const gridY = new Float64Array(GRID * GRID);
const basisX = new Float64Array(4);
const basisY = new Float64Array(4);

/** Elastic distortion: a smooth random displacement, a cubic B-spline over a coarse grid (after Simard et al., 2003). */
function bend({ vertices }: Polyline, random: RandomStream): void {
  const strength = hand.bend * exp(hand.bendSpread * random.normal());
  for (let i = 0; i < GRID * GRID; i++) {
    gridX[i] = strength * random.normal();
    gridY[i] = strength * random.normal();
  }
  for (let i = 0; i < vertices.length; i += 3) {
    const column = splineBasis((vertices[i]! + 0.7) / 1.4, basisX);
    const row = splineBasis((vertices[i + 1]! + 0.7) / 1.4, basisY);
    let dx = 0;
    let dy = 0;
    for (let r = 0; r < 4; r++) {
      for (let c = 0; c < 4; c++) {
        const weight = basisY[r]! * basisX[c]!;
        const cell = (row + r) * GRID + column + c;
        dx += weight * gridX[cell]!;
        dy += weight * gridY[cell]!;
      }
    }
    vertices[i] = vertices[i]! + dx;
    vertices[i + 1] = vertices[i + 1]! + dy;
  }
}

/** The four cubic B-spline weights at 0 ≤ u ≤ 1 across the grid; returns the first cell they apply to. */
function splineBasis(u: number, out: Float64Array): number {
  const scaled = Math.min(0.999999, Math.max(0, u)) * (GRID - 3);
  const cell = Math.floor(scaled);
  const t = scaled - cell;
  const s = 1 - t;
  out[0] = (s * s * s) / 6;
  out[1] = (t * t * (3 * t - 6) + 4) / 6;
  out[2] = (s * s * (3 * s - 6) + 4) / 6;
  out[3] = (t * t * t) / 6;
  return cell;
}

/** Scales and moves the line so that its ink just fills the box, in the middle of the image. */
function fitBox({ vertices }: Polyline, margin: number): void {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (let i = 0; i < vertices.length; i += 3) {
    left = Math.min(left, vertices[i]!);
    right = Math.max(right, vertices[i]!);
    top = Math.min(top, vertices[i + 1]!);
    bottom = Math.max(bottom, vertices[i + 1]!);
  }
  const scale = (BOX - 2 * margin) / Math.max(right - left, bottom - top);
  for (let i = 0; i < vertices.length; i += 3) {
    vertices[i] = SIZE / 2 + (vertices[i]! - (left + right) / 2) * scale;
    vertices[i + 1] = SIZE / 2 + (vertices[i + 1]! - (top + bottom) / 2) * scale;
  }
}

const canvas = new Float64Array(PIXELS);

/**
 * Inks every pixel by its distance to the line, then centres the mass.
 *
 * `soft` is half the width in pixels of the edge, over which the ink fades from full to none.
 */
function render({ vertices, starts }: Polyline, pen: number, soft: number, pixels: Uint8Array): void {
  canvas.fill(0);
  for (let run = 0; run + 1 < starts.length; run++) {
    for (let v = starts[run]!; v + 1 < starts[run + 1]!; v++) inkSegment(vertices, v * 3, pen, soft);
  }
  let mass = 0;
  let massX = 0;
  let massY = 0;
  for (let y = 0, i = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++, i++) {
      const ink = canvas[i]!;
      mass += ink;
      massX += ink * x;
      massY += ink * y;
    }
  }
  const dx = Math.floor(SIZE / 2 + 0.5 - massX / mass);
  const dy = Math.floor(SIZE / 2 + 0.5 - massY / mass);
  for (let y = 0, i = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++, i++) {
      const fromX = x - dx;
      const fromY = y - dy;
      const inside = fromX >= 0 && fromX < SIZE && fromY >= 0 && fromY < SIZE;
      pixels[i] = inside ? Math.floor(255 * canvas[fromY * SIZE + fromX]! + 0.5) : 0;
    }
  }
}

/** Ink of one segment whose half width runs from one vertex' pressure to the other's. */
function inkSegment(vertices: Float64Array, at: number, pen: number, soft: number): void {
  const x0 = vertices[at]!;
  const y0 = vertices[at + 1]!;
  const r0 = pen * vertices[at + 2]!;
  const dx = vertices[at + 3]! - x0;
  const dy = vertices[at + 4]! - y0;
  const dr = pen * vertices[at + 5]! - r0;
  const inverse = 1 / (dx * dx + dy * dy + 1e-12);
  const reach = Math.max(r0, r0 + dr) + soft;
  const firstX = Math.max(0, Math.floor(Math.min(x0, x0 + dx) - reach));
  const lastX = Math.min(SIZE - 1, Math.floor(Math.max(x0, x0 + dx) + reach));
  const firstY = Math.max(0, Math.floor(Math.min(y0, y0 + dy) - reach));
  const lastY = Math.min(SIZE - 1, Math.floor(Math.max(y0, y0 + dy) + reach));
  const slope = 1 / (2 * soft);
  for (let y = firstY; y <= lastY; y++) {
    const py = y + 0.5 - y0;
    for (let x = firstX; x <= lastX; x++) {
      const px = x + 0.5 - x0;
      const t = Math.min(1, Math.max(0, (px * dx + py * dy) * inverse));
      const ex = px - t * dx;
      const ey = py - t * dy;
      const ink = Math.min(1, (r0 + t * dr + soft - Math.sqrt(ex * ex + ey * ey)) * slope);
      if (ink > canvas[y * SIZE + x]!) canvas[y * SIZE + x] = ink;
    }
  }
}
