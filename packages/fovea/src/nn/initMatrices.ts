import { FoveaError, UsageError } from "../base/errors.ts";
import { cos, sin } from "../base/math.ts";
import type { RandomStream } from "../base/random.ts";
import { showShape } from "../base/shape.ts";
import { overwrite } from "../ops/assign.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fillRandom, type InitOptions } from "./initFill.ts";

/** Initialisers with a structure: orthogonal rows, the identity, few connections, Fourier kernels. */

export interface OrthogonalOptions extends InitOptions {
  /** Factor; default 1. */
  gain?: number;
}

/**
 * Orthonormal rows (or columns, if there are more rows), times a gain (Saxe, McClelland and Ganguli, 2013).
 *
 * A weight [out, in, ...kernel] counts as a matrix [out, in · kernel].
 */
export function orthogonal<T extends Tensor>(x: T, { gain = 1, ...options }: OrthogonalOptions = {}): T {
  if (x.rank < 2) throw new FoveaError(`init.orthogonal: needs rank ≥ 2, got ${showShape(x.shape)}`);
  const rows = x.shape[0]!;
  const columns = x.size / Math.max(1, rows);
  return fillRandom(x, options, (out, stream) => {
    const wide = rows <= columns;
    const vectors = orthonormal(stream, Math.min(rows, columns), Math.max(rows, columns));
    vectors.forEach((v, i) => v.forEach((value, j) => (out[wide ? i * columns + j : j * columns + i] = gain * value)));
    return out;
  });
}

/**
 * Random directions made orthonormal by Gram's and Schmidt's process. On normal numbers it gives the uniform
 * distribution over all such sets, as a QR decomposition does whose R has a positive diagonal.
 */
function orthonormal(stream: RandomStream, count: number, length: number): Float64Array[] {
  const done: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    const v = Float64Array.from({ length }, () => stream.normal());
    for (const u of done) {
      let dot = 0;
      for (let i = 0; i < length; i++) dot += u[i]! * v[i]!;
      for (let i = 0; i < length; i++) v[i]! -= dot * u[i]!;
    }
    let square = 0;
    for (let i = 0; i < length; i++) square += v[i]! * v[i]!;
    const scale = 1 / Math.sqrt(square);
    for (let i = 0; i < length; i++) v[i]! *= scale;
    done.push(v);
  }
  return done;
}

/** The identity matrix (ones on the diagonal, if it is not square), times a gain; rank 2 only. */
export function identity<T extends Tensor>(x: T, gain = 1): T {
  if (x.rank !== 2) throw new FoveaError(`init.identity: needs a matrix, got ${showShape(x.shape)}; see dirac`);
  const [rows, columns] = x.shape as readonly [number, number];
  const out = new Float32Array(x.size);
  for (let i = 0; i < Math.min(rows, columns); i++) out[i * columns + i] = gain;
  overwrite(x, out);
  return x;
}

/** A convolution that passes its input on: 1 in the middle of kernel [i, i], 0 elsewhere, per group. */
export function dirac<T extends Tensor>(x: T, groups = 1): T {
  const [outChannels, inChannels, ...kernel] = x.shape;
  if (kernel.length === 0 || !Number.isInteger(groups) || groups < 1 || outChannels! % groups !== 0) {
    throw new FoveaError(
      `init.dirac: needs [out, in, ...kernel] and groups that divide out, got ${showShape(x.shape)} and ${groups} groups`,
    );
  }
  const volume = kernel.reduce((n, d) => n * d, 1);
  const middle = kernel.reduce((at, d) => at * d + Math.floor(d / 2), 0);
  const perGroup = outChannels! / groups;
  const out = new Float32Array(x.size);
  for (let g = 0; g < groups; g++) {
    for (let i = 0; i < Math.min(perGroup, inChannels!); i++) {
      out[((g * perGroup + i) * inChannels! + i) * volume + middle] = 1;
    }
  }
  overwrite(x, out);
  return x;
}

export interface SparseOptions extends InitOptions {
  /** Standard deviation of what is not 0; default 0.01. */
  std?: number;
}

/** Normal numbers of which a share per column (rounded up) is 0 (Martens, 2010); rank 2 only. */
export function sparse<T extends Tensor>(x: T, sparsity: number, { std = 0.01, ...options }: SparseOptions = {}): T {
  if (x.rank !== 2) throw new FoveaError(`init.sparse: needs a matrix, got ${showShape(x.shape)}`);
  if (!(sparsity >= 0 && sparsity <= 1))
    throw new UsageError(`init.sparse: sparsity must be in [0, 1], got ${sparsity}`);
  const [rows, columns] = x.shape as readonly [number, number];
  return fillRandom(x, options, (out, stream) => {
    stream.fillNormal(out, 0, std);
    for (let c = 0; c < columns; c++) {
      for (const r of stream.permutation(rows).subarray(0, Math.ceil(sparsity * rows))) out[r * columns + c] = 0;
    }
    return out;
  });
}

export interface StftOptions {
  /** `hann` (default), `hamming`, the values themselves, or null for none. */
  window?: "hann" | "hamming" | readonly number[] | null;
  /** Divide the window by its L2 norm (`density`, default) or its L1 norm (`spectrum`), or leave it (null). */
  scaling?: "density" | "spectrum" | null;
  /** A window for frames that continue one another; default false: symmetric. */
  periodic?: boolean;
}

/**
 * Kernels of a short-time Fourier transform, as Keras' STFTInitializer: for a 1-D convolution from 1 channel.
 *
 * @param x [frequencies, 1, length]: frequency f of 2 · (frequencies − 1) bands.
 * @param side `real` for cosines, `imag` for (negative) sines.
 */
export function stft<T extends Tensor>(x: T, side: "real" | "imag", options: StftOptions = {}): T {
  const { window = "hann", scaling = "density", periodic = false } = options;
  const [frequencies, channels, length] = x.shape as readonly [number, number, number];
  if (x.rank !== 3 || channels !== 1 || frequencies < 2) {
    throw new FoveaError(`init.stft: needs [frequencies ≥ 2, 1, length], got ${showShape(x.shape)}`);
  }
  const values = windowValues(window, length, periodic);
  if (values.length !== length) {
    throw new UsageError(`init.stft: the window has ${values.length} values for a kernel of length ${length}`);
  }
  let norm = 1;
  if (window !== null && scaling === "density") norm = Math.sqrt(values.reduce((s, v) => s + v * v, 0));
  if (window !== null && scaling === "spectrum") norm = values.reduce((s, v) => s + Math.abs(v), 0);
  const bands = 2 * (frequencies - 1);
  const out = new Float32Array(x.size);
  for (let f = 0; f < frequencies; f++) {
    for (let t = 0; t < length; t++) {
      const angle = (2 * Math.PI * ((t * f) % bands)) / bands; // whole turns taken off exactly
      out[f * length + t] = ((side === "real" ? cos(angle) : -sin(angle)) * values[t]!) / norm;
    }
  }
  overwrite(x, out);
  return x;
}

function windowValues(window: StftOptions["window"], length: number, periodic: boolean): readonly number[] {
  if (window === null) return Array.from({ length }, () => 1);
  if (typeof window !== "string") return window!;
  const a = window === "hann" ? 0.5 : 0.54;
  const period = periodic ? length : length - 1;
  return Array.from({ length }, (_, t) => (period === 0 ? 1 : a - (1 - a) * cos((2 * Math.PI * t) / period)));
}
