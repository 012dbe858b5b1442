import { ShapeError, UsageError } from "../../base/errors.ts";
import { exp, log } from "../../base/math.ts";
import type { RandomStream } from "../../base/random.ts";
import { showShape } from "../../base/shape.ts";
import type { Batch, BatchTransform } from "../loader.ts";
import { OptionCheck } from "./options.ts";

export interface MixOptions {
  /** The share of the first image is drawn from the distribution Beta(alpha, alpha). Default: 0.2 for mixUp, 1 for cutMix. */
  readonly alpha?: number;
  /** Chance that a batch is mixed; default 1. */
  readonly p?: number;
}

/**
 * Each image becomes λ · itself + (1 − λ) · another one of the batch, and so do their labels (Zhang et al., 2017, "mixup:
 * beyond empirical risk minimization"). One λ per batch. For a `DataLoader`'s `batchTransform`; labels become
 * probabilities, [N, classes], which `crossEntropy` takes as they are.
 */
export function mixUp(options: MixOptions = {}): BatchTransform {
  return mixing("mixUp", { alpha: 0.2, p: 1, ...options }, ({ x, size: count }, share, partners) => {
    const size = x.length / count;
    const mixed = new Float32Array(x.length);
    for (const [n, partner] of partners.entries()) {
      const [own, other] = [n * size, partner * size];
      for (let i = 0; i < size; i++) mixed[own + i] = share * x[own + i]! + (1 - share) * x[other + i]!;
    }
    return [mixed, share];
  });
}

/**
 * A rectangle of each image is replaced by that of another one of the batch; labels are mixed by area (Yun et al., 2019,
 * "CutMix: regularization strategy to train strong classifiers with localizable features"). One rectangle per batch.
 * For a `DataLoader`'s `batchTransform`, as `mixUp`.
 */
export function cutMix(options: MixOptions = {}): BatchTransform {
  return mixing("cutMix", { alpha: 1, p: 1, ...options }, ({ x, shape }, share, partners, random) => {
    if (shape.length !== 4) throw new ShapeError(`cutMix: wanted pictures, [N, C, H, W], got ${showShape(shape)}`);
    const [, c, h, w] = shape as [number, number, number, number];
    const side = Math.sqrt(1 - share);
    const [middleX, middleY] = [random.int(w), random.int(h)];
    const [halfX, halfY] = [(side * w) / 2, (side * h) / 2];
    const [x0, x1] = [Math.max(0, Math.trunc(middleX - halfX)), Math.min(w, Math.trunc(middleX + halfX))];
    const [y0, y1] = [Math.max(0, Math.trunc(middleY - halfY)), Math.min(h, Math.trunc(middleY + halfY))];
    const mixed = x.slice();
    for (const [n, partner] of partners.entries()) {
      for (let plane = 0; plane < c; plane++) {
        const [own, other] = [(n * c + plane) * h * w, (partner * c + plane) * h * w];
        for (let row = y0; row < y1; row++) {
          mixed.set(x.subarray(other + row * w + x0, other + row * w + x1), own + row * w + x0);
        }
      }
    }
    return [mixed, 1 - ((x1 - x0) * (y1 - y0)) / (w * h)];
  });
}

/** The mixed images, and the share of each one's own label. */
type Mix = (batch: Batch, share: number, partners: Uint32Array, random: RandomStream) => [Float32Array, number];

function mixing(name: string, options: Required<MixOptions>, mix: Mix): BatchTransform {
  const check = new OptionCheck(name);
  const alpha = check.number("alpha", options.alpha, 1e-3, 1e3);
  const p = check.probability("p", options.p);
  return {
    name,
    applyBatch(batch, random, classes) {
      const y = probabilities(name, batch, classes);
      const yShape = [batch.size, classes];
      if (random.uniform() >= p) return { ...batch, y, yShape };
      const share = drawBeta(alpha, random);
      const partners = random.permutation(batch.size);
      const [x, own] = mix(batch, share, partners, random);
      const mixed = new Float32Array(y.length);
      for (let i = 0; i < y.length; i++) {
        const other = partners[Math.floor(i / classes)]! * classes + (i % classes);
        mixed[i] = own * y[i]! + (1 - own) * y[other]!;
      }
      return { ...batch, x, y: mixed, yShape };
    },
  };
}

/** Labels as probabilities; what was mixed before is taken as it is. */
function probabilities(name: string, { y, yShape, size, indices }: Batch, classes: number): Float32Array {
  if (y instanceof Float32Array && yShape.length === 2 && yShape[1] === classes) return y;
  if (y instanceof Float32Array || yShape.length !== 1) {
    throw new ShapeError(`${name}: wanted one of ${classes} classes for each sample, got y of ${showShape(yShape)}`);
  }
  const out = new Float32Array(size * classes);
  for (const [i, label] of y.entries()) {
    if (label < 0 || label >= classes) {
      throw new UsageError(`${name}: label ${label} of sample ${indices[i]} is not one of the ${classes} classes`);
    }
    out[i * classes + label] = 1;
  }
  return out;
}

/** From Beta(a, a): two gamma numbers, one as a share of both. */
function drawBeta(a: number, random: RandomStream): number {
  const [first, second] = [logGamma(a, random), logGamma(a, random)];
  return 1 / (1 + exp(Math.min(Math.max(second - first, -700), 700)));
}

/**
 * The logarithm of a number of the gamma distribution, by Marsaglia and Tsang (2000), "A simple method for generating
 * gamma variables"; a shape below 1 by that above it, times U^(1/a). In logarithms, as small shapes give tiny numbers.
 */
function logGamma(a: number, random: RandomStream): number {
  if (a < 1) return logGamma(a + 1, random) + log(1 - random.uniform()) / a;
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const z = random.normal();
    const v = (1 + c * z) ** 3;
    if (v > 0 && log(1 - random.uniform()) < 0.5 * z * z + d - d * v + d * log(v)) return log(d) + log(v);
  }
}
