import {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type AvgPool1dOptions,
  type AvgPool2dOptions,
  type AvgPool3dOptions,
} from "../ops/avgPool.ts";
import { lpPool1d, lpPool2d, lpPool3d, type LpPoolOptions } from "../ops/lpPool.ts";
import {
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  type MaxPool1dOptions,
  type MaxPool3dOptions,
  type ValuesAndIndices,
} from "../ops/maxPool.ts";
import { maxPool2d, type MaxPool2dOptions } from "../ops/maxPool2d.ts";
import { maxUnpool1d, maxUnpool2d, maxUnpool3d, type MaxUnpoolOptions } from "../ops/maxUnpool.ts";
import type { Padding1d, Padding2d, Padding3d, Pair, Single, Triple } from "../ops/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { showArguments } from "./describe.ts";
import { Module } from "./module.ts";

/** The largest value of each window: [N, C, L] → [N, C, L']. The stride defaults to the window. */
export class MaxPool1d extends Module {
  readonly kernelSize: Single;
  readonly options: MaxPool1dOptions;

  constructor(kernelSize: Single, options: MaxPool1dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }

  /** The largest values, and where they lie: what `MaxUnpool1d` takes (PyTorch's `return_indices`). */
  forwardWithIndices(x: Tensor): ValuesAndIndices {
    return maxPool1dWithIndices(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** The largest value of each window: [N, C, H, W] → [N, C, H', W']. The stride defaults to the window. */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair;
  readonly options: MaxPool2dOptions;

  constructor(kernelSize: Pair, options: MaxPool2dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }

  /** The largest values, and where they lie: what `MaxUnpool2d` takes (PyTorch's `return_indices`). */
  forwardWithIndices(x: Tensor): ValuesAndIndices {
    return maxPool2dWithIndices(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** The largest value of each window: [N, C, D, H, W] → [N, C, D', H', W']. The stride defaults to the window. */
export class MaxPool3d extends Module {
  readonly kernelSize: Triple;
  readonly options: MaxPool3dOptions;

  constructor(kernelSize: Triple, options: MaxPool3dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return maxPool3d(x, this.kernelSize, this.options);
  }

  /** The largest values, and where they lie: what `MaxUnpool3d` takes (PyTorch's `return_indices`). */
  forwardWithIndices(x: Tensor): ValuesAndIndices {
    return maxPool3dWithIndices(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** The mean of each window: [N, C, L] → [N, C, L']. The stride defaults to the window. */
export class AvgPool1d extends Module {
  readonly kernelSize: Single;
  readonly options: AvgPool1dOptions;

  constructor(kernelSize: Single, options: AvgPool1dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** The mean of each window: [N, C, H, W] → [N, C, H', W']. The stride defaults to the window. */
export class AvgPool2d extends Module {
  readonly kernelSize: Pair;
  readonly options: AvgPool2dOptions;

  constructor(kernelSize: Pair, options: AvgPool2dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** The mean of each window: [N, C, D, H, W] → [N, C, D', H', W']. The stride defaults to the window. */
export class AvgPool3d extends Module {
  readonly kernelSize: Triple;
  readonly options: AvgPool3dOptions;

  constructor(kernelSize: Triple, options: AvgPool3dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return avgPool3d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** (Σ |x|^p)^(1/p) over each window: [N, C, L] → [N, C, L']. The stride defaults to the window. */
export class LPPool1d extends Module {
  readonly p: number;
  readonly kernelSize: Single;
  readonly options: LpPoolOptions<Single, Padding1d>;

  constructor(p: number, kernelSize: Single, options: LpPoolOptions<Single, Padding1d> = {}) {
    super();
    this.p = p;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return lpPool1d(x, this.p, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([this.p], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** (Σ |x|^p)^(1/p) over each window: [N, C, H, W] → [N, C, H', W']. The stride defaults to the window. */
export class LPPool2d extends Module {
  readonly p: number;
  readonly kernelSize: Pair;
  readonly options: LpPoolOptions<Pair, Padding2d>;

  constructor(p: number, kernelSize: Pair, options: LpPoolOptions<Pair, Padding2d> = {}) {
    super();
    this.p = p;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return lpPool2d(x, this.p, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([this.p], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** (Σ |x|^p)^(1/p) over each window: [N, C, D, H, W] → [N, C, D', H', W']. The stride defaults to the window. */
export class LPPool3d extends Module {
  readonly p: number;
  readonly kernelSize: Triple;
  readonly options: LpPoolOptions<Triple, Padding3d>;

  constructor(p: number, kernelSize: Triple, options: LpPoolOptions<Triple, Padding3d> = {}) {
    super();
    this.p = p;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return lpPool3d(x, this.p, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showArguments([this.p], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** Puts the maxima of a `MaxPool1d` back where they were, zeros elsewhere: [N, C, L'] → [N, C, L]. */
export class MaxUnpool1d extends Module<[x: Tensor, indices: Tensor, outputSize?: readonly number[]]> {
  readonly kernelSize: Single;
  readonly options: Omit<MaxUnpoolOptions<Single>, "outputSize">;

  constructor(kernelSize: Single, options: Omit<MaxUnpoolOptions<Single>, "outputSize"> = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** `outputSize` is the shape of the pooling's input (or its pixel axes) where windows did not tile it. */
  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return maxUnpool1d(x, indices, this.kernelSize, { ...this.options, ...(outputSize && { outputSize }) });
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** Puts the maxima of a `MaxPool2d` back where they were, zeros elsewhere: [N, C, H', W'] → [N, C, H, W]. */
export class MaxUnpool2d extends Module<[x: Tensor, indices: Tensor, outputSize?: readonly number[]]> {
  readonly kernelSize: Pair;
  readonly options: Omit<MaxUnpoolOptions<Pair>, "outputSize">;

  constructor(kernelSize: Pair, options: Omit<MaxUnpoolOptions<Pair>, "outputSize"> = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** `outputSize` is the shape of the pooling's input (or its pixel axes) where windows did not tile it. */
  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return maxUnpool2d(x, indices, this.kernelSize, { ...this.options, ...(outputSize && { outputSize }) });
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}

/** Puts the maxima of a `MaxPool3d` back where they were, zeros elsewhere: [N, C, D', H', W'] → [N, C, D, H, W]. */
export class MaxUnpool3d extends Module<[x: Tensor, indices: Tensor, outputSize?: readonly number[]]> {
  readonly kernelSize: Triple;
  readonly options: Omit<MaxUnpoolOptions<Triple>, "outputSize">;

  constructor(kernelSize: Triple, options: Omit<MaxUnpoolOptions<Triple>, "outputSize"> = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** `outputSize` is the shape of the pooling's input (or its pixel axes) where windows did not tile it. */
  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return maxUnpool3d(x, indices, this.kernelSize, { ...this.options, ...(outputSize && { outputSize }) });
  }

  override extraRepr(): string {
    return showArguments([], { kernelSize: this.kernelSize, ...this.options });
  }
}
