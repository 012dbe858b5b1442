import { describe, expect, it } from "vitest";
import { arange, grad, nn, tensor, type Tensor } from "../index.ts";
import { checkComposite, expectValues } from "../testing/composite.ts";
import { describeEngines } from "../testing/engines.ts";
import { matmul } from "./matmul.ts";
import * as R from "./rearrange.ts";
import { gatherND, scatter, scatterND } from "./scatter.ts";
import { argsort, sort, topk } from "./sort.ts";
import { cumsum } from "./cumsum.ts";

const ints = (values: number[] | number[][] | number[][][]) => tensor(values, { dtype: "int32" });
const count = (...shape: number[]) => arange(shape.reduce((a, d) => a * d, 1)).reshape(shape);

describeEngines("structure", () => {
  it("chunk gives pieces of one length but the last, as PyTorch does", () => {
    expect(R.chunk(arange(10), 4).map((t) => t.size)).toEqual([3, 3, 3, 1]);
    expect(R.chunk(arange(6), 4).map((t) => t.size)).toEqual([2, 2, 2]); // three pieces, not four
    expectValues(R.chunk(count(2, 4), 2, 1)[1]!, [2, 3, 6, 7]);
    expect(() => R.chunk(arange(3), 0)).toThrow(/chunks must be a whole number ≥ 1, got 0/);
  });

  it("roll brings back what falls off", () => {
    expectValues(R.roll(arange(5), 2), [3, 4, 0, 1, 2]);
    expectValues(R.roll(arange(5), -6), [1, 2, 3, 4, 0]);
    expectValues(R.roll(count(2, 3), [1, 1], [0, 1]), [5, 3, 4, 2, 0, 1]);
    expect(() => R.roll(arange(5), [1, 2], [0])).toThrow(/one whole shift per axis/);
  });

  it("tile and repeatInterleave", () => {
    expectValues(R.tile(tensor([1, 2]), [3]), [1, 2, 1, 2, 1, 2]);
    expectValues(
      R.tile(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        [2, 2],
      ),
      [1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4],
    );
    expect(R.tile(count(2, 3), [2, 1, 4]).shape).toEqual([2, 2, 12]);
    expect(R.tile(count(2, 3), [0, 1]).shape).toEqual([0, 3]);
    expectValues(
      R.repeatInterleave(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        2,
        1,
      ),
      [1, 1, 2, 2, 3, 3, 4, 4],
    );
    expectValues(R.repeatInterleave(tensor([1, 2]), 3), [1, 1, 1, 2, 2, 2]);
  });

  it("meshgrid in matrix and in picture order", () => {
    const [i, j] = R.meshgrid([arange(2), arange(3)]);
    expect(i!.shape).toEqual([2, 3]);
    expectValues(i!, [0, 0, 0, 1, 1, 1]);
    expectValues(j!, [0, 1, 2, 0, 1, 2]);
    const [x, y] = R.meshgrid([arange(3), arange(2)], "xy");
    expect(x!.shape).toEqual([2, 3]);
    expectValues(x!, [0, 1, 2, 0, 1, 2]);
    expectValues(y!, [0, 0, 0, 1, 1, 1]);
  });

  it("tril and triu keep triangles", () => {
    const x = count(3, 3).add(1);
    expectValues(R.tril(x), [1, 0, 0, 4, 5, 0, 7, 8, 9]);
    expectValues(R.tril(x, -1), [0, 0, 0, 4, 0, 0, 7, 8, 0]);
    expectValues(R.triu(x, 1), [0, 2, 3, 0, 0, 6, 0, 0, 0]);
    expectValues(R.triu(count(2, 2, 3).add(1)), [1, 2, 3, 0, 5, 6, 7, 8, 9, 0, 11, 12]);
  });

  it("oneHot puts the classes last, or where wanted", () => {
    expectValues(R.oneHot(ints([1, 0, 5]), 3), [0, 1, 0, 1, 0, 0, 0, 0, 0]);
    const map = R.oneHot(ints([[0, 1]]), 2, 1);
    expect(map.shape).toEqual([1, 2, 2]);
    expectValues(map, [1, 0, 0, 1]);
    expect(() => R.oneHot(tensor([1]), 3)).toThrow(/must be int32 class numbers, got float32/);
  });

  it("pixelShuffle has PyTorch's order, depthToSpace TensorFlow's", () => {
    // PyTorch: out[c, 2h + i, 2w + j] = in[4c + 2i + j, h, w].
    const x = count(1, 8, 1, 2);
    expectValues(R.pixelShuffle(x, 2), [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15]);
    // ONNX' DepthToSpace, the example of its DCR mode (first channel, first rows).
    const onnx = tensor(
      Float32Array.from({ length: 48 }, (_, i) => Math.floor(i / 6) * 9 + (i % 6)),
      { shape: [1, 8, 2, 3] },
    );
    const want = [0, 18, 1, 19, 2, 20, 36, 54, 37, 55, 38, 56, 3, 21, 4, 22, 5, 23, 39, 57, 40, 58, 41, 59];
    expectValues(R.depthToSpace(onnx, 2).narrow(1, 0, 1), want);
    for (const order of ["DCR", "CRD"] as const) {
      expectValues(R.spaceToDepth(R.depthToSpace(onnx, 2, order), 2, order), [...onnx.storage.values()]);
    }
    expectValues(R.pixelUnshuffle(R.pixelShuffle(x, 2), 2), [...x.storage.values()]);
    expect(() => R.pixelShuffle(x, 3)).toThrow(/8 channels of \[1, 8, 1, 2\] do not divide by 3² = 9/);
    expect(() => R.pixelUnshuffle(x, 2)).toThrow(/the 1 × 2 pixels .* do not divide by 2/);
    expectValues(R.channelShuffle(count(1, 6, 1), 2), [0, 3, 1, 4, 2, 5]);
    expectValues(new nn.PixelShuffle(2).forward(x), [...R.pixelShuffle(x, 2).storage.values()]);
    expect(new nn.PixelUnshuffle(2).forward(new nn.PixelShuffle(2).forward(x)).shape).toEqual(x.shape);
    expectValues(new nn.ChannelShuffle(2).forward(count(1, 6, 1)), [0, 3, 1, 4, 2, 5]);
    expect(new nn.Unflatten(1, [2, -1]).forward(count(3, 8)).shape).toEqual([3, 2, 4]);
    expect(new nn.Unflatten(1, [2, -1]).describe()).toBe("Unflatten(1, [2, -1])");
  });

  it("sort and topk give values and places; gradients go to the elements", () => {
    const x = tensor([
      [3, 1, 2],
      [0, 5, 5],
    ]).requireGrad();
    const { values, indices } = sort(x);
    expectValues(values, [1, 2, 3, 0, 5, 5]);
    expectValues(indices, [1, 2, 0, 0, 1, 2]);
    const best = topk(x, 2);
    expectValues(best.values, [3, 2, 5, 5]);
    expectValues(best.indices, [0, 2, 1, 2]);
    expectValues(grad(best.values.mul(tensor([1, 10])).sum(), [x])[0]!, [1, 0, 10, 0, 1, 10]);
    expectValues(topk(x, 1, 0, false).values, [0, 1, 2]);
    expectValues(argsort(x, 1, true), [0, 2, 1, 1, 2, 0]);
    expect(() => topk(x, 4)).toThrow(/k must be in 0 … 3, the size of axis -1 of \[2, 3\], got 4/);
  });

  it("cumsum of truth values counts", () => {
    const y = cumsum(tensor([1, 0, 1, 1], { dtype: "bool" }), 0);
    expect(y.dtype).toBe("int32");
    expectValues(y, [1, 1, 2, 3]);
  });

  it("scatter writes, and the last of several stays", () => {
    expectValues(scatter(tensor([1, 2, 3]), ints([2, 0, 2]), tensor([7, 8, 9])), [8, 2, 9]);
    expectValues(scatter(tensor([1, 2, 3]), ints([2, 0, 2]), tensor([7, 8, 9]), 0, "add"), [9, 2, 19]);
    expect(() => scatter(tensor([1, 2]), ints([0]), tensor([1]), 0, "divide" as "add")).toThrow(
      /mode must be one of set/,
    );
    expect(() => scatter(tensor([[1, 2]]), ints([0]), tensor([1]))).toThrow(/which equals x \[1, 2\] on every axis/);
  });

  it("gatherND: ONNX' examples", () => {
    // The five examples of the specification of GatherND.
    const square = tensor([
      [0, 1],
      [2, 3],
    ]);
    expectValues(
      gatherND(
        square,
        ints([
          [0, 0],
          [1, 1],
        ]),
      ),
      [0, 3],
    );
    expectValues(gatherND(square, ints([[1], [0]])), [2, 3, 0, 1]);
    const cube = tensor([
      [
        [0, 1],
        [2, 3],
      ],
      [
        [4, 5],
        [6, 7],
      ],
    ]);
    expectValues(
      gatherND(
        cube,
        ints([
          [0, 1],
          [1, 0],
        ]),
      ),
      [2, 3, 4, 5],
    );
    const nested = gatherND(cube, ints([[[0, 1]], [[1, 0]]]));
    expect(nested.shape).toEqual([2, 1, 2]);
    expectValues(gatherND(cube, ints([[1], [0]]), 1), [2, 3, 4, 5]);
    expectValues(gatherND(square, ints([[-1, -2]])), [2]);
    expect(() => gatherND(square, ints([[0, 0, 0]]))).toThrow(
      /vectors of 3 positions .* x \[2, 2\] with 0 batch axes; 1 … 2 fit/,
    );
  });

  it("scatterND: ONNX' examples", () => {
    // The first example of the specification of ScatterND.
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8]);
    expectValues(scatterND(x, ints([[4], [3], [1], [7]]), tensor([9, 10, 11, 12])), [1, 11, 3, 10, 9, 6, 7, 12]);
    const y = scatterND(
      count(2, 2, 2),
      ints([[1], [-2]]),
      tensor([
        [
          [9, 9],
          [9, 9],
        ],
        [
          [1, 2],
          [3, 4],
        ],
      ]),
    );
    expectValues(y, [1, 2, 3, 4, 9, 9, 9, 9]);
    expectValues(scatterND(x, ints([[0], [0]]), tensor([10, 20]), "add").narrow(0, 0, 1), [31]);
    expect(() => scatterND(x, ints([[0]]), tensor([1, 2]))).toThrow(/values must be \[1\], got \[2\]/);
  });

  it("a position outside is not another element", async () => {
    const read = async () => gatherND(count(2, 3), ints([[0, 3]])).data(); // flat, it would be element 3
    const got = await read().catch(() => Float32Array.of(NaN));
    expect([...got]).toEqual([NaN]);
  });

  it("nonzero finds positions", async () => {
    const found = await R.nonzero(
      tensor([
        [0, 2, 0],
        [1, 0, NaN],
      ]),
    );
    expect(found.shape).toEqual([3, 2]);
    expectValues(found, [0, 1, 1, 0, 1, 2]);
    expect((await R.nonzero(tensor([0, 0]))).shape).toEqual([0, 1]);
  });

  it("matmul broadcasts leading axes", () => {
    const [a, b] = [count(2, 1, 2, 3), count(3, 3, 1)];
    const y = matmul(a, b);
    expect(y.shape).toEqual([2, 3, 2, 1]);
    // Row (3 4 5) of the first batch by column (3 4 5) of the second: 50.
    expect(y.storage.values()[3]).toBe(50);
  });
});

describe("structure on every engine", () => {
  const at = () =>
    ints([
      [0, 2],
      [1, 0],
      [1, 1],
    ]);
  const cases: [string, (x: Tensor) => Tensor, number[]][] = [
    ["roll", (x) => R.roll(x, [1, -2], [0, 2]), [3, 2, 5]],
    ["tile", (x) => R.tile(x, [2, 1, 3]), [2, 3, 4]],
    ["repeatInterleave", (x) => R.repeatInterleave(x, 3, 1), [2, 3, 4]],
    ["tril", (x) => R.tril(x, 1), [2, 4, 5]],
    ["triu", (x) => R.triu(x), [2, 4, 5]],
    ["pixelShuffle", (x) => R.pixelShuffle(x, 2), [2, 8, 3, 2]],
    ["pixelUnshuffle", (x) => R.pixelUnshuffle(x, 2), [2, 2, 6, 4]],
    ["depthToSpace", (x) => R.depthToSpace(x, 3), [1, 9, 2, 2]],
    ["channelShuffle", (x) => R.channelShuffle(x, 3), [2, 6, 3, 2]],
    ["sort", (x) => sort(x, 1, true).values, [3, 20, 2]],
    ["topk", (x) => topk(x, 3, 1).values, [3, 20, 2]],
    ["gatherND", (x) => gatherND(x, at()), [2, 3, 4]],
    ["gatherND with a batch axis", (x) => gatherND(x, ints([[[1]], [[2]]]), 1), [2, 3, 4]],
  ];
  for (const [name, f, shape] of cases) checkComposite(name, f, [shape]);
  checkComposite("scatterND", (x, v) => scatterND(x!, at(), v!), [
    [2, 3, 4],
    [3, 4],
  ]);
  checkComposite("scatterND, max", (x, v) => scatterND(x!, at(), v!, "max"), [
    [2, 3, 4],
    [3, 4],
  ]);
  checkComposite("matmul, broadcast", (a, b) => matmul(a!, b!), [
    [2, 1, 3, 4],
    [3, 4, 2],
  ]);
});
