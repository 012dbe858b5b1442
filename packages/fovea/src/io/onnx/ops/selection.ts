import { ShapeError } from "../../../base/errors.ts";
import { showShape } from "../../../base/shape.ts";
import { suppress } from "../../../ops/nms.ts";
import type { Call, Handlers } from "../call.ts";
import { Value } from "../value.ts";

/**
 * [batch, class, box] of the boxes that overlap no better one of their class. How many there are depends on the values,
 * so it runs on the host, and not inside compile().
 */
function nonMaxSuppression(call: Call): Value {
  const [boxes, scores] = [call.input(0), call.input(1)];
  const [batches, count, four] = boxes.shape as [number, number, number];
  const [, classes, scored] = scores.shape as [number, number, number];
  if (boxes.rank !== 3 || scores.rank !== 3 || four !== 4 || scored !== count) {
    throw new ShapeError(
      `needs boxes [N, B, 4] and scores [N, C, B], got ${showShape(boxes.shape)} and ${showShape(scores.shape)}`,
    );
  }
  const bound = (index: number, what: string) => call.optional(index)?.numbers(what)[0];
  const maxOutput = bound(2, "the number of boxes") ?? 0;
  const iouThreshold = bound(3, "the overlap") ?? 0;
  const scoreThreshold = bound(4, "the least score");
  const corners = boxes.numbers("the boxes");
  const centered = call.int("center_point_box", 0) !== 0;
  if (centered) {
    for (let i = 0; i < corners.length; i += 4) {
      const [x, y, w, h] = corners.slice(i, i + 4) as [number, number, number, number];
      corners.splice(i, 4, x - w / 2, y - h / 2, x + w / 2, y + h / 2);
    }
  }
  const values = scores.numbers("the scores");
  const kept: number[] = [];
  for (let n = 0; n < batches; n++) {
    for (let c = 0; c < classes; c++) {
      const at = (n * classes + c) * count;
      const options = { iouThreshold, maxOutput, ...(scoreThreshold !== undefined && { scoreThreshold }) };
      const best = suppress(corners.slice(n * count * 4, (n + 1) * count * 4), values.slice(at, at + count), options);
      for (const box of best) kept.push(n, c, box);
    }
  }
  return Value.integers(kept, [kept.length / 3, 3]);
}

export const selectionHandlers = { NonMaxSuppression: nonMaxSuppression } as const satisfies Handlers;
