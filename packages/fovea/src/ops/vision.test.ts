import { describe, expect, it } from "vitest";
import {
  batchedNms,
  boxIou,
  compile,
  grad,
  gradCheck,
  gridSample,
  interpolate,
  nms,
  resize,
  roiAlign,
  softNms,
  suppress,
  tensor,
  type Tensor,
} from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

const values = (t: Tensor) => Array.from(t.storage.values());
const close = (got: Tensor, want: readonly number[], digits = 5) => {
  expect(got.size).toBe(want.length);
  values(got).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, digits));
};
const picture = (rows: readonly (readonly number[])[]) => tensor([[rows]]);
const four = () =>
  picture([
    [1, 2],
    [3, 4],
  ]);
/** Two rows of four: the input of the ONNX specification's examples of downsampling. */
const eight = () =>
  picture([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
const int = (...list: number[]) => tensor(Int32Array.from(list));

describeEngines("resizing", () => {
  it("doubles [[1, 2], [3, 4]] as torch.nn.Upsample's documentation shows", () => {
    close(interpolate(four(), { scaleFactor: 2 }), [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    const squares = [1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4];
    close(interpolate(four(), { scaleFactor: 2, mode: "bilinear" }), squares);
    const corners = [0, 1 / 3, 2 / 3, 1].flatMap((y) => [0, 1 / 3, 2 / 3, 1].map((x) => 1 + x + 2 * y));
    close(interpolate(four(), { scaleFactor: 2, mode: "bilinear", alignCorners: true }), corners);
  });

  it("has ONNX's coordinates, by their formulas", () => {
    // A ramp read at x gives x: rows of the table in ONNX's Resize, for 4 pixels becoming 3 (scale 0.75) or 0.8 · 4 → 3
    const ramp = tensor([0, 1, 2, 3], { shape: [1, 1, 4] });
    const at = (options: object) => resize(ramp, { mode: "linear", sizes: [3], ...options });
    close(at({ coordinates: "half_pixel" }), [0.5 / 0.75 - 0.5, 1.5, 2.5 / 0.75 - 0.5]);
    close(at({ coordinates: "align_corners" }), [0, 1.5, 3]);
    close(at({ coordinates: "asymmetric" }), [0, 4 / 3, 8 / 3]);
    close(at({ coordinates: "pytorch_half_pixel", sizes: [1] }), [0]);
    close(at({ coordinates: "half_pixel", sizes: [1] }), [1.5]);
    const symmetric = [0, 1, 2].map((k) => 2 * (1 - 3 / 3.2) + (k + 0.5) / 0.8 - 0.5);
    close(resize(ramp, { mode: "linear", coordinates: "half_pixel_symmetric", scales: [0.8] }), symmetric);
    const crop = { coordinates: "tf_crop_and_resize", roi: [[0.5, 1.5]], extrapolationValue: -7 };
    close(at(crop), [1.5, 3, -7]);
  });

  it("has ONNX's ways to choose the nearest pixel", () => {
    // 2 pixels become 4 with asymmetric coordinates 0, ½, 1, 1½
    const x = tensor([10, 20], { shape: [1, 1, 2] });
    const pick = (nearest: "floor" | "ceil" | "round_prefer_floor" | "round_prefer_ceil") =>
      values(resize(x, { sizes: [4], coordinates: "asymmetric", nearest }));
    expect(pick("floor")).toEqual([10, 10, 20, 20]);
    expect(pick("ceil")).toEqual([10, 20, 20, 20]);
    expect(pick("round_prefer_floor")).toEqual([10, 10, 20, 20]);
    expect(pick("round_prefer_ceil")).toEqual([10, 20, 20, 20]);
  });

  it("shrinks as the examples of the ONNX specification do", () => {
    // ONNX operator documentation, Resize: resize_downsample_scales_linear and resize_downsample_sizes_nearest
    close(resize(eight(), { scales: [0.6, 0.6], mode: "linear" }), [2.6666665, 4.3333331]);
    close(resize(eight(), { sizes: [1, 3] }), [1, 2, 4]);
  });

  it("leaves out pixels outside, or repeats those at the border", () => {
    // A cubic filter at −¼ of [1, 1]: repeated, the weights add up to 1; left out, they are made to
    const x = tensor([1, 3], { shape: [1, 1, 2] });
    const weights = [-0.10546875, 0.87890625, 0.26171875, -0.03515625]; // Keys with a = −0.75 at ¼, by hand
    const repeated = weights[0]! + weights[1]! + 3 * (weights[2]! + weights[3]!);
    const [a, b] = [weights[1]!, weights[2]!];
    const options = { sizes: [4], mode: "cubic" } as const;
    // Position ¼ is output 1: pixels −1, 0, 1, 2
    expect(values(resize(x, options))[1]).toBeCloseTo(repeated, 5);
    expect(values(resize(x, { ...options, excludeOutside: true }))[1]).toBeCloseTo((a + 3 * b) / (a + b), 5);
  });

  it("averages over what a pixel covers when told to avoid aliasing", () => {
    // A triangle of half-width 2 around 0.5 and 2.5, without pixels outside: weights ¾, ¾, ¼ (and mirrored), made to add up to 1
    const x = tensor([0, 8, 0, 0], { shape: [1, 1, 4] });
    const y = resize(x, { sizes: [2], mode: "linear", antialias: true, excludeOutside: true });
    close(y, [(8 * 0.75) / 1.75, (8 * 0.25) / 1.75]);
  });

  it("resizes integers by choosing pixels", () => {
    const x = tensor(Uint8Array.of(1, 2, 3, 4), { shape: [1, 1, 2, 2] });
    const y = interpolate(x, { size: [2, 3] });
    expect(y.dtype).toBe("uint8");
    expect(values(y)).toEqual([1, 1, 2, 3, 3, 4]);
  });
});

describe("resizing", () => {
  it("has the gradients that finite differences measure in ONNX's modes", () => {
    const make = () => [
      tensor(
        Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
        { shape: [1, 2, 3, 4] },
      ),
    ];
    gradCheck((x) => resize(x, { scales: [1.7, 0.6], mode: "cubic", excludeOutside: true }), make());
    gradCheck((x) => resize(x, { sizes: [5, 2], mode: "linear", antialias: true }), make());
    const roi = [
      [0.2, 0.9],
      [-0.3, 1.2],
    ] as const;
    gradCheck((x) => resize(x, { sizes: [4, 5], mode: "linear", coordinates: "tf_crop_and_resize", roi }), make());
    gradCheck((x) => resize(x, { sizes: [2, 6], axes: [1, -1], coordinates: "half_pixel_symmetric" }), make());
  });

  it("says what does not fit", () => {
    const x = four();
    expect(() => resize(x, {})).toThrow("resize: give either sizes or scales");
    expect(() => resize(x, { sizes: [2] })).toThrow("resize: 1 sizes for the 2 axes [2, 3] of [1, 1, 2, 2]");
    expect(() => resize(x, { scales: [0.1, 1] })).toThrow(
      "resize: axis 2 of [1, 1, 2, 2] cannot become 2 · 0.1 rounded down; both sizes must be whole numbers ≥ 1",
    );
    expect(() => resize(x, { sizes: [2, 2], mode: "bilinear" as "linear" })).toThrow(
      'resize: mode "bilinear" is not known; use "nearest", "linear" or "cubic"',
    );
    expect(() => interpolate(x, {})).toThrow("interpolate: give either size or scaleFactor");
    expect(() => interpolate(x, { size: 3, mode: "trilinear" })).toThrow(
      'interpolate: trilinear takes rank 5, got [1, 1, 2, 2]; use "linear", which fits any number of axes',
    );
    expect(() => interpolate(x, { size: 3, alignCorners: true })).toThrow(
      'interpolate: alignCorners is for linear, bilinear, trilinear and bicubic, not "nearest"',
    );
    expect(() => interpolate(x, { size: [1, 2, 3] })).toThrow(
      "interpolate: 3 numbers in size for the 2 pixel axes of [1, 1, 2, 2]",
    );
  });
});

describeEngines("sampling", () => {
  it("the identity grid gives the picture back, a mirrored one its mirror image", () => {
    const at = (xs: number[]) => tensor([[-1, 1].map((y) => xs.map((x) => [x, y]))]);
    close(gridSample(four(), at([-1, 1]), { alignCorners: true }), [1, 2, 3, 4]);
    close(gridSample(four(), at([1, -1]), { alignCorners: true }), [2, 1, 4, 3]);
    // Without aligned corners −1 is the outer edge: half of each border pixel, a quarter in the corners
    close(gridSample(four(), at([-1, 1])), [0.25, 0.5, 0.75, 1]);
  });

  it("the gradient to the grid is the picture's slope", () => {
    // x runs over 2 pixels from −1 to 1 with aligned corners: dx = ½ pixel; the slope is 1 along x, 2 along y
    const grid = tensor([[[[0.2, -0.1]]]]).requireGrad();
    close(grad(gridSample(four(), grid, { alignCorners: true }).sum(), [grid])[0]!, [0.5, 1]);
  });

  it("a position that is not a number reads nothing", () => {
    close(gridSample(four(), tensor([[[[NaN, 0]]]])), [0]);
  });

  it("roiAlign of a whole ramp gives the ramp's means", () => {
    // f(x, y) = x + 10·y is linear, so the mean of a cell's points is f at the cell's middle
    const ramp = picture(Array.from({ length: 8 }, (_, y) => Array.from({ length: 8 }, (_v, x) => x + 10 * y)));
    const y = roiAlign(ramp, tensor([[1, 2, 5, 6]]), int(0), { outputSize: 2, samplingRatio: 2 });
    close(y, [2 + 30, 4 + 30, 2 + 50, 4 + 50]);
    const aligned = roiAlign(ramp, tensor([[1, 2, 5, 6]]), int(0), { outputSize: 2, aligned: true });
    close(aligned, [1.5 + 25, 3.5 + 25, 1.5 + 45, 3.5 + 45]);
    expect(roiAlign(ramp, tensor([], { shape: [0, 4] }), int(), { outputSize: [3, 2] }).shape).toEqual([0, 1, 3, 2]);
    close(roiAlign(ramp, tensor([[3, 3, 3, 3]]), int(0), { outputSize: 1, aligned: true }), [0]);
  });

  it("roiAlign's max takes the largest weighted pixel, as ONNX defines it", () => {
    // One point at (0.5, 0.5) of [[1, 2], [3, 4]]: each pixel weighs ¼
    const y = roiAlign(four(), tensor([[0, 0, 1, 1]]), int(0), { outputSize: 1, samplingRatio: 1, mode: "max" });
    close(y, [1]);
  });

  it("roiAlign compiles when the number of points is given", () => {
    const step = compile((x: Tensor, boxes: Tensor) => roiAlign(x, boxes, int(0), { outputSize: 1, samplingRatio: 2 }));
    close(step(four(), tensor([[0, 0, 1, 1]])), [2.5]);
    step.dispose();
    const adaptive = compile((x: Tensor, boxes: Tensor) => roiAlign(x, boxes, int(0), { outputSize: 1 }));
    expect(() => adaptive(four(), tensor([[0, 0, 1, 1]]))).toThrow("samplingRatio");
  });

  it("boxIou is intersection over union", () => {
    // 1 of 4 + 4 − 1, none, the same box, an empty box
    const a = tensor([[0, 0, 2, 2]]);
    const b = tensor([
      [1, 1, 3, 3],
      [2, 2, 3, 3],
      [0, 0, 2, 2],
      [1, 1, 1, 1],
    ]);
    close(boxIou(a, b), [1 / 7, 0, 1, 0]);
    expect(values(boxIou(b, a))).toEqual(values(boxIou(a, b)));
  });
});

describe("sampling", () => {
  it("has the gradients that finite differences measure where the fixture has none", () => {
    const features = () => [
      tensor(
        Float32Array.from({ length: 60 }, (_, i) => Math.sin(3 * i)),
        { shape: [1, 2, 5, 6] },
      ),
    ];
    const boxes = tensor([
      [0.3, 0.7, 4.2, 3.9],
      [-2, 1, 9, 4],
    ]);
    gradCheck((x) => roiAlign(x, boxes, int(0, 0), { outputSize: 2, samplingRatio: 2, mode: "max" }), features());
    gradCheck((x) => roiAlign(x, boxes, int(0, 0), { outputSize: [2, 3], mode: "max", aligned: true }), features());
    const pair = () => [
      tensor([
        [0.1, 0.2, 2, 2.5],
        [1, 1, 3, 4],
      ]),
      tensor([
        [0.5, 0.7, 2.5, 2],
        [1.2, 0.4, 1.9, 3],
      ]),
    ];
    gradCheck((a, b) => boxIou(a, b), pair());
  });

  it("says what does not fit", () => {
    const grid = tensor([[[[0, 0, 0]]]]);
    expect(() => gridSample(four(), grid)).toThrow(
      "gridSample: x [N, C, H, W] needs a grid [N, H', W', 2] (x [N, C, D, H, W] one [N, D', H', W', 3]), " +
        "got x [1, 1, 2, 2] and grid [1, 1, 1, 3]",
    );
    expect(() => roiAlign(four(), tensor([[0, 0, 1, 1]]), int(0, 1), { outputSize: 1 })).toThrow(
      "roiAlign: needs boxes [K, 4] and batchIndices [K], got [1, 4] and [2]",
    );
    expect(() => boxIou(tensor([1, 2]), tensor([[0, 0, 1, 1]]))).toThrow("boxIou: needs boxes [N, 4], got [2]");
  });
});

// Three boxes around one place and one apart; IoU of 0 and 1 is 81/119, of 0 and 2 is 50/150 = ⅓, of 1 and 2 is 54/146.
const boxes = () =>
  tensor([
    [0, 0, 10, 10],
    [1, 1, 11, 11],
    [5, 0, 15, 10],
    [50, 50, 60, 60],
  ]);

describe("suppression", () => {
  it("keeps the best of overlapping boxes, best first", async () => {
    const scores = tensor([0.8, 0.9, 0.7, 0.6]);
    expect(values(await nms(boxes(), scores))).toEqual([1, 2, 3]);
    expect(values(await nms(boxes(), scores, { iouThreshold: 0.3 }))).toEqual([1, 3]);
    expect(values(await nms(boxes(), scores, { iouThreshold: 1 }))).toEqual([1, 0, 2, 3]);
    expect(values(await nms(boxes(), scores, { scoreThreshold: 0.6 }))).toEqual([1, 2]);
    expect(values(await nms(boxes(), scores, { maxOutput: 1 }))).toEqual([1]);
    expect((await nms(tensor([], { shape: [0, 4] }), tensor([]))).shape).toEqual([0]);
  });

  it("an overlap of exactly the threshold does not suppress, and the first of equals wins", async () => {
    // IoU of [0, 2] and [1, 3] (height 1) is 1/3
    const two = tensor([
      [0, 0, 2, 1],
      [1, 0, 3, 1],
    ]);
    expect(values(await nms(two, tensor([1, 1]), { iouThreshold: 1 / 3 }))).toEqual([0, 1]);
    expect(values(await nms(two, tensor([1, 1]), { iouThreshold: 0.33 }))).toEqual([0]);
    expect(suppress([2, 1, 0, 0, 0, 0, 2, 1], [1, 1])).toEqual([0]); // corners in any order
    expect(suppress([0, 0, 1, 1], [NaN])).toEqual([]);
  });

  it("classes do not suppress one another", async () => {
    const scores = tensor([0.8, 0.9, 0.7, 0.6]);
    expect(values(await batchedNms(boxes(), scores, int(0, 1, 0, 1), { iouThreshold: 0.3 }))).toEqual([1, 0, 3]);
    expect(values(await batchedNms(boxes(), scores, int(2, 2, 2, 2)))).toEqual(values(await nms(boxes(), scores)));
  });

  it("soft suppression lowers scores by overlap", async () => {
    // Bodla et al., equations 2 and 3, from the IoUs above
    const scores = tensor([0.8, 0.9, 0.7, 0.6]);
    const soft = await softNms(boxes(), scores);
    const [ab, ac, bc] = [81 / 119, 50 / 150, 54 / 146];
    const fall = (iou: number) => Math.exp(-(iou * iou) / 0.5);
    expect(values(soft.indices)).toEqual([1, 3, 2, 0]);
    const third = 0.7 * fall(bc);
    close(soft.scores, [0.9, 0.6, third, 0.8 * fall(ab) * fall(ac)]);
    const linear = await softNms(boxes(), scores, { method: "linear", iouThreshold: 0.5, scoreThreshold: 0.3 });
    expect(values(linear.indices)).toEqual([1, 2, 3]);
    close(linear.scores, [0.9, 0.7, 0.6]);
  });

  it("says what does not fit", async () => {
    await expect(nms(boxes(), tensor([1]))).rejects.toThrow(
      "nms: needs boxes [N, 4] and scores [N], got [4, 4] and [1]",
    );
    await expect(batchedNms(boxes(), tensor([1, 1, 1, 1]), int(1))).rejects.toThrow(
      "batchedNms: needs one class per box, got [1] for boxes [4, 4]",
    );
    await expect(softNms(boxes(), tensor([1, 1, 1, 1]), { sigma: 0 })).rejects.toThrow(
      "softNms: sigma must be above 0, got 0",
    );
  });
});
