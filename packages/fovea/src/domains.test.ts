import { describe, expect, it } from "vitest";
import * as f from "./index.ts";
import { currentEngine, engineState, ShapeError, tensor, UsageError, zeros, type Tensor } from "./index.ts";
import { describeEngines } from "./testing/engines.ts";

/** Numbers that are no count: below `least`, fractions, not numbers, beyond what engines count in. */
const noCount = (least: number) => [least - 1, -1, -7, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53];
const image = () => zeros([2, 4, 6, 6]);
const weight = (inputs = 4, k = 3) => zeros([4, inputs, k, k]);
const int = (values: number[]) => tensor(values, { dtype: "int32" });

/** Every call must throw a ShapeError or a UsageError before any kernel runs. */
const calls: Record<string, (() => unknown)[]> = {
  "conv2d stride": noCount(1).map((stride) => () => f.conv2d(image(), weight(), null, { stride })),
  "conv2d stride pair": noCount(1).map((s) => () => f.conv2d(image(), weight(), null, { stride: [1, s] })),
  "conv2d dilation": noCount(1).map((dilation) => () => f.conv2d(image(), weight(), null, { dilation })),
  "conv2d groups": noCount(1).map((groups) => () => f.conv2d(image(), weight(), null, { groups })),
  "conv2d groups that do not divide": [3, 5].map((groups) => () => f.conv2d(image(), weight(), null, { groups })),
  "conv2d padding": noCount(0).map((padding) => () => f.conv2d(image(), weight(), null, { padding })),
  "conv2d kernel of size 0": [() => f.conv2d(image(), weight(4, 0)), () => f.conv2d(image(), zeros([4, 4, 3, 0]))],
  "conv2d kernel beyond the picture": [() => f.conv2d(image(), weight(4, 7))],
  "Conv2d kernelSize": noCount(1).map((k) => () => new f.nn.Conv2d(4, 4, k)),
  "Conv2d inChannels": noCount(1).map((c) => () => new f.nn.Conv2d(c, 4, 3)),
  "Conv2d outChannels": noCount(1).map((c) => () => new f.nn.Conv2d(4, c, 3)),
  "Conv2d groups": noCount(1).map((groups) => () => new f.nn.Conv2d(4, 4, 3, { groups })),
  "Linear inFeatures": noCount(1).map((n) => () => new f.nn.Linear(n, 4)),
  "Linear outFeatures": noCount(1).map((n) => () => new f.nn.Linear(4, n)),
  "BatchNorm2d features": noCount(1).map((n) => () => new f.nn.BatchNorm2d(n)),
  "BatchNorm2d momentum": [-0.1, 1.1, NaN].map((momentum) => () => new f.nn.BatchNorm2d(4, { momentum })),
  "BatchNorm2d eps": [-1, NaN].map((eps) => () => new f.nn.BatchNorm2d(4, { eps })),
  "batchNorm eps": [-1, NaN].map(
    (eps) => () => f.batchNorm(image(), zeros([4]), zeros([4]), undefined, undefined, { eps }),
  ),
  "batchNorm channels": [
    () => f.batchNorm(image(), zeros([3]), zeros([4])),
    () => f.batchNorm(image(), zeros([4]), zeros([5])),
  ],
  "maxPool2d kernel": noCount(1).map((k) => () => f.maxPool2d(image(), k)),
  "maxPool2d stride": noCount(1).map((stride) => () => f.maxPool2d(image(), 2, { stride })),
  "maxPool2d dilation": noCount(1).map((dilation) => () => f.maxPool2d(image(), 2, { dilation })),
  "maxPool2d padding": [...noCount(0), 2].map((padding) => () => f.maxPool2d(image(), 2, { padding })),
  "maxPool2dIndices kernel": noCount(1).map((k) => () => f.maxPool2dIndices(image(), k)),
  "avgPool2d kernel": noCount(1).map((k) => () => f.avgPool2d(image(), k)),
  "avgPool2d stride": noCount(1).map((stride) => () => f.avgPool2d(image(), 2, { stride })),
  "avgPool2d padding": [...noCount(0), 2].map((padding) => () => f.avgPool2d(image(), 2, { padding })),
  "pool windows beyond the picture": [() => f.maxPool2d(image(), 7), () => f.avgPool2d(image(), [3, 9])],
  matmul: [
    () => f.matmul(zeros([2, 3]), zeros([2, 3])),
    () => f.matmul(zeros([3, 2, 3]), zeros([2, 3, 4])),
    () => f.matmul(zeros([]), zeros([2, 2])),
  ],
  "matmul beyond 2^31": [() => f.matmul(zeros([2 ** 16, 1]), zeros([1, 2 ** 16]))],
  reshape: [
    () => f.reshape(image(), [5, -1]),
    () => f.reshape(image(), [-1, -1]),
    () => f.reshape(image(), [-2, -144]),
    () => f.reshape(image(), [2.5, 115.2]),
    () => f.reshape(image(), [NaN]),
    () => f.reshape(image(), [0, -1]),
    () => f.reshape(image(), [2 ** 31, 2 ** 31]),
    () => f.reshape(image(), [-1, 0.5]),
    () => f.reshape(zeros([0]), [2 ** 53, 0]),
  ],
  expand: [
    () => f.expand(zeros([1, 3]), [-2, 3]),
    () => f.expand(zeros([1, 3]), [1.5, 3]),
    () => f.expand(zeros([2, 3]), [3]),
    () => f.expand(zeros([2, 3]), [4, 3]),
    () => f.expand(zeros([1]), [2 ** 31]),
    () => f.expand(zeros([1, 1]), [2 ** 27, 2 ** 27]),
    () => f.expand(zeros([1]), [NaN]),
    () => f.expand(zeros([3]), [-1, 3]),
  ],
  slice: [
    ...noCount(1).map((s) => () => f.slice(image(), [0], [2], [s])),
    () => f.slice(image(), [0.5]),
    () => f.slice(image(), [NaN]),
    () => f.slice(image(), [0], [1.5]),
    () => f.slice(image(), [0, 0, 0, 0, 0]),
  ],
  narrow: [
    () => f.narrow(image(), 0, -1, 1),
    () => f.narrow(image(), 0, 0, 3),
    () => f.narrow(image(), 0, 2, 1),
    () => f.narrow(image(), 0, 0.5, 1),
    () => f.narrow(image(), 0, 0, -1),
    () => f.narrow(image(), 0, 0, 0.5),
    () => f.narrow(image(), 0, NaN, 1),
    () => f.narrow(image(), 4, 0, 1),
  ],
  at: [() => f.at(image(), 2), () => f.at(image(), -3), () => f.at(image(), 0.5), () => f.at(image(), NaN)],
  pad: [
    () => f.pad(zeros([2, 2]), [[1, 1]]),
    ...[-1, 0.5, NaN, Infinity, 2 ** 31, 2 ** 53].flatMap((p) => [
      () =>
        f.pad(zeros([2, 2]), [
          [0, 0],
          [p, 0],
        ]),
      () =>
        f.pad(zeros([2, 2]), [
          [0, 0],
          [0, p],
        ]),
    ]),
  ],
  concat: [
    () => f.concat([]),
    () => f.concat([zeros([2, 3]), zeros([2, 4])], 0),
    () => f.concat([zeros([2, 3]), zeros([3])], 0),
    ...[2, -3, 0.5, NaN].map((axis) => () => f.concat([zeros([2, 3])], axis)),
  ],
  stack: [() => f.stack([]), () => f.stack([zeros([2]), zeros([3])]), () => f.stack([zeros([2])], 3)],
  split: [
    ...[0, -1, 0.5, NaN].map((n) => () => f.split(zeros([4]), n)),
    () => f.split(zeros([4]), [5, -1]),
    () => f.split(zeros([4]), [2.5, 1.5]),
    () => f.split(zeros([4]), [3]),
  ],
  axes: [4, -5, 0.5, NaN, 2 ** 53].flatMap((axis) => [
    () => f.sum(image(), axis),
    () => f.mean(image(), [0, axis]),
    () => f.max(image(), axis),
    () => f.prod(image(), axis),
    () => f.variance(image(), axis),
    () => f.argmax(image(), axis),
    () => f.softmax(image(), axis),
    () => f.logSoftmax(image(), axis),
    () => f.flip(image(), axis),
    () => f.squeeze(image(), axis),
    () => f.permute(image(), [0, 1, 2, axis]),
    () => f.transpose(image(), 0, axis),
    () => f.flatten(image(), axis),
    () => f.indexSelect(image(), int([0]), axis),
    () => f.takeAlongAxis(image(), zeros([2, 4, 6, 6], "int32"), axis),
    () => f.unsqueeze(image(), axis < 0 ? axis - 1 : axis + 1),
  ]),
  "an axis twice": [
    () => f.sum(image(), [1, 1]),
    () => f.sum(image(), [1, -3]),
    () => f.permute(image(), [0, 1, 1, 2]),
  ],
  indexSelect: [() => f.indexSelect(image(), tensor([0]), 0), () => f.indexSelect(image(), zeros([1, 1], "int32"), 0)],
  "indexAdd size": noCount(0).map((size) => () => f.indexAdd(zeros([1, 2]), int([0]), 0, size)),
  "scatterAdd size": noCount(0).map((size) => () => f.scatterAdd(zeros([1, 2]), zeros([1, 2], "int32"), 0, size)),
  takeAlongAxis: [
    () => f.takeAlongAxis(image(), tensor([0]), 0),
    () => f.takeAlongAxis(image(), zeros([2, 4, 5, 1], "int32"), 3),
  ],
  "nothing to choose from": [() => f.max(zeros([2, 0]), 1), () => f.min(zeros([0])), () => f.argmax(zeros([2, 0]), 1)],
  dropout: [-0.1, 1, 1.5, NaN].flatMap((p) => [
    () => f.dropout(image(), zeros([6], "int32"), p),
    () => new f.nn.Dropout(p),
  ]),
  "dropout state": [() => f.dropout(image(), zeros([5], "int32"), 0.5), () => f.dropout(image(), zeros([6]), 0.5)],
  "tensors made": noCount(0).flatMap((n) => [
    () => f.zeros([n]),
    () => f.ones([2, n]),
    () => f.full([n], 1),
    () => f.arange(n),
    () => tensor([1, 2], { shape: [n] }),
  ]),
  "sizes whose product passes 2^31 or 2^53": [
    () => f.zeros([2 ** 16, 2 ** 15]),
    () => f.zeros([2 ** 27, 2 ** 27]),
    () => f.zeros([2 ** 1000, 2 ** 1000]),
    () => f.zeros([2 ** 53, 0]),
    () => zeros([2 ** 16, 1]).add(zeros([1, 2 ** 15])),
    () => f.conv2d(zeros([1, 1, 1, 1]), zeros([1, 1, 1, 1]), null, { padding: 2 ** 15 }),
    () => f.conv2d(zeros([1, 1, 1, 1]), zeros([1, 1, 1, 1]), null, { padding: 2 ** 30 }),
  ],
  clamp: [() => f.clamp(image(), 1, 0), () => f.clamp(image(), NaN, 1)],
};

describeEngines("attributes outside their domain", () => {
  for (const [name, list] of Object.entries(calls)) {
    it(`${name}: ${list.length} calls are errors, and nothing runs`, () => {
      list.forEach((call) => {
        let result: unknown;
        let error: unknown;
        try {
          result = call();
        } catch (thrown) {
          error = thrown;
        }
        const what = `${call.toString().slice(0, 120)} gave ${error === undefined ? shown(result) : String(error)}`;
        expect(error instanceof ShapeError || error instanceof UsageError, what).toBe(true);
        expect((error as Error).message.length).toBeGreaterThan(15);
      });
    });
  }
});

const shown = (x: unknown) =>
  typeof x === "object" && x !== null && "shape" in x ? `a tensor [${String((x as Tensor).shape)}]` : String(x);

describe("a call with wrong attributes", () => {
  it("leaves no buffer behind on the engine", () => {
    const state = engineState("native");
    if (!("engine" in state)) return;
    const before = currentEngine().memory().liveBuffers;
    expect(() => f.conv2d(image(), weight(), null, { stride: 0 })).toThrow(UsageError);
    expect(currentEngine().memory().liveBuffers).toBe(before);
  });
});
