import { UsageError } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkPair, reduced, type LossOptions } from "./reduction.ts";

/** (prediction − target)², averaged. */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkPair("mseLoss", "prediction", prediction, "target", target);
  return reduced(prediction.sub(target).square(), options.reduction);
}

/** |prediction − target|, averaged: the mean absolute error. */
export function l1Loss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkPair("l1Loss", "prediction", prediction, "target", target);
  return reduced(prediction.sub(target).abs(), options.reduction);
}

export interface HuberLossOptions extends LossOptions {
  /** Where the parabola turns into a line; default 1. */
  delta?: number;
}

/** d² / 2 where |d| < δ, δ (|d| − δ / 2) beyond (Huber, 1964). */
export function huberLoss(prediction: Tensor, target: Tensor, options: HuberLossOptions = {}): Tensor {
  checkPair("huberLoss", "prediction", prediction, "target", target);
  const { delta = 1, reduction } = options;
  if (!(delta > 0)) throw new UsageError(`huberLoss: delta must be above 0, got ${delta}`);
  return reduced(huber(prediction.sub(target), delta), reduction);
}

export interface SmoothL1LossOptions extends LossOptions {
  /** Where the parabola turns into a line; 0 is l1Loss; default 1. */
  beta?: number;
}

/** d² / (2β) where |d| < β, |d| − β / 2 beyond (Girshick, Fast R-CNN, 2015). */
export function smoothL1Loss(prediction: Tensor, target: Tensor, options: SmoothL1LossOptions = {}): Tensor {
  checkPair("smoothL1Loss", "prediction", prediction, "target", target);
  const { beta = 1, reduction } = options;
  if (!(beta >= 0)) throw new UsageError(`smoothL1Loss: beta must be ≥ 0, got ${beta}`);
  if (beta === 0) return l1Loss(prediction, target, options);
  return reduced(huber(prediction.sub(target), beta).mul(1 / beta), reduction);
}

/** q · (|d| − q / 2) with q = min(|d|, δ): one formula for both branches, no square that could overflow. */
function huber(d: Tensor, delta: number): Tensor {
  const size = d.abs();
  const inner = size.minimum(delta);
  return inner.mul(size.sub(inner.mul(0.5)));
}
