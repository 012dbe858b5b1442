import { expect, it } from "vitest";
import { compile, concat, nn, noGrad, rand, type Tensor } from "../../index.ts";
import { withRecorder } from "../../tensor/apply.ts";
import { nearlyEqual } from "../../testing/compiled.ts";
import { describeEngines } from "../../testing/engines.ts";
import type { Graph } from "../graph.ts";
import { GraphRecorder } from "../recorder.ts";
import { deadCode } from "./deadCode.ts";
import { microBatch } from "./microBatch.ts";

const values = (t: Tensor) => Array.from(t.storage.values());

function recorded(fn: (x: Tensor) => Tensor | Tensor[], shape: readonly number[]): Graph {
  const recorder = new GraphRecorder();
  const y = withRecorder(recorder, () => noGrad(() => fn(recorder.input({ shape, dtype: "float32" }))));
  return microBatch(deadCode(recorder.finish([y].flat())));
}

/** How many images each call of an op treats. */
const images = (graph: Graph, op: string) =>
  graph.nodes.filter((node) => node.op.name === op).map(({ output }) => graph.values[output]!.shape[0]);

/** Large maps, then smaller ones, then a head, with a shortcut over a change of size. */
function network() {
  const [a, b] = [new nn.Conv2d(3, 16, 3, { padding: 1 }), new nn.Conv2d(16, 16, 3, { stride: 4, padding: 1 })];
  const bn = new nn.BatchNorm2d(16).eval();
  const short = new nn.Conv2d(16, 16, 1, { stride: 4 });
  const head = new nn.Linear(16, 5);
  return (x: Tensor) => {
    const y = bn.forward(a.forward(x)).relu();
    const z = b.forward(y).add(short.forward(y)).relu();
    return head.forward(z.maxPool2d(2).mean([2, 3]));
  };
}

it("large maps run for few images, small ones for all", () => {
  const graph = recorded(network(), [6, 3, 160, 160]);
  const convolutions = images(graph, "conv2d");
  expect(convolutions.filter((n) => n === 6)).toHaveLength(0);
  expect(convolutions.reduce<number>((sum, n) => sum + n!, 0)).toBe(3 * 6);
  expect(images(graph, "matmul")).toEqual([6]);
  expect(images(recorded(network(), [6, 3, 16, 16]), "conv2d")).toEqual([6, 6, 6]);
});

it("a 3×3 convolution has as many tiles as it takes for the algorithm of the whole batch", () => {
  const [first, deep] = [new nn.Conv2d(3, 64, 3, { padding: 1 }), new nn.Conv2d(64, 64, 3, { padding: 1 })];
  const net = (x: Tensor) => {
    const large = first.forward(x);
    return deep.forward(large.maxPool2d(16)).max([2, 3], true).add(large).relu();
  };
  for (const batch of [4, 6, 9, 16]) {
    const graph = recorded(net, [batch, 3, 128, 128]);
    const [large, small] = [128, 8].map((size) => {
      const found = graph.nodes.filter(
        ({ op, output }) => op.name === "conv2d" && graph.values[output]!.shape[2] === size,
      );
      return found.map(({ output }) => graph.values[output]!.shape[0]!);
    });
    expect(Math.max(...large!)).toBeLessThan(batch);
    expect(Math.min(...small!)).toBeGreaterThanOrEqual(4); // 4 tiles each, and 16 make it F4
  }
});

it("what mixes images, and what trains, stays whole", () => {
  const mixing = recorded(
    (x) =>
      x
        .exp()
        .sub(x.exp().mean([0], true))
        .relu()
        .neg(),
    [8, 3, 256, 256],
  );
  expect(images(mixing, "sub")).toEqual([8]);
  expect(images(mixing, "neg").length).toBeGreaterThan(1);
  const counter = rand([1]);
  const step = recorded(
    (x) => {
      counter.assign(counter.add(1));
      return x.exp().neg().relu();
    },
    [8, 3, 256, 256],
  );
  expect(images(step, "exp")).toEqual([8]);
});

describeEngines("a network that runs on a few images at a time", () => {
  it("gives the numbers of the whole batch", () => {
    const f = network();
    const x = rand([5, 3, 160, 160]);
    const inference = (t: Tensor) => noGrad(() => f(t));
    nearlyEqual([compile(inference)(x)], [inference(x)], 2e-5); // batch norm is in the weights, the shortcut in the sums
  });

  it("also with results in the middle, joins, and weights with as many rows as there are images", () => {
    const [first, second] = [rand([4, 3, 3, 3]), rand([4, 8, 1, 1])];
    const bias = rand([4, 1, 1, 1]);
    const f = (x: Tensor) => {
      const y = x.conv2d(first, undefined, { padding: 1 });
      const z = concat([y, y.relu()], 1)
        .conv2d(second)
        .add(bias.slice([0], [1]));
      return [y.softmax(1), z.permute([0, 2, 3, 1]).reshape([4, -1]).exp(), z.add(bias).max([2, 3]), x.neg().exp()];
    };
    const x = rand([4, 3, 256, 256]);
    expect(compile(f)(x).map(values)).toEqual(f(x).map(values));
  });
});
