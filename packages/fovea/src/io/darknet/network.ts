import "../../tensor.ts";
import { FoveaError } from "../../base/errors.ts";
import { BatchNorm1d, BatchNorm2d } from "../../nn/batchNorm.ts";
import { Conv2d } from "../../nn/conv.ts";
import { Linear } from "../../nn/linear.ts";
import { Module } from "../../nn/module.ts";
import { leakyRelu, mish, relu6, silu } from "../../ops/activations.ts";
import { globalAvgPool } from "../../ops/adaptivePool.ts";
import { interpolate } from "../../ops/interpolate.ts";
import { maxPool2d } from "../../ops/maxPool2d.ts";
import { concat, flatten, narrow } from "../../ops/movement.ts";
import { softmax } from "../../ops/softmax.ts";
import { relu, sigmoid, tanh } from "../../ops/unary.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { activations, ConnectedPlan, ConvolutionPlan, LayerPlan, NetworkPlan, YoloPlan } from "./plan.ts";

const functions: Readonly<Record<(typeof activations)[number], (x: Tensor) => Tensor>> = {
  leaky: (x) => leakyRelu(x, 0.1),
  linear: (x) => x,
  logistic: (x) => sigmoid(x),
  mish,
  relu: (x) => relu(x),
  relu6,
  swish: silu,
  tanh: (x) => tanh(x),
};

const activate = (name: string, x: Tensor): Tensor => functions[name as keyof typeof functions](x);

/** Added to the variance, as in the Darknet that people use (AlexeyAB's). */
const EPS = 1e-5;

/** A convolution or dense layer, its batch norm, and its activation. */
export class DarknetLayer extends Module {
  readonly conv: Conv2d | Linear;
  readonly norm: BatchNorm1d | BatchNorm2d | null;
  readonly activation: string;

  constructor(plan: ConvolutionPlan | ConnectedPlan) {
    super();
    const { filters, normalize } = plan;
    const bias = !normalize;
    if (plan.kind === "connected") {
      this.conv = new Linear(plan.inputs, filters, { bias });
      this.norm = normalize ? new BatchNorm1d(filters, { eps: EPS }) : null;
    } else {
      const { inChannels, size, stride, padding, dilation, groups } = plan;
      this.conv = new Conv2d(inChannels, filters, size, { stride, padding, dilation, groups, bias });
      this.norm = normalize ? new BatchNorm2d(filters, { eps: EPS }) : null;
    }
    this.activation = plan.activation;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv instanceof Linear ? this.conv.forward(flatten(x, 1)) : this.conv.forward(x);
    return activate(this.activation, this.norm === null ? y : this.norm.forward(y));
  }
}

/** What has no weights. */
class Fixed extends Module<[xs: readonly Tensor[]]> {
  readonly #plan: LayerPlan;

  constructor(plan: LayerPlan) {
    super();
    this.#plan = plan;
  }

  forward(xs: readonly Tensor[]): Tensor {
    const plan = this.#plan;
    const x = xs[0]!;
    switch (plan.kind) {
      case "maxpool": {
        const before = Math.floor(plan.padding / 2);
        const side = [before, plan.padding - before] as const;
        return maxPool2d(x, plan.size, { stride: plan.stride, padding: [side, side] });
      }
      case "avgpool":
        return globalAvgPool(x);
      case "softmax":
        return softmax(flatten(x, 1), -1);
      case "upsample": {
        const y = interpolate(x, { scaleFactor: plan.stride });
        return plan.scale === 1 ? y : y.mul(plan.scale);
      }
      case "shortcut":
        return activate(
          plan.activation,
          xs.reduce((sum, y) => sum.add(y)),
        );
      case "route": {
        const { groups, group } = plan;
        const parts = xs.map((y) =>
          groups === 1 ? y : narrow(y, 1, (group * y.shape[1]!) / groups, y.shape[1]! / groups),
        );
        return parts.length === 1 ? parts[0]! : concat(parts, 1);
      }
      default:
        return x; // dropout while training is not what a file of weights is for
    }
  }

  override extraRepr(): string {
    return this.#plan.kind;
  }
}

/**
 * A network of Darknet: layers in the order of its configuration, images [N, C, H, W] with values from 0 to 1.
 *
 * A detector gives one raw map for each of its yolo layers (`forwardAll`), which `detectObjects` turns into boxes.
 */
export class DarknetNetwork extends Module {
  readonly layers: readonly (DarknetLayer | Fixed)[];
  readonly plan: NetworkPlan;

  constructor(plan: NetworkPlan) {
    super();
    this.plan = plan;
    this.layers = plan.layers.map((layer) =>
      layer.kind === "convolutional" || layer.kind === "connected" ? new DarknetLayer(layer) : new Fixed(layer),
    );
  }

  /** The yolo layers, in the order of their maps; none in a classifier. */
  get heads(): YoloPlan[] {
    return this.plan.layers.filter((layer) => layer.kind === "yolo");
  }

  /** The maps of all yolo layers; where there are none, the last layer's output alone. */
  forwardAll(x: Tensor): Tensor[] {
    const values: Tensor[] = [];
    for (const [i, plan] of this.plan.layers.entries()) {
      const last = values.at(-1) ?? x;
      const layer = this.layers[i]!;
      if (layer instanceof DarknetLayer) values.push(layer.forward(last));
      else values.push(layer.forward(inputsOf(plan, last, values)));
    }
    const maps = values.filter((_, i) => this.plan.layers[i]!.kind === "yolo");
    return maps.length > 0 ? maps : [values.at(-1)!];
  }

  forward(x: Tensor): Tensor {
    const outputs = this.forwardAll(x);
    if (outputs.length === 1) return outputs[0]!;
    throw new FoveaError(
      `this network has ${outputs.length} yolo layers; call forwardAll(x), which gives all their maps`,
    );
  }
}

function inputsOf(plan: LayerPlan, last: Tensor, values: readonly Tensor[]): Tensor[] {
  if (plan.kind === "route") return plan.from.map((i) => values[i]!);
  return plan.kind === "shortcut" ? [last, ...plan.from.map((i) => values[i]!)] : [last];
}
