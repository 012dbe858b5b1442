import * as f from "../ops/activations.ts";
import { full } from "../tensor/create.ts";
import { relu, sigmoid, tanh } from "../ops/unary.ts";
import { logSoftmax, softmax } from "../ops/softmax.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

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
    return f.leakyRelu(x, this.negativeSlope);
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
    return f.elu(x, this.alpha);
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

/** x where x > 0, else weight · x; the weight is learned (He et al., 2015). */
export class PReLU extends Module {
  readonly weight: Parameter;

  /**
   * @param numParameters 1 for one slope in all, or the number of channels; default 1.
   * @param init First value of the slopes; default 0.25.
   */
  constructor(numParameters = 1, init = 0.25) {
    super();
    this.weight = new Parameter(full([numParameters], init));
  }

  forward(x: Tensor): Tensor {
    return f.prelu(x, this.weight);
  }

  override extraRepr(): string {
    return `${this.weight.size}`;
  }
}

/** ELU scaled to keep mean 0 and variance 1 from layer to layer (Klambauer et al., 2017). */
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return f.selu(x);
  }
}

/** x where x > 0, else alpha · (e^(x / alpha) − 1) (Barron, 2017). */
export class CELU extends Module {
  readonly alpha: number;

  /** @param alpha Minus the limit towards −∞; default 1. */
  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return f.celu(x, this.alpha);
  }

  override extraRepr(): string {
    return showArguments([], { alpha: this.alpha }, { alpha: 1 });
  }
}

/** x · Φ(x), Φ being the normal distribution function (Hendrycks and Gimpel, 2016). */
export class GELU extends Module {
  readonly approximate: f.GeluApproximation;

  /** @param approximate `none` computes Φ exactly (default), `tanh` by the formula of the paper. */
  constructor(approximate: f.GeluApproximation = "none") {
    super();
    this.approximate = approximate;
  }

  forward(x: Tensor): Tensor {
    return f.gelu(x, this.approximate);
  }

  override extraRepr(): string {
    return showArguments([], { approximate: this.approximate }, { approximate: "none" });
  }
}

/** x · σ(x), also called swish (Elfwing et al., 2017). */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return f.silu(x);
  }
}

/** x · tanh(ln(1 + eˣ)) (Misra, 2019). */
export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return f.mish(x);
  }
}

/** ln(1 + e^(beta · x)) / beta: a smooth ReLU. */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  /**
   * @param beta Sharpness of the bend; default 1.
   * @param threshold Where beta · x is above it, the result is x; default 20.
   */
  constructor(beta = 1, threshold = 20) {
    super();
    this.beta = beta;
    this.threshold = threshold;
  }

  forward(x: Tensor): Tensor {
    return f.softplus(x, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return showArguments([], { beta: this.beta, threshold: this.threshold }, { beta: 1, threshold: 20 });
  }
}

/** x / (1 + |x|). */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return f.softsign(x);
  }
}

/** ln σ(x), without its underflow. */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return f.logSigmoid(x);
  }
}

/** The first half of an axis times σ of the second (Dauphin et al., 2016). */
export class GLU extends Module {
  readonly axis: number;

  /** @param axis Default −1, the last. */
  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return f.glu(x, this.axis);
  }

  override extraRepr(): string {
    return showArguments([], { axis: this.axis }, { axis: -1 });
  }
}

/** The largest of every `pieces` neighbouring channels (Goodfellow et al., 2013). */
export class Maxout extends Module {
  readonly pieces: number;
  readonly axis: number;

  /**
   * @param pieces Channels that compete for one of the result.
   * @param axis Default 1, the channels.
   */
  constructor(pieces: number, axis = 1) {
    super();
    this.pieces = pieces;
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return f.maxout(x, this.pieces, this.axis);
  }

  override extraRepr(): string {
    return showArguments([this.pieces], { axis: this.axis }, { axis: 1 });
  }
}
