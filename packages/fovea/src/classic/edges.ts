import { UsageError } from "../base/errors.ts";
import { conv2d } from "../ops/conv2d.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";

const smoothing = { prewitt: [1, 1, 1], sobel: [1, 2, 1], scharr: [3, 10, 3] } as const;

export type EdgeFilter = keyof typeof smoothing;

export interface EdgeOptions {
  /** "vertical" edges are those between left and right; default "vertical". */
  readonly edge?: "vertical" | "horizontal";
  /** Zeros around the image; default 0, so that results are 2 smaller. */
  readonly padding?: number;
}

/** The kernel [3, 3] as the course prints it: positive where the left (the upper) side is brighter. */
export function edgeKernel(filter: EdgeFilter, edge: "vertical" | "horizontal" = "vertical"): number[][] {
  const weights = smoothing[filter];
  if (weights === undefined) {
    throw new UsageError(`edgeKernel: there are ${Object.keys(smoothing).join(", ")}, not "${String(filter)}"`);
  }
  const difference = [1, 0, -1];
  return [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => (edge === "vertical" ? weights[i]! * difference[j]! : weights[j]! * difference[i]!)),
  );
}

/** Filters each channel: [N, C, H, W] → [N, C, H + 2·padding − 2, W + 2·padding − 2]. */
export function detectEdges(
  x: Tensor,
  filter: EdgeFilter,
  { edge = "vertical", padding = 0 }: EdgeOptions = {},
): Tensor {
  const channels = x.shape[1]!;
  const kernel = tensor([[edgeKernel(filter, edge)]]).expand([channels, 1, 3, 3]);
  return conv2d(x, kernel, undefined, { groups: channels, padding });
}

/** Sobel and Feldman's filter (1968): a difference across the edge, smoothed 1 2 1 along it. */
export function sobel(x: Tensor, options?: EdgeOptions): Tensor {
  return detectEdges(x, "sobel", options);
}

/** Scharr's filter (2000), smoothed 3 10 3: its direction is truer than Sobel's. */
export function scharr(x: Tensor, options?: EdgeOptions): Tensor {
  return detectEdges(x, "scharr", options);
}

/** √(vertical² + horizontal²): how strong an edge is, whatever its direction. */
export function edgeMagnitude(x: Tensor, filter: EdgeFilter = "sobel", padding = 0): Tensor {
  const vertical = detectEdges(x, filter, { edge: "vertical", padding });
  const horizontal = detectEdges(x, filter, { edge: "horizontal", padding });
  return vertical.square().add(horizontal.square()).sqrt();
}
