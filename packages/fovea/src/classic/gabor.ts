import { UsageError } from "../base/errors.ts";
import { cos, exp, sin } from "../base/math.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { conv2d } from "../ops/conv2d.ts";
import { noGrad } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";
import { imageTensor } from "./images.ts";
import { matrix, type Matrix } from "./matrix.ts";

export interface GaborOptions {
  /** Waves per pixel. */
  readonly frequency: number;
  /** Direction of the wave, in radians from the x axis; default 0. */
  readonly theta?: number;
  /** Width in octaves; default 1. */
  readonly bandwidth?: number;
  /** Where the wave begins, in radians; default 0. */
  readonly offset?: number;
  /** The kernel ends after so many standard deviations; default 3. */
  readonly nStds?: number;
}

/** Real (even) and imaginary (odd) part of a Gabor filter, rows top to bottom. */
export interface GaborKernel {
  readonly height: number;
  readonly width: number;
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** A wave under a Gaussian (Gabor, 1946; Daugman, 1985), as scikit-image defines it: the eye's and AlexNet's first filters. */
export function gaborKernel(options: GaborOptions): GaborKernel {
  const { frequency, theta = 0, bandwidth = 1, offset = 0, nStds = 3 } = options;
  if (!(frequency > 0)) throw new UsageError(`gaborKernel: frequency must be above 0, got ${frequency}`);
  const octave = 2 ** bandwidth;
  const sigma = ((1 / Math.PI) * Math.sqrt(Math.LN2 / 2) * (octave + 1)) / (octave - 1) / frequency;
  const c = cos(theta);
  const s = sin(theta);
  const reach = Math.ceil(Math.max(nStds * sigma * Math.abs(c), nStds * sigma * Math.abs(s), 1));
  const side = 2 * reach + 1;
  const real = new Float64Array(side * side);
  const imaginary = new Float64Array(side * side);
  for (let y = -reach, i = 0; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++, i++) {
      const along = x * c + y * s;
      const height = exp((-0.5 * (x * x + y * y)) / sigma ** 2) / (2 * Math.PI * sigma ** 2);
      real[i] = height * cos(2 * Math.PI * frequency * along + offset);
      imaginary[i] = height * sin(2 * Math.PI * frequency * along + offset);
    }
  }
  return { height: side, width: side, real, imaginary };
}

export interface GaborBankOptions {
  /** Waves per pixel of the filters; default 0.1, 0.2, 0.4. */
  readonly frequencies?: readonly number[];
  /** Directions, evenly over half a turn; default 4. */
  readonly orientations?: number;
}

/**
 * Filters of several frequencies and directions as weights [filters, 2, side, side] of one size, real part first.
 *
 * Smaller kernels stand in the middle of zeros.
 */
export function gaborBank({ frequencies = [0.1, 0.2, 0.4], orientations = 4 }: GaborBankOptions = {}): Tensor {
  const kernels = frequencies.flatMap((frequency) =>
    Array.from({ length: orientations }, (_, k) => gaborKernel({ frequency, theta: (k * Math.PI) / orientations })),
  );
  const side = Math.max(...kernels.map(({ width }) => width));
  const values = new Float32Array(kernels.length * 2 * side * side);
  kernels.forEach(({ height, width, real, imaginary }, k) => {
    const edge = (side - width) / 2;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (y + edge) * side + x + edge;
        values[2 * k * side * side + at] = real[y * width + x]!;
        values[(2 * k + 1) * side * side + at] = imaginary[y * width + x]!;
      }
    }
  });
  return fromHost(values, [kernels.length, 2, side, side], "float32");
}

/** Images filtered at once. */
const BLOCK = 64;

/** How strongly each filter answers, mean and standard deviation over a grid of cells: [images, cells² · filters · 2]. */
export async function gaborFeatures(
  data: ImageDataset,
  options: GaborBankOptions & { cells?: number } = {},
): Promise<Matrix> {
  const { cells = 2 } = options;
  const bank = gaborBank(options);
  const [filters, , side] = bank.shape as [number, number, number];
  const [, height, width] = data.shape;
  const cellHeight = Math.floor(height / cells);
  const cellWidth = Math.floor(width / cells);
  if (cellHeight === 0 || cellWidth === 0) {
    throw new UsageError(`gaborFeatures: images of ${height} × ${width} have no ${cells} × ${cells} cells`);
  }
  const found = matrix(data.length, cells * cells * filters * 2);
  for (let from = 0; from < data.length; from += BLOCK) {
    const to = Math.min(data.length, from + BLOCK);
    const strength = noGrad(() => {
      const grey = imageTensor(data, from, to).mean([1], true);
      const parts = conv2d(grey, bank.reshape([filters * 2, 1, side, side]), undefined, { padding: (side - 1) / 2 });
      const size = parts
        .square()
        .reshape([to - from, filters, 2, height, width])
        .sum([2])
        .sqrt();
      const inside = size.narrow(2, 0, cellHeight * cells).narrow(3, 0, cellWidth * cells);
      return inside.reshape([to - from, filters, cells, cellHeight, cells, cellWidth]);
    });
    const mean = strength.mean([3, 5]);
    const means = await mean.data();
    const squares = await strength.square().mean([3, 5]).data();
    const each = filters * cells * cells;
    for (let i = 0; i < means.length; i++) {
      const at = (from + Math.floor(i / each)) * 2 * each + (i % each);
      found.values[at] = means[i]!;
      found.values[at + each] = Math.sqrt(Math.max(0, squares[i]! - means[i]! ** 2));
    }
  }
  return found;
}
