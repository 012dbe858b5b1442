import { permute } from "../../ops/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { choice } from "./arguments.ts";

/** Where the channels are: [N, ...pixels, C], Keras' default, or [N, C, ...pixels]. */
export type DataFormat = "channels_last" | "channels_first";

export const dataFormats = ["channels_last", "channels_first"] as const satisfies DataFormat[];

export function dataFormatOf(who: string, value: DataFormat | null | undefined): DataFormat {
  return choice(who, "dataFormat", value ?? "channels_last", dataFormats);
}

/**
 * [N, ...pixels, C] → [N, C, ...pixels], the order of Fovea's ops.
 *
 * Engines keep activations channels-last in memory, so this moves nothing from one place to another; and where layers
 * follow each other, a compiled program drops the pair of a `channelsLast` and a `channelsFirst` altogether.
 */
export function channelsFirst(x: Tensor, format: DataFormat): Tensor {
  if (format === "channels_first" || x.rank < 3) return x;
  const pixels = Array.from({ length: x.rank - 2 }, (_, i) => i + 1);
  return permute(x, [0, x.rank - 1, ...pixels]);
}

/** [N, C, ...pixels] → [N, ...pixels, C]. */
export function channelsLast(x: Tensor, format: DataFormat): Tensor {
  if (format === "channels_first" || x.rank < 3) return x;
  const pixels = Array.from({ length: x.rank - 2 }, (_, i) => i + 2);
  return permute(x, [0, ...pixels, 1]);
}
