import { UsageError } from "../../base/errors.ts";
import { suppress } from "../../ops/nms.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { DarknetNetwork } from "./network.ts";
import type { Picture, YoloPlan } from "./plan.ts";

/** An object in a picture. */
export interface Detection {
  /** Left, top, right, bottom, as shares of the picture's width and height. */
  readonly box: readonly [x1: number, y1: number, x2: number, y2: number];
  /** Number of the class. */
  readonly label: number;
  /** How sure the network is, from 0 to 1. */
  readonly score: number;
}

export interface DetectOptions {
  /** Objects must score at least this; default 0.25, as Darknet's demo. */
  scoreThreshold?: number;
  /** Boxes of one class that overlap a better one by more than this are dropped; default 0.45. */
  iouThreshold?: number;
}

/**
 * The objects that a detector of Darknet finds, for each image of a batch, best first.
 *
 * @param images [N, C, H, W] in the size of the network, RGB from 0 to 1, pictures stretched to it.
 * @example
 * const { model } = (await readWeights("yolo-fastest-1.1.cfg")).architecture!.build();
 * const [objects] = await detectObjects(model as DarknetNetwork, image);
 */
export async function detectObjects(
  model: DarknetNetwork,
  images: Tensor,
  { scoreThreshold = 0.25, iouThreshold = 0.45 }: DetectOptions = {},
): Promise<Detection[][]> {
  const { heads, plan } = model;
  if (heads.length === 0) throw new UsageError("detectObjects: this network has no yolo layer; it finds no boxes");
  const maps = model.forwardAll(images);
  const found: Detection[][] = Array.from({ length: images.shape[0]! }, () => []);
  for (const [i, map] of maps.entries()) {
    const data = await map.data();
    const perImage = map.size / found.length;
    for (const [n, list] of found.entries()) {
      list.push(
        ...decode(data.subarray(n * perImage, (n + 1) * perImage), map.shape, heads[i]!, plan.input, scoreThreshold),
      );
    }
  }
  return found.map((list) => best(list, iouThreshold));
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** The candidates of one map [anchors · (5 + classes), H, W]: x, y, width, height, objectness, then the classes. */
function decode(
  map: ArrayLike<number>,
  shape: readonly number[],
  { anchors, classes, scale }: YoloPlan,
  [, netHeight, netWidth]: Picture,
  threshold: number,
): Detection[] {
  const [height, width] = shape.slice(2) as [number, number];
  const cells = height * width;
  const found: Detection[] = [];
  for (const [a, [anchorWidth, anchorHeight]] of anchors.entries()) {
    for (let cell = 0; cell < cells; cell++) {
      const value = (channel: number) => map[(a * (classes + 5) + channel) * cells + cell]!;
      const objectness = logistic(value(4));
      if (objectness < threshold) continue;
      const middle = (channel: number, index: number, count: number) =>
        (index + logistic(value(channel)) * scale - (scale - 1) / 2) / count;
      const x = middle(0, cell % width, width);
      const y = middle(1, Math.floor(cell / width), height);
      const w = (Math.exp(value(2)) * anchorWidth) / netWidth;
      const h = (Math.exp(value(3)) * anchorHeight) / netHeight;
      for (let label = 0; label < classes; label++) {
        const score = objectness * logistic(value(5 + label));
        if (score >= threshold) found.push({ box: [x - w / 2, y - h / 2, x + w / 2, y + h / 2], label, score });
      }
    }
  }
  return found;
}

/** Suppression within each class. */
function best(found: readonly Detection[], iouThreshold: number): Detection[] {
  const labels = [...new Set(found.map(({ label }) => label))];
  const kept = labels.flatMap((wanted) => {
    const same = found.filter(({ label }) => label === wanted);
    const boxes = same.flatMap(({ box }) => box);
    const scores = same.map(({ score }) => score);
    return suppress(boxes, scores, { iouThreshold }).map((i) => same[i]!);
  });
  return kept.toSorted((a, b) => b.score - a.score);
}
