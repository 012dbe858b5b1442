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

/** Channels of a signal with this many pixel axes; throws unless it is one, with as many channels as `expected`. */
export function channelsOf(who: string, shape: Shape, axes: number, format: DataFormat, expected?: number): number {
  needsRank(who, shape, axes + 2, format);
  const axis = format === "channels_last" ? axes + 1 : 1;
  const channels = shape[axis]!;
  if (expected === undefined || channels === expected) return channels;
  throw new ShapeError(
    `${who}: the input ${showShape(shape)} has ${channels} channels (axis ${axis}, dataFormat "${format}"), the layer ` +
      `was built for ${expected}`,
  );
}
