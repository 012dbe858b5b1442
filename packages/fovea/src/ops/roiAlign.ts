import { ShapeError, UsageError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { isRecording } from "../tensor/apply.ts";
import { tensor, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { logicalAnd } from "./compare.ts";
import { indexSelect } from "./gather.ts";
import { concat, narrow, reshape } from "./movement.ts";
import { channelsSecond, pixelRows, rowsAt } from "./pixelRows.ts";
import { clamp, where } from "./select.ts";
import { pairOf, type Pair } from "./windows.ts";

export interface RoiAlignOptions {
  /** Cells of every box: one number, or [rows, columns]. */
  outputSize: Pair;
  /** Feature pixels per unit of the boxes; default 1. */
  spatialScale?: number;
  /** Points per cell along each axis; 0 (default) takes as many as the cell has pixels, rounded up. */
  samplingRatio?: number;
  /** Shift boxes by half a pixel, so that pixels are squares (ONNX's half_pixel); default false, as in torchvision. */
  aligned?: boolean;
  /** The mean of a cell's points (default), or their largest contribution (ONNX's "max"). */
  mode?: "avg" | "max";
}

/** Two pixels around each point along one axis, with their weights; a point outside by over a pixel counts nothing. */
interface Points {
  readonly low: Tensor;
  readonly high: Tensor;
  readonly lowWeight: Tensor;
  readonly highWeight: Tensor;
}

function around(c: Tensor, size: number): Points {
  const inside = logicalAnd(c.greaterEqual(-1), c.lessEqual(size));
  const at = where(inside, clamp(c, 0, size - 1), 0);
  const low = at.floor();
  const part = at.sub(low);
  return {
    low: cast(low, "int32"),
    high: cast(clamp(low.add(1), 0, size - 1), "int32"),
    lowWeight: where(inside, part.neg().add(1), 0),
    highWeight: where(inside, part, 0),
  };
}

/** Boxes' sides along one axis, [K, 1] each: start and length in feature pixels. */
interface Side {
  readonly start: Tensor;
  readonly length: Tensor;
}

/** `cells · ratio` evenly spaced points along each box: [K, cells · ratio]. */
function pointsAlong({ start, length }: Side, cells: number, ratio: number, size: number): Points {
  const steps = Float32Array.from({ length: cells * ratio }, (_, i) => (i + 0.5) / (cells * ratio));
  return around(start.add(length.mul(tensor(steps, { shape: [1, cells * ratio] }))), size);
}

/** Boxes with one number of points per cell: [K, cells, cells, C]. */
function sample(
  rows: Tensor,
  [height, width]: readonly [number, number],
  batch: Tensor,
  sides: readonly [Side, Side],
  cells: readonly [number, number],
  ratio: readonly [number, number],
  mode: "avg" | "max",
): Tensor {
  const count = batch.shape[0]!;
  const channels = rows.shape[1]!;
  const column = (t: Tensor) => reshape(t, [count, -1, 1]);
  const row = (t: Tensor) => reshape(t, [count, 1, -1]);
  const y = pointsAlong(sides[0], cells[0], ratio[0], height);
  const x = pointsAlong(sides[1], cells[1], ratio[1], width);
  const first = reshape(batch.mul(height), [count, 1, 1]);
  const corners = (
    [
      [y.low, y.lowWeight],
      [y.high, y.highWeight],
    ] as const
  ).flatMap(([atY, weightY]) =>
    (
      [
        [x.low, x.lowWeight],
        [x.high, x.highWeight],
      ] as const
    ).map(([atX, weightX]) => {
      const at = first.add(column(atY)).mul(width).add(row(atX));
      const weight = column(weightY).mul(row(weightX));
      return rowsAt(rows, at).mul(reshape(weight, [...weight.shape, 1]));
    }),
  );
  // ONNX's max is over the four weighted pixels of all points, not over interpolated values.
  const points = corners.reduce((a, b) => (mode === "avg" ? a.add(b) : a.maximum(b)));
  const cellwise = reshape(points, [count, cells[0], ratio[0], cells[1], ratio[1], channels]);
  return mode === "avg" ? cellwise.mean([2, 4]) : cellwise.max([2, 4]);
}

/**
 * The features under each box on a fixed grid (He et al., 2017): x [N, C, H, W], boxes [K, 4] → [K, C, rows, columns].
 *
 * Boxes are (x1, y1, x2, y2); `batchIndices` [K] says which picture each lies in. Gradients flow to the features, not
 * to the boxes. With `samplingRatio` 0 the boxes' values decide how many points there are, so they are read at once and
 * the call cannot be compiled.
 */
export function roiAlign(x: Tensor, boxes: Tensor, batchIndices: Tensor, options: RoiAlignOptions): Tensor {
  const { spatialScale = 1, samplingRatio = 0, aligned = false, mode = "avg" } = options;
  if (x.rank !== 4) throw new ShapeError(`roiAlign: needs features [N, C, H, W], got ${showShape(x.shape)}`);
  if (boxes.rank !== 2 || boxes.shape[1] !== 4 || !sameShape(batchIndices.shape, [boxes.shape[0]!])) {
    throw new ShapeError(
      `roiAlign: needs boxes [K, 4] and batchIndices [K], got ${showShape(boxes.shape)} and ${showShape(batchIndices.shape)}`,
    );
  }
  if (batchIndices.dtype !== "int32")
    throw new ShapeError(`roiAlign: batchIndices must be int32, got ${batchIndices.dtype}`);
  if (!(Number.isInteger(samplingRatio) && samplingRatio >= 0)) {
    throw new UsageError(`roiAlign: samplingRatio must be a whole number ≥ 0, got ${samplingRatio}`);
  }
  if (mode !== "avg" && mode !== "max") {
    throw new UsageError(`roiAlign: mode "${String(mode)}" is not known; use "avg" or "max"`);
  }
  const cells = pairOf(options.outputSize, 1, "roiAlign: outputSize");
  const [count, channels, height, width] = [boxes.shape[0]!, x.shape[1]!, x.shape[2]!, x.shape[3]!];
  if (count === 0) return tensor([], { shape: [0, channels, ...cells] });
  const scaled = boxes
    .detach()
    .mul(spatialScale)
    .sub(aligned ? 0.5 : 0);
  const side = (from: number): Side => {
    const start = narrow(scaled, 1, from, 1);
    const length = narrow(scaled, 1, from + 2, 1).sub(start);
    return { start, length: aligned ? length : length.maximum(1) };
  };
  const sides = [side(1), side(0)] as const;
  const rows = pixelRows(x);
  const of = (which: Tensor | null, ratio: readonly [number, number]) => {
    const pick = (t: Tensor) => (which ? indexSelect(t, which) : t);
    const picked = sides.map((s) => ({ start: pick(s.start), length: pick(s.length) })) as [Side, Side];
    return sample(rows, [height, width], pick(batchIndices), picked, cells, ratio, mode);
  };
  if (samplingRatio > 0) return channelsSecond(of(null, [samplingRatio, samplingRatio]));

  if (isRecording()) {
    throw new UsageError(
      "roiAlign: samplingRatio 0 lets the boxes' values decide how many points there are, which compile() cannot record; " +
        "give a samplingRatio (2 is usual)",
    );
  }
  // Boxes with equally many points are sampled together.
  const lengths = sides.map((s) => s.length.storage.values());
  const groups = new Map<string, number[]>();
  for (let k = 0; k < count; k++) {
    const points = lengths.map((length, axis) => Math.max(0, Math.ceil(length[k]! / cells[axis]!)));
    const key = points.join();
    groups.set(key, [...(groups.get(key) ?? []), k]);
  }
  const order = [...groups.values()].flat();
  const parts = [...groups].map(([key, members]) => {
    const ratio = key.split(",").map(Number) as [number, number];
    // A box without area has no points.
    return ratio.includes(0)
      ? zeros([members.length, ...cells, channels])
      : of(tensor(Int32Array.from(members)), ratio);
  });
  const place = Int32Array.from(order.keys()).toSorted((a, b) => order[a]! - order[b]!);
  return channelsSecond(indexSelect(concat(parts), tensor(place)));
}
