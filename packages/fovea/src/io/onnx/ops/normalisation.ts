import { defaultStream } from "../../../base/random.ts";
import { ShapeError } from "../../../base/errors.ts";
import { normalizeAxis, showShape } from "../../../base/shape.ts";
import { Buffer } from "../../../nn/parameter.ts";
import { assign } from "../../../ops/assign.ts";
import { dropout as drop } from "../../../ops/dropout.ts";
import { localResponseNorm } from "../../../ops/localResponseNorm.ts";
import { batchNorm, channelMoments } from "../../../ops/batchNorm.ts";
import { where } from "../../../ops/select.ts";
import { hostInput, noGrad } from "../../../tensor/apply.ts";
import { full } from "../../../tensor/create.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import { Value } from "../value.ts";

/**
 * Running statistics, or those of the batch: while the model trains, and where the node itself says so. Training moves
 * the running ones towards the batch's.
 */
function batchNormalization(call: Call): (Tensor | null)[] {
  const [x, weight, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => call.tensor(i)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const eps = call.float("epsilon", 1e-5);
  if (call.int("spatial", 1) === 0) return call.unsupported("statistics per pixel (spatial=0)");
  const always = call.int("training_mode", 0) !== 0;
  if (!always && !call.training) return [batchNorm(x, mean, variance, weight, bias, { eps })];
  const batch = channelMoments(x);
  const momentum = call.float("momentum", 0.9);
  const follow = (running: Tensor, now: Tensor) =>
    running.mul(momentum).add(now.reshape(running.shape).mul(1 - momentum));
  const y = batchNorm(x, batch.mean, batch.variance, weight, bias, { eps });
  if (always) return [y, follow(mean, batch.mean), follow(variance, batch.variance)];
  noGrad(() => {
    if (mean instanceof Buffer) assign(mean, follow(mean, batch.mean));
    if (variance instanceof Buffer) assign(variance, follow(variance, batch.variance));
  });
  return [y];
}

/** (x − mean) / √(variance + ε) over some axes. */
function standardized(x: Tensor, axes: readonly number[], eps: number): { y: Tensor; mean: Tensor; scale: Tensor } {
  const mean = x.mean(axes, true);
  const centered = x.sub(mean);
  const scale = centered.square().mean(axes, true).add(eps).rsqrt();
  return { y: centered.mul(scale), mean, scale };
}

function layerNormalization(call: Call): Tensor[] {
  const x = call.tensor(0);
  const first = normalizeAxis(call.int("axis", -1), x.rank, "LayerNormalization");
  const axes = x.shape.flatMap((_, i) => (i >= first ? [i] : []));
  const { y, mean, scale } = standardized(x, axes, call.float("epsilon", 1e-5));
  const bias = call.optional(2)?.tensor;
  const scaled = y.mul(call.tensor(1));
  return [bias ? scaled.add(bias) : scaled, mean, scale];
}

/** A value per channel as [1, C, 1, ...]. */
function perChannel(values: Tensor, x: Tensor): Tensor {
  return values.reshape(x.shape.map((_, i) => (i === 1 ? values.size : 1)));
}

function instanceNormalization(call: Call): Tensor {
  const x = call.tensor(0);
  const axes = x.shape.flatMap((_, i) => (i >= 2 ? [i] : []));
  const { y } = standardized(x, axes, call.float("epsilon", 1e-5));
  return y.mul(perChannel(call.tensor(1), x)).add(perChannel(call.tensor(2), x));
}

/** Scale and bias per channel; per group before opset 21. */
function groupNormalization(call: Call): Tensor {
  const x = call.tensor(0);
  const [n, channels] = x.shape as [number, number];
  const groups = call.int("num_groups");
  if (!(groups >= 1) || channels % groups !== 0) {
    throw new ShapeError(`${channels} channels of ${showShape(x.shape)} do not divide into ${groups} groups`);
  }
  const { y } = standardized(x.reshape([n, groups, -1]), [2], call.float("epsilon", 1e-5));
  const spread = (t: Tensor): Tensor => {
    if (t.size === channels) return perChannel(t, x);
    return perChannel(
      t
        .reshape([groups, 1])
        .expand([groups, channels / groups])
        .reshape([channels]),
      x,
    );
  };
  return y
    .reshape(x.shape)
    .mul(spread(call.tensor(1)))
    .add(spread(call.tensor(2)));
}

function lpNormalization(call: Call): Tensor {
  const x = call.tensor(0);
  const axis = normalizeAxis(call.int("axis", -1), x.rank, "LpNormalization");
  const p = call.int("p", 2);
  if (p !== 1 && p !== 2) return call.unsupported(`p=${p}`);
  const norm = p === 1 ? x.abs().sum(axis, true) : x.square().sum(axis, true).sqrt();
  const zero = norm.equal(0);
  return where(zero, 0, x.div(where(zero, 1, norm)));
}

function meanVarianceNormalization(call: Call): Tensor {
  const x = call.tensor(0);
  const axes = call.ints("axes", [0, 2, 3]).map((a) => normalizeAxis(a, x.rank, "MeanVarianceNormalization"));
  const centered = x.sub(x.mean(axes, true));
  return centered.div(centered.square().mean(axes, true).sqrt().add(1e-9));
}

function localResponse(call: Call): Tensor {
  const options = { alpha: call.float("alpha", 1e-4), beta: call.float("beta", 0.75), k: call.float("bias", 1) };
  return localResponseNorm(call.tensor(0), call.int("size"), { ...options, longSide: "after" });
}

/** Drops while the model trains, or where the node's own training_mode says so. The mask is the second output. */
function dropout(call: Call): (Tensor | Value)[] {
  const x = call.input(0);
  const ratio = call.has("ratio") ? call.float("ratio") : (call.optional(1)?.numbers("the ratio")[0] ?? 0.5);
  const active = call.training || (call.optional(2)?.numbers("training_mode")[0] ?? 0) !== 0;
  if (!active || ratio === 0) return [x, Value.of(full(x.shape, 1, "bool"), "bool")];
  const state = hostInput({ shape: [6], dtype: "int32" }, () => {
    const { key, counter } = defaultStream().reserve(x.tensor.size);
    return Int32Array.of(...key, ...counter);
  });
  const y = drop(x.tensor, state, ratio);
  return call.wants(1) ? [y, drop(full(x.shape, 1), state, ratio).greater(0)] : [y];
}

export const normalisationHandlers = {
  BatchNormalization: batchNormalization,
  Dropout: dropout,
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponse,
  MeanVarianceNormalization: meanVarianceNormalization,
} as const satisfies Handlers;
