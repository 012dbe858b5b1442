import { ShapeError, UsageError } from "../base/errors.ts";
import { checkShape, rowMajorStrides, showShape, sizeOf, type Shape } from "../base/shape.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convShape, resolveConv, type ConvOptions } from "./convShape.ts";
import { indexSelect } from "./gather.ts";
import { flip, reshape } from "./movement.ts";
import { checkSource, sourceIndex } from "./padding.ts";
import { SparseMatrix } from "./sparseMatrix.ts";

/**
 * The matrix of a convolution: C · x, with x and the result flattened, is conv1d, conv2d or conv3d of x.
 *
 * Its transpose is the matrix of the transposed convolution, and of the gradient with respect to x. It has
 * outputs × inputs elements; see `sparseConvMatrix` for the few that are not 0.
 *
 * @param weight [outChannels, inChannels / groups, ...kernel size]
 * @param size The picture's size without batch and channels: [H, W].
 * @returns [outChannels · H' · W', inChannels · H · W]
 */
export function convMatrix(weight: Tensor, size: readonly number[], options: ConvOptions = {}): Tensor {
  return sparseConvMatrix(weight, size, options).toDense();
}

/** `convMatrix` with only the entries that a kernel cell makes, one for each cell and output. */
export function sparseConvMatrix(weight: Tensor, size: readonly number[], options: ConvOptions = {}): SparseMatrix {
  const axes = weight.rank - 2;
  const who = "convMatrix";
  if (axes < 1 || axes > 3 || size.length !== axes) {
    throw new ShapeError(
      `${who}: weight ${showShape(weight.shape)} must be [outChannels, inChannels / groups, ...kernel size] and the ` +
        `picture's size as long as the kernel's, got ${showShape(size)}`,
    );
  }
  const [outChannels, perGroup, ...kernel] = weight.shape as readonly [number, number, ...number[]];
  const groups = options.groups ?? 1;
  const x: Shape = [1, perGroup * groups, ...size];
  const { attrs, mode, padded } = resolveConv(x, weight.shape, options, axes, who);
  const none = attrs.padding.map(() => [0, 0] as const);
  const [, , ...outputs] = convShape(padded, weight.shape, { ...attrs, padding: none }, axes, who);
  const shape = [outChannels * sizeOf(outputs), x[1]! * sizeOf(size)] as const;
  attrs.padding.forEach(([before, after], k) => {
    if (before + after > 0) checkSource(size[k]!, mode, () => `${who}: a picture ${showShape(size)}`);
  });
  const cells = sizeOf(kernel);
  checkShape([shape[0], perGroup * cells], `${who}: entries`);

  const [strides, cellStrides, outStrides] = [size, kernel, outputs].map(rowMajorStrides) as [
    number[],
    number[],
    number[],
  ];
  /** The pixel under a kernel cell at an output position, or −1 for a zero. */
  const pixelUnder = (cell: number, output: number): number => {
    let pixel = 0;
    for (let k = 0; k < axes; k++) {
      const p = Math.floor(output / outStrides[k]!) % outputs[k]!;
      const r = Math.floor(cell / cellStrides[k]!) % kernel[k]!;
      const at = sourceIndex(p * attrs.stride[k]! + r * attrs.dilation[k]! - attrs.padding[k]![0], size[k]!, mode);
      if (at < 0) return -1;
      pixel += at * strides[k]!;
    }
    return pixel;
  };

  const pointers = new Int32Array(shape[0] + 1);
  const [columns, taps]: [number[], number[]] = [[], []];
  const [plane, outPlane] = [sizeOf(size), sizeOf(outputs)];
  for (let row = 0; row < shape[0]; row++) {
    const [out, output] = [Math.floor(row / outPlane), row % outPlane];
    const firstChannel = Math.floor(out / (outChannels / groups)) * perGroup;
    for (let c = 0; c < perGroup; c++) {
      for (let cell = 0; cell < cells; cell++) {
        const pixel = pixelUnder(cell, output);
        if (pixel < 0) continue;
        columns.push((firstChannel + c) * plane + pixel);
        taps.push((out * perGroup + c) * cells + cell);
      }
    }
    pointers[row + 1] = columns.length;
  }
  const values = indexSelect(
    reshape(weight, [weight.size]),
    fromHost(Int32Array.from(taps), [taps.length], "int32"),
    0,
  );
  return new SparseMatrix(shape, pointers, Int32Array.from(columns), values);
}

/**
 * The Toeplitz matrix of a true 1-D convolution: T · x = convolve(x, kernel), for x of `length` elements.
 *
 * @returns [length + kernel − 1, length], the same values along every diagonal.
 */
export function toeplitz(kernel: Tensor, length: number): Tensor {
  if (kernel.rank !== 1 || kernel.size === 0) {
    throw new ShapeError(`toeplitz: the kernel must be a vector with elements, got ${showShape(kernel.shape)}`);
  }
  if (!Number.isInteger(length) || length < 1) {
    throw new UsageError(`toeplitz: length must be a whole number ≥ 1, got ${length}`);
  }
  return convMatrix(reshape(flip(kernel, 0), [1, 1, kernel.size]), [length], { padding: "full" });
}
