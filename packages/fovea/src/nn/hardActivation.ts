import * as f from "../ops/activations.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

// Activations made of straight pieces.

/** min(max(x, 0), 6). */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return f.relu6(x);
  }
}

/** x · relu6(x + 3) / 6 (Howard et al., MobileNetV3, 2019). */
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return f.hardSwish(x);
  }
}

/** min(max(x / 6 + ½, 0), 1). */
export class Hardsigmoid extends Module {
  forward(x: Tensor): Tensor {
    return f.hardSigmoid(x);
  }
}

/** x kept between two bounds. */
export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;

  /**
   * @param minVal Lower bound; default −1.
   * @param maxVal Upper bound; default 1.
   */
  constructor(minVal = -1, maxVal = 1) {
    super();
    this.minVal = minVal;
    this.maxVal = maxVal;
  }

  forward(x: Tensor): Tensor {
    return f.hardTanh(x, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return showArguments([], { minVal: this.minVal, maxVal: this.maxVal }, { minVal: -1, maxVal: 1 });
  }
}

/** x moved towards 0 by lambda, and 0 where |x| ≤ lambda. */
export class Softshrink extends Module {
  readonly lambda: number;

  /** @param lambda Default ½. */
  constructor(lambda = 0.5) {
    super();
    this.lambda = lambda;
  }

  forward(x: Tensor): Tensor {
    return f.softShrink(x, this.lambda);
  }

  override extraRepr(): string {
    return showArguments([], { lambda: this.lambda }, { lambda: 0.5 });
  }
}

/** x where |x| > lambda, else 0. */
export class Hardshrink extends Module {
  readonly lambda: number;

  /** @param lambda Default ½. */
  constructor(lambda = 0.5) {
    super();
    this.lambda = lambda;
  }

  forward(x: Tensor): Tensor {
    return f.hardShrink(x, this.lambda);
  }

  override extraRepr(): string {
    return showArguments([], { lambda: this.lambda }, { lambda: 0.5 });
  }
}

/** x − tanh x. */
export class Tanhshrink extends Module {
  forward(x: Tensor): Tensor {
    return f.tanhShrink(x);
  }
}

/** x where x > threshold, else value. */
export class Threshold extends Module {
  readonly threshold: number;
  readonly value: number;

  /**
   * @param threshold Where the cut is.
   * @param value What stands below it.
   */
  constructor(threshold: number, value: number) {
    super();
    this.threshold = threshold;
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    return f.threshold(x, this.threshold, this.value);
  }

  override extraRepr(): string {
    return showArguments([this.threshold, this.value]);
  }
}
