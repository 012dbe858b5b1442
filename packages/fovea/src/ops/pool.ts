import { ShapeError } from "../base/errors.ts";
import { showShape, type Shape } from "../base/shape.ts";
import {
  outputSize,
  pairOf,
  pictures,
  resolvePadding,
  type Padding2d,
  type Pair,
  type Side,
  type WindowAttrs,
} from "./windows.ts";

/** A pooling with everything spelled out. */
export type PoolAttrs = WindowAttrs & { readonly kernel: readonly [number, number]; readonly ceilMode: boolean };

export interface PoolOptions {
  stride?: Pair;
  padding?: Padding2d;
  dilation?: Pair;
  ceilMode?: boolean;
}

/** Options as attributes, defaults filled in. */
export function resolvePool(who: string, x: Shape, kernelSize: Pair, options: PoolOptions): PoolAttrs {
  const [, , height, width] = pictures(x, who);
  const kernel = pairOf(kernelSize, 1, `${who}: kernelSize`);
  const stride = pairOf(options.stride ?? kernelSize, 1, `${who}: stride`);
  const dilation = pairOf(options.dilation ?? 1, 1, `${who}: dilation`);
  const padding = resolvePadding(options.padding ?? 0, [height, width], kernel, { stride, dilation }, who);
  checkPadding(who, kernel, padding, dilation);
  return { kernel, stride, padding, dilation, ceilMode: options.ceilMode ?? false };
}

/** Throws unless padding is smaller than the window, so that every window holds at least one pixel. */
export function checkPadding(
  who: string,
  kernel: readonly number[],
  padding: readonly Side[],
  dilation: readonly number[],
): void {
  kernel.forEach((k, axis) => {
    const extent = dilation[axis]! * (k - 1) + 1;
    if (padding[axis]!.every((pad) => pad < extent)) return;
    throw new ShapeError(
      `${who}: padding [${padding[axis]!.join(", ")}] is not smaller than the window, ` +
        `${dilation[axis]}·(${k} − 1) + 1 = ${extent}, so some windows would hold no pixel`,
    );
  });
}

/** [N, C, H', W'] of pooled pictures. */
export function poolShape(who: string, x: Shape, attrs: PoolAttrs): readonly number[] {
  const [n, channels, height, width] = pictures(x, who);
  const describe = () => `${who}: x ${showShape(x)} with window ${showShape(attrs.kernel)}`;
  return [n, channels, ...outputSize([height, width], attrs.kernel, attrs, attrs.ceilMode, describe)];
}

/** Calls `visit` for every window with its output position and the positions of its pixels in scan order. */
export function poolWindows(
  x: Shape,
  y: Shape,
  { kernel, stride, padding, dilation }: PoolAttrs,
  visit: (to: number, taps: readonly number[], row: number, column: number) => void,
): void {
  const [, , height, width] = x as [number, number, number, number];
  const [batch, channels, outHeight, outWidth] = y as [number, number, number, number];
  let to = 0;
  for (let map = 0; map < batch * channels; map++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        const taps = [];
        for (let ky = 0; ky < kernel[0]; ky++) {
          const iy = row * stride[0] - padding[0][0] + ky * dilation[0];
          for (let kx = 0; kx < kernel[1]; kx++) {
            const ix = column * stride[1] - padding[1][0] + kx * dilation[1];
            if (iy >= 0 && iy < height && ix >= 0 && ix < width) taps.push((map * height + iy) * width + ix);
          }
        }
        visit(to++, taps, row, column);
      }
    }
  }
}
