import { ShapeError, UsageError } from "../base/errors.ts";
import { lazy } from "../base/lazy.ts";
import { sameShape, showShape, type Shape } from "../base/shape.ts";
import type { NdArray, TensorSpec } from "../backend/contract.ts";
import { apply } from "../tensor/apply.ts";
import { defineOp, type NamedOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { finishReference, withResidual, type Epilogue } from "./epilogue.ts";
import { at, reshape, stack } from "./movement.ts";
import { reluGrad } from "./reluGrad.ts";

/**
 * Batch norm (Ioffe and Szegedy, 2015) in passes over memory: one for the moments, one to normalise; back, one for two
 * sums and one for the gradient. Moments and sums are [2, C], a row each. In the formulas r = 1 / √(variance + ε) and
 * x̂ = (x − mean) · r; n is the number of elements of a channel.
 */

type Specs = Readonly<Record<string, TensorSpec | undefined>>;

/** Throws unless x is float32 [N, C, ...], and the others are what goes with it. */
function checkInputs(who: string, x: TensorSpec, perElement: Specs, pairs: Specs, perChannel: Specs): void {
  if (x.dtype !== "float32" || x.shape.length < 2) {
    throw new ShapeError(`${who}: needs float32 [N, C, ...], got ${x.dtype} ${showShape(x.shape)}`);
  }
  const channels = x.shape[1]!;
  const check = (others: Specs, shape: Shape) => {
    for (const name of Object.keys(others)) {
      const t = others[name];
      if (t === undefined || (t.dtype === "float32" && sameShape(t.shape, shape))) continue;
      throw new ShapeError(
        `${who}: ${name} must be float32 ${showShape(shape)} for x ${showShape(x.shape)}, got ${t.dtype} ${showShape(t.shape)}`,
      );
    }
  };
  check(perElement, x.shape);
  check(pairs, [2, channels]);
  check(perChannel, [channels]);
}

/** Elements of a channel. */
const countOf = (x: { readonly size: number; readonly shape: readonly number[] }): number => x.size / x.shape[1]!;

/** One number per channel as a shape that broadcasts to x. */
function perChannel(t: Tensor, x: Tensor): Tensor {
  return reshape(
    t,
    x.shape.map((d, i) => (i === 1 ? d : 1)),
  );
}

/** The two rows of moments or sums: [C] each. */
const rows = (t: Tensor): [Tensor, Tensor] => [at(t, 0), at(t, 1)];

/** Σ over everything but the channel: [C]. */
const channelSum = (x: Tensor): Tensor => x.sum(x.shape.flatMap((_, i) => (i === 1 ? [] : [i])));

/** r and x̂ from the moments. */
function standardized(x: Tensor, moments: Tensor, eps: number): { r: Tensor; normalized: Tensor } {
  const [mean, variance] = rows(moments);
  const r = variance.add(eps).rsqrt();
  return { r, normalized: x.sub(perChannel(mean, x)).mul(perChannel(r, x)) };
}

/** Calls `visit` with every element's position and channel. */
function forElements(x: NdArray, visit: (i: number, c: number) => void): void {
  const channels = x.shape[1]!;
  const pixels = x.shape.slice(2).reduce((a, d) => a * d, 1);
  for (let i = 0; i < x.data.length; i++) visit(i, Math.floor(i / pixels) % channels);
}

/** Per channel: r, and a function for x̂ of an element. */
function standardize(x: NdArray, mean: NdArray["data"], variance: NdArray["data"], eps: number) {
  const r = Float64Array.from(variance, (v) => 1 / Math.sqrt(v + eps));
  return { r, normalized: (i: number, c: number) => (x.data[i]! - mean[c]!) * r[c]! };
}

/** The same with moments [2, C]. */
function standardizeBy(x: NdArray, { data }: NdArray, eps: number) {
  const channels = x.shape[1]!;
  return standardize(x, data.subarray(0, channels), data.subarray(channels), eps);
}

/** Mean and biased variance of each channel: [N, C, ...] → [2, C]. */
const channelMomentsOp = defineOp("channelMoments", {
  inputs: ["x"],
  shape: ({ x }) => {
    checkInputs("channelMoments", x, {}, {}, {});
    return { shape: [2, x.shape[1]!], dtype: "float32" };
  },
  // dx = (dmean + 2 (x − mean) · dvariance) / n
  vjp: ({ x }, _attrs, y, g) => ({
    x: () => {
      const [dMean, dVariance] = rows(g.mul(1 / countOf(x)));
      return x
        .sub(perChannel(at(y, 0), x))
        .mul(perChannel(dVariance.mul(2), x))
        .add(perChannel(dMean, x));
    },
  }),
  reference: ({ x }, _attrs, y) => {
    const channels = x.shape[1]!;
    const n = x.data.length / channels;
    y.data.fill(0);
    forElements(x, (i, c) => (y.data[c]! += x.data[i]!));
    for (let c = 0; c < channels; c++) y.data[c]! /= n;
    forElements(x, (i, c) => (y.data[channels + c]! += (x.data[i]! - y.data[c]!) ** 2));
    for (let c = 0; c < channels; c++) y.data[channels + c]! /= n;
  },
});

export type BatchNormAttrs = Epilogue & { readonly eps: number };

/** Nothing behind the shift: what is called by hand; passes put more into it. */
const plain = (eps: number): BatchNormAttrs => ({ activation: "none", min: 0, max: 0, eps });

type Affine = { readonly weight?: NdArray | undefined; readonly bias?: NdArray | undefined };

/** What both batch norms compute once they know x̂. */
function scaleAndShift(y: NdArray, normalized: (i: number, c: number) => number, { weight, bias }: Affine): void {
  forElements(y, (i, c) => (y.data[i] = normalized(i, c) * (weight?.data[c] ?? 1) + (bias?.data[c] ?? 0)));
}

/** The gradient in front of the activation. */
function beforeActivation(who: string, { activation }: BatchNormAttrs, y: Tensor, g: Tensor): Tensor {
  if (activation === "none") return g;
  if (activation === "relu") return reluGrad(g, y);
  throw new UsageError(`${who}: no gradient through the fused activation "${activation}"`);
}

/** y = activation(weight · x̂ + bias + residual), the statistics being numbers of their own: those of training. */
const batchNormOp = defineOp("batchNorm", {
  inputs: ["x", "mean", "variance", "weight?", "bias?", "residual?"],
  shape: ({ x, mean, variance, weight, bias, residual }, { eps }: BatchNormAttrs) => {
    checkInputs("batchNorm", x, {}, {}, { mean, variance, weight, bias });
    checkEps("batchNorm", eps);
    return withResidual("batchNorm", x, residual);
  },
  vjp: ({ x, mean, variance, weight }, attrs, y, g) => {
    const { eps } = attrs;
    const through = lazy(() => beforeActivation("batchNorm", attrs, y, g));
    const r = lazy(() => variance.add(eps).rsqrt());
    const scale = lazy(() => (weight ? r().mul(weight) : r()));
    const sums = lazy(() => apply(batchNormGradSumsOp, { x, g: through(), moments: stack([mean, variance]) }, { eps }));
    return {
      x: () => through().mul(perChannel(scale(), x)),
      // −weight · r · Σg
      mean: () => at(sums(), 0).mul(scale()).neg(),
      // −½ weight · r² · Σg·x̂
      variance: () => at(sums(), 1).mul(scale()).mul(r()).mul(-0.5),
      weight: () => at(sums(), 1),
      bias: () => at(sums(), 0),
      residual: through,
    };
  },
  reference: ({ x, mean, variance, weight, bias, residual }, attrs, y) => {
    scaleAndShift(y, standardize(x, mean.data, variance.data, attrs.eps).normalized, { weight, bias });
    finishReference(y, residual, attrs);
  },
});

/** The same with the moments of x itself: the gradient of x takes into account that they depend on it. */
const batchNormOfBatchOp = defineOp("batchNormOfBatch", {
  inputs: ["x", "moments", "weight?", "bias?", "residual?"],
  shape: ({ x, moments, weight, bias, residual }, { eps }: BatchNormAttrs) => {
    checkInputs("batchNormOfBatch", x, {}, { moments }, { weight, bias });
    checkEps("batchNormOfBatch", eps);
    return withResidual("batchNormOfBatch", x, residual);
  },
  vjp: ({ x, moments, weight }, attrs, y, g) => {
    const { eps } = attrs;
    const through = lazy(() => beforeActivation("batchNormOfBatch", attrs, y, g));
    const sums = lazy(() => apply(batchNormGradSumsOp, { x, g: through(), moments }, { eps }));
    return {
      x: () => apply(batchNormInputGradOp, { x, g: through(), moments, weight, sums: sums() }, { eps }),
      moments: null,
      weight: () => at(sums(), 1),
      bias: () => at(sums(), 0),
      residual: through,
    };
  },
  reference: ({ x, moments, weight, bias, residual }, attrs, y) => {
    scaleAndShift(y, standardizeBy(x, moments, attrs.eps).normalized, { weight, bias });
    finishReference(y, residual, attrs);
  },
});

/** Σg and Σg·x̂ of each channel: the gradients of bias and weight. Where y is given, g counts only where y > 0. */
const batchNormGradSumsOp = defineOp("batchNormGradSums", {
  inputs: ["x", "g", "moments", "y?"],
  shape: ({ x, g, moments, y }, _attrs: { eps: number }) => {
    checkInputs("batchNormGradSums", x, { g, y }, { moments }, {});
    return { shape: [2, x.shape[1]!], dtype: "float32" };
  },
  vjp: ({ x, g, moments, y }, { eps }, sums, v) => {
    const { r, normalized } = standardized(x, moments, eps);
    const [v0, v1] = rows(v);
    const slope = v1.mul(r);
    return {
      x: () => passed(g, y).mul(perChannel(slope, x)),
      g: () => passed(normalized.mul(perChannel(v1, x)).add(perChannel(v0, x)), y),
      // dmean = −v₁ · r · Σg, dvariance = −½ v₁ · r² · Σg·x̂
      moments: () => {
        const [sum, weighted] = rows(sums);
        return stack([sum.neg(), weighted.mul(r).mul(-0.5)]).mul(slope);
      },
      y: null,
    };
  },
  reference: ({ x, g, moments, y }, { eps }, sums) => {
    const { normalized } = standardizeBy(x, moments, eps);
    sums.data.fill(0);
    forElements(x, (i, c) => {
      const d = y === undefined || y.data[i]! > 0 ? g.data[i]! : 0;
      sums.data[c]! += d;
      sums.data[x.shape[1]! + c]! += d * normalized(i, c);
    });
  },
});

type InputGradOp = NamedOp<
  "batchNormInputGrad",
  "x" | "g" | "moments" | "weight?" | "sums" | "y?",
  { readonly eps: number }
>;

/** dx = weight · r · (g − (Σg + x̂ · Σg·x̂) / n). Where y is given, g counts only where y > 0. */
const batchNormInputGradOp: InputGradOp = defineOp("batchNormInputGrad", {
  inputs: ["x", "g", "moments", "weight?", "sums", "y?"],
  shape: ({ x, g, moments, weight, sums, y }, _attrs: { eps: number }) => {
    checkInputs("batchNormInputGrad", x, { g, y }, { moments, sums }, { weight });
    return x;
  },
  vjp: ({ x, g, moments, weight, sums, y }, { eps }, dx, v) => {
    const r = at(moments, 1).add(eps).rsqrt();
    const scale = weight ? weight.mul(r) : r;
    // what x̂ is multiplied by: −weight · r · Σg·x̂ / n
    const slope = scale.mul(at(sums, 1)).mul(-1 / countOf(x));
    const along = lazy(() => apply(batchNormGradSumsOp, { x, g: v, moments }, { eps }));
    return {
      x: () => v.mul(perChannel(slope.mul(r), x)),
      g: () => passed(v.mul(perChannel(scale, x)), y),
      // dmean = −slope · r · Σv, dvariance = −½ r² · (Σv·dx + slope · Σv·x̂)
      moments: () => {
        const [sum, weighted] = rows(along());
        const byScale = channelSum(v.mul(dx)).add(slope.mul(weighted)).mul(r).mul(-0.5);
        return stack([slope.mul(sum).neg(), byScale]).mul(r);
      },
      weight: () => channelSum(v.mul(apply(batchNormInputGradOp, { x, g, moments, sums, y }, { eps }))),
      sums: () => along().mul(scale.mul(-1 / countOf(x))),
      y: null,
    };
  },
  reference: ({ x, g, moments, weight, sums, y }, { eps }, dx) => {
    const { r, normalized } = standardizeBy(x, moments, eps);
    const channels = x.shape[1]!;
    const n = x.data.length / channels;
    forElements(x, (i, c) => {
      const d = y === undefined || y.data[i]! > 0 ? g.data[i]! : 0;
      const shared = (sums.data[c]! + normalized(i, c) * sums.data[channels + c]!) / n;
      dx.data[i] = (weight?.data[c] ?? 1) * r[c]! * (d - shared);
    });
  },
});

/** g, or the part of it that a ReLU with result y lets through. */
const passed = (g: Tensor, y: Tensor | undefined): Tensor => (y ? reluGrad(g, y) : g);

export const batchNormOps = {
  channelMoments: channelMomentsOp,
  batchNorm: batchNormOp,
  batchNormOfBatch: batchNormOfBatchOp,
  batchNormGradSums: batchNormGradSumsOp,
  batchNormInputGrad: batchNormInputGradOp,
} as const;

function checkEps(name: string, eps: number): void {
  if (!(eps >= 0)) throw new UsageError(`${name}: eps must be ≥ 0, got ${eps}`);
}

/** Mean and biased variance per channel as one tensor [2, C]; x is [N, C, ...]. */
export function momentsOf(x: Tensor): Tensor {
  return apply(channelMomentsOp, { x }, {});
}

/** Mean and biased variance per channel, each [1, C, 1, …]. */
export function channelMoments(x: Tensor): { mean: Tensor; variance: Tensor } {
  const [mean, variance] = rows(momentsOf(x));
  return { mean: perChannel(mean, x), variance: perChannel(variance, x) };
}

/**
 * weight · (x − mean) / √(variance + ε) + bias per channel, from the moments [2, C] of x itself: what a layer in
 * training does. The gradient of x takes into account that the moments depend on it.
 */
export function batchNormOfBatch(x: Tensor, moments: Tensor, weight?: Tensor, bias?: Tensor, eps = 1e-5): Tensor {
  return apply(batchNormOfBatchOp, { x, moments, weight, bias }, plain(eps));
}

/**
 * γ · (x − mean) / √(variance + ε) + β per channel (Ioffe and Szegedy, 2015).
 *
 * x is [N, C, ...]; the other tensors have C elements in any shape. Training passes the moments of the batch, inference
 * the running ones.
 */
export function batchNorm(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight?: Tensor,
  bias?: Tensor,
  options: { eps?: number } = {},
): Tensor {
  const { eps = 1e-5 } = options;
  checkEps("batchNorm", eps);
  if (x.rank < 2) throw new ShapeError(`batchNorm: needs [N, C, ...], got ${showShape(x.shape)}`);
  const channels = x.shape[1]!;
  const check = (name: string, t: Tensor | undefined) => {
    if (t === undefined || t.size === channels) return;
    throw new ShapeError(`batchNorm: ${name} has ${t.size} elements for ${channels} channels of ${showShape(x.shape)}`);
  };
  check("mean", mean);
  check("variance", variance);
  check("weight", weight);
  check("bias", bias);
  const flat = (t: Tensor) => reshape(t, [channels]);
  const inputs = {
    x,
    mean: flat(mean),
    variance: flat(variance),
    weight: weight && flat(weight),
    bias: bias && flat(bias),
  };
  return apply(batchNormOp, inputs, plain(eps));
}
