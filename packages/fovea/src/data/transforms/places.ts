import type { Box, Keypoint, Mask, Picture, Sample } from "../sample.ts";

/** Classes of mask pixels that no pixel of the source stands behind: they do not count. */
export const UNKNOWN_CLASS = 255;

/** Left and right names that a mirror exchanges; null for all names that differ by "left" and "right" only. */
export type FlipPairs = readonly (readonly [string, string])[] | null;

/** Where a geometric transform takes the parts of a sample. */
export interface Move {
  readonly image: Picture;
  /** The mask's classes as a picture of one channel, without mixing them. */
  mask(classes: Picture): Picture;
  /** Where a place of the old picture is in the new one. */
  point(x: number, y: number): readonly [x: number, y: number];
  /** Points of a box's edge whose hull is the new box: 1 (its corners) where straight lines stay straight. Default 1. */
  readonly edgePoints?: number;
  /** Boxes that keep less of their area are dropped; 0 drops those that left the picture. Default 0. */
  readonly minVisibility?: number;
  /** Given where left becomes right. */
  readonly flipPairs?: FlipPairs;
}

/** A sample whose picture, boxes, mask and key points have moved alike. */
export function moveSample(sample: Sample, move: Move): Sample {
  const { image } = move;
  const { boxes, mask, keypoints, ...rest } = sample;
  if (boxes === undefined && mask === undefined && keypoints === undefined) return { ...rest, image };
  return {
    ...rest,
    image,
    ...(boxes && { boxes: moveBoxes(boxes, move) }),
    ...(mask && { mask: moveMask(mask, move) }),
    ...(keypoints && { keypoints: movePoints(keypoints, move) }),
  };
}

function moveMask({ width, height, classes }: Mask, move: Move): Mask {
  const moved = move.mask({ width, height, channels: 1, pixels: classes });
  return { width: moved.width, height: moved.height, classes: moved.pixels };
}

/** The hull of each moved box, cut at the picture's edges. */
function moveBoxes(boxes: readonly Box[], { image, point, edgePoints = 1, minVisibility = 0 }: Move): Box[] {
  const kept: Box[] = [];
  for (const old of boxes) {
    const [x1, y1, x2, y2] = old.box;
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < edgePoints; i++) {
      const x = x1 + ((x2 - x1) * i) / edgePoints;
      const y = y1 + ((y2 - y1) * i) / edgePoints;
      // One walk around the box: each edge from its corner on.
      for (const [px, py] of [point(x, y1), point(x2, y), point(x1 + x2 - x, y2), point(x1, y1 + y2 - y)]) {
        left = Math.min(left, px);
        right = Math.max(right, px);
        top = Math.min(top, py);
        bottom = Math.max(bottom, py);
      }
    }
    const area = (right - left) * (bottom - top);
    const clipX = (x: number) => Math.min(Math.max(x, 0), image.width);
    const clipY = (y: number) => Math.min(Math.max(y, 0), image.height);
    const box = [clipX(left), clipY(top), clipX(right), clipY(bottom)] as const;
    const visible = (box[2] - box[0]) * (box[3] - box[1]);
    if (visible > 0 && visible >= minVisibility * area) kept.push({ ...old, box });
  }
  return kept;
}

function movePoints(keypoints: readonly Keypoint[], { image, point, flipPairs }: Move): Keypoint[] {
  const moved = keypoints.map((old): Keypoint => {
    const [x, y] = point(old.x, old.y);
    return { ...old, x, y, visible: old.visible && x >= 0 && x <= image.width && y >= 0 && y <= image.height };
  });
  return flipPairs === undefined ? moved : mirrorNames(moved, flipPairs);
}

/**
 * What was the left wrist is the right wrist now. Where both are there they also change places in the list, so that the
 * order of the names stays what it was.
 */
function mirrorNames(moved: readonly Keypoint[], pairs: FlipPairs): Keypoint[] {
  const out = [...moved];
  const places = new Map<string, number[]>();
  for (const [i, { name }] of moved.entries()) {
    if (name !== undefined) places.set(name, [...(places.get(name) ?? []), i]);
  }
  for (const [name, owned] of places) {
    const partner = partnerOf(name, pairs);
    if (partner === name) continue;
    const others = places.get(partner);
    for (const [k, i] of owned.entries()) out[others?.[k] ?? i] = { ...moved[i]!, name: partner };
  }
  return out;
}

const otherSide = { left: "right", right: "left", Left: "Right", Right: "Left", LEFT: "RIGHT", RIGHT: "LEFT" } as const;
/** Left and right as words of their own: in "left_eye", "eyeLeft" and "LEFT", not in "bright". */
const sideWords =
  /(?<![A-Za-z])(?:left|right)(?![a-z])|(?<![A-Z])(?:Left|Right)(?![a-z])|(?<![A-Za-z])(?:LEFT|RIGHT)(?![A-Za-z])/g;

function partnerOf(name: string, pairs: FlipPairs): string {
  if (pairs === null) return name.replace(sideWords, (side) => otherSide[side as keyof typeof otherSide]);
  for (const [a, b] of pairs) {
    if (name === a) return b;
    if (name === b) return a;
  }
  return name;
}
