import { ShapeError } from "../../base/errors.ts";
import { defaultStream, RandomStream } from "../../base/random.ts";
import { showShape, sizeOf, type Shape } from "../../base/shape.ts";
import { dropout } from "../../ops/dropout.ts";
import { hostInput } from "../../tensor/apply.ts";
import { ones } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { numberIn, required } from "./arguments.ts";
import { dataFormatOf, type DataFormat } from "./dataFormat.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { needsRank } from "./shapes.ts";

interface Seeded {
  /** Numbers of this layer's own; default the global stream, which `manualSeed` restarts. */
  seed?: number | null;
}

/** What layers share that are random while training and pass their input on otherwise. */
abstract class RandomLayer extends Layer {
  readonly #stream: RandomStream | null;

  constructor(options: LayerOptions & Seeded, known: readonly string[]) {
    super(options, [...known, "seed"]);
    const { seed } = options;
    this.#stream = seed === undefined || seed === null ? null : new RandomStream(seed);
  }

  protected get stream(): RandomStream {
    return this.#stream ?? defaultStream();
  }

  /** x with elements set to 0 with probability `rate`, the others scaled by 1 / (1 − rate). */
  protected drop(x: Tensor, rate: number): Tensor {
    const state = hostInput({ shape: [6], dtype: "int32" }, () => {
      const { key, counter } = this.stream.reserve(x.size);
      return Int32Array.of(...key, ...counter);
    });
    return dropout(x, state, rate);
  }

  /** Normal numbers, drawn anew at every call, also of a compiled function. */
  protected normal(shape: Shape, mean: number, std: number): Tensor {
    return hostInput({ shape, dtype: "float32" }, () =>
      this.stream.fillNormal(new Float32Array(sizeOf(shape)), mean, std),
    );
  }
}

export interface DropoutArguments extends LayerOptions, Seeded {
  /** Probability of 0, in [0, 1). */
  rate: number;
  /** Shape of the mask, batch first: an axis of size 1 is kept or dropped as a whole; null is the input's size. */
  noiseShape?: readonly (number | null)[] | null;
}

const rateOf = (who: string, options: { rate: number }): number =>
  numberIn(who, "rate", required(who, "rate", options?.rate), 0, 1 - Number.EPSILON, "in [0, 1)");

/** Sets elements to 0 with probability `rate` while training, and scales the others by 1 / (1 − rate). */
export class Dropout extends RandomLayer {
  readonly rate: number;
  readonly noiseShape: readonly (number | null)[] | null;

  constructor(options: DropoutArguments) {
    super(options, ["rate", "noiseShape"]);
    this.rate = rateOf("Dropout", options);
    this.noiseShape = options.noiseShape ?? null;
  }

  protected call(x: Tensor): Tensor {
    if (!this.training || this.rate === 0) return x;
    if (this.noiseShape === null) return this.drop(x, this.rate);
    const fits = this.noiseShape.every((d, i) => d === null || d === 1 || d === x.shape[i]);
    if (this.noiseShape.length !== x.rank || !fits) {
      throw new ShapeError(
        `Dropout: noiseShape [${this.noiseShape.join(", ")}] does not broadcast to the input ${showShape(x.shape)}`,
      );
    }
    return x.mul(this.drop(ones(this.noiseShape.map((d, i) => d ?? x.shape[i]!)), this.rate));
  }
}

export interface SpatialDropoutArguments extends LayerOptions, Seeded {
  /** Probability of a channel to be 0, in [0, 1). */
  rate: number;
  /** Where the channels are; default `channels_last`. */
  dataFormat?: DataFormat | null;
}

/** What SpatialDropout1D, 2D and 3D share: whole channels are dropped (Tompson et al., 2015). */
abstract class SpatialDropout extends RandomLayer {
  readonly rate: number;
  readonly dataFormat: DataFormat;
  readonly #axes: number;

  constructor(axes: number, options: SpatialDropoutArguments) {
    super(options, ["rate", "dataFormat"]);
    this.rate = rateOf(this.constructor.name, options);
    this.dataFormat = dataFormatOf(this.constructor.name, options.dataFormat);
    this.#axes = axes;
  }

  protected call(x: Tensor): Tensor {
    needsRank(this.constructor.name, x.shape, this.#axes + 2, this.dataFormat);
    if (!this.training || this.rate === 0) return x;
    const channels = this.dataFormat === "channels_last" ? x.rank - 1 : 1;
    return x.mul(this.drop(ones(x.shape.map((d, i) => (i === 0 || i === channels ? d : 1))), this.rate));
  }
}

/** Drops whole channels of [N, L, C] while training. */
export class SpatialDropout1D extends SpatialDropout {
  constructor(options: SpatialDropoutArguments) {
    super(1, options);
  }
}

/** Drops whole channels of [N, H, W, C] while training. */
export class SpatialDropout2D extends SpatialDropout {
  constructor(options: SpatialDropoutArguments) {
    super(2, options);
  }
}

/** Drops whole channels of [N, D, H, W, C] while training. */
export class SpatialDropout3D extends SpatialDropout {
  constructor(options: SpatialDropoutArguments) {
    super(3, options);
  }
}

/** Multiplies by normal numbers of mean 1 and variance rate / (1 − rate) while training. */
export class GaussianDropout extends RandomLayer {
  readonly rate: number;

  constructor(options: LayerOptions & Seeded & { rate: number }) {
    super(options, ["rate"]);
    this.rate = rateOf("GaussianDropout", options);
  }

  protected call(x: Tensor): Tensor {
    if (!this.training || this.rate === 0) return x;
    return x.mul(this.normal(x.shape, 1, Math.sqrt(this.rate / (1 - this.rate))));
  }
}

/** Adds normal numbers of mean 0 while training. */
export class GaussianNoise extends RandomLayer {
  readonly stddev: number;

  constructor(options: LayerOptions & Seeded & { stddev: number }) {
    super(options, ["stddev"]);
    const stddev = required("GaussianNoise", "stddev", options.stddev);
    this.stddev = numberIn("GaussianNoise", "stddev", stddev, 0, Number.MAX_VALUE, "a number ≥ 0");
  }

  protected call(x: Tensor): Tensor {
    if (!this.training || this.stddev === 0) return x;
    return x.add(this.normal(x.shape, 0, this.stddev));
  }
}
