/**
 * LeNet-5 exactly as in section II.B of the paper of 1998: a partially connected C3, trainable subsampling, and
 * Euclidean RBF units that measure the distance of F6 to a 7×12 picture of each digit.
 *
 * Images are 32×32 with background −0.1 and ink 1.175 in the paper. Layers are named as there.
 */
import { UsageError } from "../base/errors.ts";
import { uniform } from "../nn/init.ts";
import { Conv2d } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Buffer, Parameter } from "../nn/parameter.ts";
import { indexSelect } from "../ops/gather.ts";
import { concat } from "../ops/movement.ts";
import { fromHost, tensor, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ImageClassifier } from "./_classifier.ts";

/** 1.7159 · tanh(2x/3): f(±1) = ±1, and the gain is 1 in between (appendix A of the paper). */
function squash(x: Tensor): Tensor {
  return x
    .mul(2 / 3)
    .tanh()
    .mul(1.7159);
}

/** Weights start within ±2.4 / fan-in (appendix A). */
function initLike1998(parameters: readonly Tensor[], fanIn: number): void {
  for (const p of parameters) uniform(p, -2.4 / fanIn, 2.4 / fanIn);
}

/** Table I: the maps of S2 that each map of C3 sees. */
const C3_TABLE = [
  [0, 1, 2],
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
  [0, 4, 5],
  [0, 1, 5],
  [0, 1, 2, 3],
  [1, 2, 3, 4],
  [2, 3, 4, 5],
  [0, 3, 4, 5],
  [0, 1, 4, 5],
  [0, 1, 2, 5],
  [0, 1, 3, 4],
  [1, 2, 4, 5],
  [0, 2, 3, 5],
  [0, 1, 2, 3, 4, 5],
] as const;

/** A 5×5 convolution in which each output map sees some of the input maps only. */
export class PartialConv2d extends Module {
  /** One 5×5 kernel per connection of the table, row after row. */
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #table: readonly (readonly number[])[];
  readonly #rows: Tensor;
  readonly #inChannels: number;

  constructor(inChannels: number, table: readonly (readonly number[])[]) {
    super();
    const kernels = table.flat().length;
    this.#table = table;
    this.#inChannels = inChannels;
    this.bias = new Parameter([table.length]);
    // Row `kernels` is the kernel of zeros that stands where there is no connection.
    const rows = new Int32Array(table.length * inChannels).fill(kernels);
    const draws = new Float32Array(kernels * 25);
    let kernel = 0;
    table.forEach((maps, k) => {
      const first = zeros([maps.length, 5, 5]);
      initLike1998([first], 25 * maps.length);
      draws.set(first.storage.values(), kernel * 25);
      for (const c of maps) rows[k * inChannels + c] = kernel++;
    });
    this.#rows = fromHost(rows, [rows.length], "int32");
    this.weight = new Parameter(fromHost(draws, [kernels, 5, 5], "float32"));
  }

  /** [N, inChannels, H, W] → [N, table.length, H − 4, W − 4] */
  forward(x: Tensor): Tensor {
    const flat = this.weight.reshape([-1, 25]); // [60, 25]
    const kernels = concat([flat, zeros([1, 25])], 0); // [60 + 1, 25]
    const weight = indexSelect(kernels, this.#rows).reshape([this.#table.length, this.#inChannels, 5, 5]);
    return x.conv2d(weight, this.bias);
  }

  override extraRepr(): string {
    return `${this.#inChannels}, ${this.#table.length}, connections=${this.weight.shape[0]}`;
  }
}

/** S2, S4: the sum of 2×2 pixels, times one weight per map, plus one bias per map. */
export class Subsampling extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(channels: number) {
    super();
    this.weight = new Parameter([channels]);
    this.bias = new Parameter([channels]);
    initLike1998([this.weight, this.bias], 4);
  }

  forward(x: Tensor): Tensor {
    const perMap = [1, this.weight.size, 1, 1];
    const sum = x.avgPool2d(2).mul(4);
    return sum.mul(this.weight.reshape(perMap)).add(this.bias.reshape(perMap));
  }

  override extraRepr(): string {
    return `${this.weight.size}`;
  }
}

/** Squared Euclidean distances to fixed prototypes: [N, features] → [N, prototypes]. */
export class EuclideanRBF extends Module {
  /** [prototypes, features], ±1; fixed, so a buffer. */
  readonly prototypes: Buffer;

  constructor(prototypes: Tensor) {
    super();
    this.prototypes = new Buffer(prototypes);
  }

  forward(x: Tensor): Tensor {
    const [n, features] = x.shape;
    return x.reshape([n!, 1, features!]).sub(this.prototypes).square().sum(2);
  }

  override extraRepr(): string {
    return this.prototypes.shape.toReversed().join(", ");
  }
}

/** The network of the paper. */
export class LeNet5Original extends ImageClassifier {
  readonly c1 = new Conv2d(1, 6, 5);
  readonly s2 = new Subsampling(6);
  readonly c3 = new PartialConv2d(6, C3_TABLE);
  readonly s4 = new Subsampling(16);
  readonly c5 = new Conv2d(16, 120, 5);
  readonly f6 = new Linear(120, 84);
  readonly output = new EuclideanRBF(tensor(digitStencils()));
  readonly stages = ["s2", "s4"];

  constructor() {
    super();
    initLike1998([this.c1.weight, this.c1.bias!], 25);
    initLike1998([this.c5.weight, this.c5.bias!], 400);
    initLike1998([this.f6.weight, this.f6.bias!], 120);
  }

  get classifier(): EuclideanRBF {
    return this.output;
  }

  protected override headModules(): readonly Module[] {
    return [this.c5, this.f6, this.output];
  }

  /** None: the outputs are pictures of the ten digits. */
  protected override outputLayers(): readonly Linear[] {
    return [];
  }

  /** [N, 1, 32, 32] → [N, 16, 5, 5] */
  override forwardFeatures(x: Tensor): Tensor {
    x = squash(this.c1.forward(x)); // [N, 6, 28, 28]
    x = squash(this.s2.forward(x)); // [N, 6, 14, 14]
    x = squash(this.c3.forward(x)); // [N, 16, 10, 10]
    return squash(this.s4.forward(x)); // [N, 16, 5, 5]
  }

  /**
   * Minus the squared distances, so that the largest output is the class and cross-entropy is the paper's
   * discriminative criterion (its equation 9, without the rubbish class).
   */
  override forwardHead(features: Tensor): Tensor {
    let x = squash(this.c5.forward(features)).flatten(1); // [N, 120]
    x = squash(this.f6.forward(x)); // [N, 84]
    return this.output.forward(x).neg(); // [N, 10]
  }
}

/** Connections (weights and biases, each counted for every pixel that uses it) per layer, as the paper counts them. */
export function countConnections(model: LeNet5Original, side = 32): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  let pixels = side;
  for (const [name, layer] of model.namedModules()) {
    if (layer === model) continue;
    if (layer instanceof Conv2d || layer instanceof PartialConv2d) {
      pixels -= 4;
      found.set(name, pixels ** 2 * (layer.weight.size + layer.bias!.size));
    } else if (layer instanceof Subsampling) {
      pixels /= 2;
      found.set(name, pixels ** 2 * layer.weight.size * (4 + 1)); // four pixels and a bias
    } else if (layer instanceof Linear) {
      found.set(name, layer.weight.size + layer.bias!.size);
    } else if (layer instanceof EuclideanRBF) {
      found.set(name, layer.prototypes.size);
    } else {
      throw new UsageError(`countConnections: no rule for ${layer.describe()}`);
    }
  }
  return found;
}

/** The digits of figure 3 as 84 numbers each, ink +1 and paper −1. */
export function digitStencils(): number[][] {
  const rows = STENCILS.trim().split("\n");
  return Array.from({ length: 10 }, (_, digit) =>
    rows.flatMap((row) => Array.from(row.trim().split(" ")[digit]!, (pixel) => (pixel === "#" ? 1 : -1))),
  );
}

// 7 wide, 12 high, as commonly transcribed from the figure; the bars over 0, 2, 4 and 5 are in it.
const STENCILS = `
.#####. ...##.. .#####. ####### .#####. .#####. ..####. ####### .#####. .#####.
....... ..###.. ....... .....## ....... ....... .##.... .....## ##...## ##..###
..###.. .####.. .#####. ....##. ....... ####### ##..... .....## ##...## ##...##
.##.##. ...##.. ##...## ...##.. .##..## ##..... ##..... ....##. ##...## ##...##
##...## ...##.. #....## ..####. .##..## ##..... ######. ...##.. .#####. ##..###
##...## ...##.. ....##. .....## ###..## .####.. ###..## ...##.. ##...## .######
##...## ...##.. ..###.. .....## ##...## ..####. ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ##...## .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ##..### ##...## ###..## ..##... ##...## ....##.
..###.. .###### ####### .#####. .###### .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
`;
