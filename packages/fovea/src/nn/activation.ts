import { elu, leakyRelu } from "../ops/activations.ts";
import { relu, sigmoid, tanh } from "../ops/unary.ts";
import { logSoftmax, softmax } from "../ops/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** max(x, 0). */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** x where x > 0, else negativeSlope · x. */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  /** @param negativeSlope Slope below 0; default 0.01. */
  constructor(negativeSlope = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }

  override extraRepr(): string {
    return `${this.negativeSlope}`;
  }
}

/** x where x > 0, else alpha · (eˣ − 1) (Clevert, Unterthiner and Hochreiter, 2016). */
export class ELU extends Module {
  readonly alpha: number;

  /** @param alpha Minus the limit towards −∞; default 1. */
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }

  override extraRepr(): string {
    return `${this.alpha}`;
  }
}

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** eˣ over its sum along an axis. */
export class Softmax extends Module {
  readonly axis: number;

  /** @param axis Default 1, the channels or classes of [N, C, ...]. */
  constructor(axis = 1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }

  override extraRepr(): string {
    return `${this.axis}`;
  }
}

/** The logarithm of softmax along an axis. */
export class LogSoftmax extends Module {
  readonly axis: number;

  /** @param axis Default 1, the channels or classes of [N, C, ...]. */
  constructor(axis = 1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }

  override extraRepr(): string {
    return `${this.axis}`;
  }
}
