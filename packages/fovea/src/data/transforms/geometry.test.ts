import { describe, expect, it } from "vitest";
import { RandomStream } from "../../base/random.ts";
import type { Picture, Sample } from "../sample.ts";
import {
  affine,
  centerCrop,
  elastic,
  horizontalFlip,
  pad,
  perspective,
  randAugment,
  randomCrop,
  randomResizedCrop,
  resize,
  rotate,
  trivialAugmentWide,
  verticalFlip,
} from "./index.ts";
import type { Transform } from "./transform.ts";

// A picture that encodes its own coordinates shows whether boxes, masks and key points went where the pixels went.

const WIDTH = 61;
const HEIGHT = 47;

/** Red is 4x, green is 5y, blue is 255 (0 marks what came from outside). The mask's class is x. */
function coordinates(): Sample {
  const image: Picture = { width: WIDTH, height: HEIGHT, channels: 3, pixels: new Uint8Array(3 * WIDTH * HEIGHT) };
  const classes = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      image.pixels.set([4 * x, 5 * y, 255], 3 * (y * WIDTH + x));
      classes[y * WIDTH + x] = x;
    }
  }
  const keypoints = [...Array(60).keys()].map((i) => ({
    x: 0.5 + ((i * 17) % WIDTH),
    y: 0.5 + ((i * 13) % HEIGHT),
    visible: true,
  }));
  const boxes = keypoints.map(({ x, y }, label) => ({ box: [x - 0.5, y - 0.5, x + 0.5, y + 0.5] as const, label }));
  return { image, mask: { width: WIDTH, height: HEIGHT, classes }, keypoints, boxes };
}

/** How far a place may be off, in pixels of the source: half a pixel of the result, and half one of the source. */
const geometric: readonly (readonly [Transform, off?: number, maskOnly?: true])[] = [
  [resize({ size: [60, 33] }), 1],
  [resize({ size: 80, interpolation: "nearest" }), 1],
  [resize({ size: 20, interpolation: "bicubic" }), 2],
  [pad({ padding: [1, 2, 3, 4] })],
  [centerCrop({ size: [31, 80] })],
  [randomCrop({ size: 32, padding: 4 })],
  [randomCrop({ size: [90, 20] })],
  [randomResizedCrop({ size: 40 }), 1],
  [horizontalFlip({ p: 1 })],
  [verticalFlip({ p: 1 })],
  [rotate({ degrees: 180 }), 2],
  [rotate({ degrees: 180, expand: true, interpolation: "nearest" }), 1.01],
  [rotate({ degrees: [90, 90], expand: true })],
  [rotate({ degrees: 40, center: [3, 9], interpolation: "bicubic" }), 2],
  [affine({ degrees: 60, translate: [0.3, 0.2], scale: [0.7, 1.5], shear: [-20, 20, -9, 9] }), 2],
  [perspective({ p: 1 }), 3],
  [perspective({ p: 1, distortionScale: 1, interpolation: "nearest" }), 9],
  [elastic({ alpha: 30, sigma: 5 }), 2],
  // These change colours too, so only the mask tells.
  [randAugment({ numOps: 3, magnitude: 9 }), 2, true],
  [trivialAugmentWide(), 2, true],
];

describe("boxes, masks and key points move with the pixels", () => {
  const source = coordinates();
  for (const [transform, off = 0, maskOnly = false] of geometric) {
    it(`${transform.name} ${JSON.stringify(transform.options)}`, () => {
      let compared = 0;
      for (let seed = 0; seed < 8; seed++) {
        const moved = transform.apply(source, new RandomStream(seed));
        const { image } = moved;
        const mask = moved.mask!;
        expect([mask.width, mask.height]).toEqual([image.width, image.height]);
        expect(image.pixels.length).toBe(3 * image.width * image.height);
        let far = 0;
        for (const [i, point] of moved.keypoints!.entries()) {
          const inside = point.x >= 0 && point.y >= 0 && point.x <= image.width && point.y <= image.height;
          // After several changes a point may have left and come back.
          if (!(maskOnly && !point.visible)) expect(point.visible).toBe(inside);
          if (!point.visible) continue;
          const [px, py] = [
            Math.min(image.width - 1, Math.floor(point.x)),
            Math.min(image.height - 1, Math.floor(point.y)),
          ];
          const at = py * image.width + px;
          const from = source.keypoints![i]!;
          const [r, g, b] = image.pixels.subarray(3 * at, 3 * at + 3);
          if (maskOnly ? mask.classes[at] === 255 : b! < 255) continue; // from outside, or mixed with that
          compared++;
          if (!maskOnly) far = Math.max(far, Math.abs(r! / 4 + 0.5 - from.x), Math.abs(g! / 5 + 0.5 - from.y));
          far = Math.max(far, Math.abs(mask.classes[at]! + 0.5 - from.x));
        }
        expect(far).toBeLessThanOrEqual(off);
        for (const { box, label } of moved.boxes!) {
          const { x, y, visible } = moved.keypoints![label]!;
          const [x1, y1, x2, y2] = box;
          expect(x1 < x2 && y1 < y2 && x1 >= 0 && y1 >= 0 && x2 <= image.width && y2 <= image.height).toBe(true);
          if (visible) {
            expect(x >= x1 - 1e-9 && x <= x2 + 1e-9 && y >= y1 - 1e-9 && y <= y2 + 1e-9).toBe(true);
          }
        }
        expect(moved.boxes!.length).toBeGreaterThanOrEqual(moved.keypoints!.filter((p) => p.visible).length);
      }
      expect(compared).toBeGreaterThan(100);
    });
  }
});

it("a flip of a flip is the sample itself", () => {
  const source = {
    ...coordinates(),
    keypoints: [
      { x: 3, y: 4, visible: true, name: "left_eye" },
      { x: 9, y: 4, visible: true, name: "right_eye" },
      { x: 6, y: 8, visible: false, name: "Left Ear" },
    ],
  };
  for (const flip of [horizontalFlip({ p: 1 }), verticalFlip({ p: 1 })]) {
    const random = new RandomStream(1);
    const once = flip.apply(source, random);
    expect(flip.apply(once, random)).toEqual(source);
    expect(once).not.toEqual(source);
  }
});

it("a flip exchanges left and right by name, in the order of names that was", () => {
  const keypoints = [
    { x: 3, y: 4, visible: true, name: "left_eye" },
    { x: 9, y: 5, visible: true, name: "right_eye" },
    { x: 1, y: 1, visible: true, name: "left_ear" },
    { x: 2, y: 2, visible: true, name: "bright spot" },
  ];
  const image = { width: 10, height: 10, channels: 1, pixels: new Uint8Array(100) };
  const names = (flipPairs: readonly (readonly [string, string])[] | null) =>
    horizontalFlip({ p: 1, flipPairs })
      .apply({ image, keypoints }, new RandomStream(0))
      .keypoints!.map(({ name, x }) => `${name} ${x}`);
  expect(names(null)).toEqual(["left_eye 1", "right_eye 7", "right_ear 9", "bright spot 8"]);
  expect(names([["left_eye", "bright spot"]])).toEqual(["left_eye 8", "right_eye 1", "left_ear 9", "bright spot 7"]);
  expect(names([])).toEqual(["left_eye 7", "right_eye 1", "left_ear 9", "bright spot 8"]);
});

it("boxes are cut at the edge, and dropped when less than minVisibility is left", () => {
  const image = { width: 10, height: 10, channels: 1, pixels: new Uint8Array(100) };
  const boxes = [
    { box: [0, 0, 4, 4], label: 0 },
    { box: [0, 4, 3, 8], label: 1, ignored: true },
    { box: [0, 0, 2, 10], label: 2 },
  ] as const;
  // The middle 6 × 6 starts at (2, 2): of the boxes, 4 / 16, 4 / 12 and nothing are left.
  const kept = (minVisibility: number) =>
    centerCrop({ size: 6, minVisibility }).apply({ image, boxes }, new RandomStream(0)).boxes;
  expect(kept(0)).toEqual([
    { box: [0, 0, 2, 2], label: 0 },
    { box: [0, 2, 1, 6], label: 1, ignored: true },
  ]);
  expect(kept(0.3)).toEqual([{ box: [0, 2, 1, 6], label: 1, ignored: true }]);
  expect(kept(0.5)).toEqual([]);
});

it("pad repeats the inside as numpy's modes of the same names do", () => {
  const image = { width: 3, height: 1, channels: 1, pixels: Uint8Array.of(1, 2, 3) };
  const row = (paddingMode: "edge" | "reflect" | "symmetric") => [
    ...pad({ padding: [5, 0], paddingMode }).apply({ image }, new RandomStream(0)).image.pixels,
  ];
  expect(row("edge")).toEqual([1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3]);
  expect(row("reflect")).toEqual([2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2]);
  expect(row("symmetric")).toEqual([2, 3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1, 2]);
});

describe("rotated boxes and key points", () => {
  const image = { width: 20, height: 20, channels: 1, pixels: new Uint8Array(400) };
  const sample: Sample = {
    image,
    boxes: [{ box: [6, 7, 9, 12], label: 0 }],
    keypoints: [{ x: 6, y: 7, visible: true }],
  };

  it("a quarter turn to the left takes (x, y) to (y, width − x)", () => {
    const { boxes, keypoints } = rotate({ degrees: [90, 90] }).apply(sample, new RandomStream(0));
    expect(boxes![0]!.box).toEqual([7, 11, 12, 14]);
    expect([keypoints![0]!.x, keypoints![0]!.y]).toEqual([7, 14]);
  });

  it("by 30° to the left around the middle: the hull of the turned corners", () => {
    const { boxes, keypoints } = rotate({ degrees: [30, 30] }).apply(sample, new RandomStream(0));
    const turned = (x: number, y: number) => {
      const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
      return [10 + c * (x - 10) + s * (y - 10), 10 - s * (x - 10) + c * (y - 10)] as const;
    };
    const corners = [turned(6, 7), turned(9, 7), turned(9, 12), turned(6, 12)];
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    for (const [i, v] of [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)].entries()) {
      expect(boxes![0]!.box[i]).toBeCloseTo(v, 10);
    }
    expect(keypoints![0]!.x).toBeCloseTo(corners[0]![0], 10);
    expect(keypoints![0]!.y).toBeCloseTo(corners[0]![1], 10);
  });
});
