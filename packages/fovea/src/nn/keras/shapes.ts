import { ShapeError } from "../../base/errors.ts";
import { showShape, type Shape } from "../../base/shape.ts";
import type { DataFormat } from "./dataFormat.ts";

const pixels = ["", "L", "H, W", "D, H, W"];

/** Throws unless a shape has the rank of a signal in the layer's data format. */
export function needsRank(who: string, shape: Shape, rank: number, format: DataFormat): void {
  if (shape.length === rank) return;
  const axes = pixels[rank - 2] ?? "…";
  const wanted = format === "channels_last" ? `[N, ${axes}, C]` : `[N, C, ${axes}]`;
  const batch = shape.length === rank - 1 ? "; is the batch missing?" : "";
  throw new ShapeError(`${who}: wanted ${wanted} (dataFormat "${format}"), got ${showShape(shape)}${batch}`);
}
