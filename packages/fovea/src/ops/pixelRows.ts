import { sizeOf } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexSelect } from "./gather.ts";
import { permute, reshape } from "./movement.ts";

/** [N, C, …] as one row of C channels per pixel: [N · pixels, C]. Sampling reads whole rows. */
export function pixelRows(x: Tensor): Tensor {
  const pixels = x.shape.map((_, k) => k).slice(2);
  return reshape(permute(x, [0, ...pixels, 1]), [-1, x.shape[1]!]);
}

/** Rows at int32 positions of any shape: [...positions, C]. */
export function rowsAt(rows: Tensor, positions: Tensor): Tensor {
  const picked = indexSelect(rows, reshape(positions, [sizeOf(positions.shape)]));
  return reshape(picked, [...positions.shape, rows.shape[1]!]);
}

/** [N, …, C] as [N, C, …]. */
export function channelsSecond(x: Tensor): Tensor {
  const last = x.rank - 1;
  return permute(x, [0, last, ...x.shape.map((_, k) => k).slice(1, last)]);
}
