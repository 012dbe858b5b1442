import { byteSize } from "../../../base/dtype.ts";
import { sizeOf, type Shape } from "../../../base/shape.ts";
import { sameLayout, stridesOf } from "../layout.ts";
import type { CpuValue, Emitter, Ref } from "../lower.ts";
import { merged, reordered, walkParams } from "./strides.ts";

/** Copies a value into another physical layout. */
export function emitRelayout(e: Emitter, from: CpuValue, to: CpuValue): void {
  const { shape } = to.spec;
  if (sameLayout(shape, from.layout, to.layout)) {
    emitCopyBytes(e, from.ref, to.ref, sizeOf(shape) * byteSize[to.spec.dtype]);
    return;
  }
  const [source, target] = [stridesOf(shape, from.layout), stridesOf(shape, to.layout)];
  emitStridedCopy(e, from.ref, to.ref, byteSize[to.spec.dtype], { dims: shape, source, target });
}

export function emitCopyBytes(e: Emitter, from: Ref, to: Ref, bytes: number): void {
  if (bytes > 0) e.command("copy_bytes", [from, to], [bytes | 0, Math.floor(bytes / 2 ** 32)]);
}

export interface StridedCopy {
  readonly dims: Shape;
  /** Element distances along each axis; 0 repeats, negative ones run backwards. */
  readonly source: readonly number[];
  readonly target: readonly number[];
  readonly sourceOffset?: number;
  readonly targetOffset?: number;
}

/** Copies a box of elements between any two arrangements in memory. */
export function emitStridedCopy(e: Emitter, from: Ref, to: Ref, elementBytes: 1 | 4, copy: StridedCopy): void {
  const { dims, source, target, sourceOffset = 0, targetOffset = 0 } = copy;
  if (sizeOf(dims) === 0) return;
  // The target is written in its own order.
  const order = dims.map((_, i) => i).toSorted((a, b) => Math.abs(target[b]!) - Math.abs(target[a]!));
  let walk = merged(reordered({ dims, strides: [source, target] }, order));
  // The kernel transposes tiles over the last two dims: the dim along which the source is dense comes second to last.
  const last = walk.dims.length - 1;
  const dense = walk.strides[0]!.indexOf(1);
  if (dense >= 0 && dense < last - 1 && walk.strides[1]![last] === 1) {
    const others = walk.dims.map((_, i) => i).filter((i) => i !== dense && i !== last);
    walk = reordered(walk, [...others, dense, last]);
  }
  e.command(elementBytes === 4 ? "copy_32" : "copy_8", [from, to], [sourceOffset, targetOffset, ...walkParams(walk)]);
}
