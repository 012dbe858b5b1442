import { expect, it } from "vitest";
import { compile, keras, rand, type Tensor } from "../../index.ts";
import { withRecorder } from "../../tensor/apply.ts";
import { describeEngines } from "../../testing/engines.ts";
import { GraphRecorder } from "../recorder.ts";
import { passes } from "./index.ts";

const recorded = (fn: (x: Tensor) => Tensor | Tensor[], shape: readonly number[]) => {
  const recorder = new GraphRecorder();
  const y = withRecorder(recorder, () => fn(recorder.input({ shape, dtype: "float32" })));
  return passes.reduce((graph, pass) => pass(graph), recorder.finish([y].flat()));
};
const names = (fn: (x: Tensor) => Tensor | Tensor[], shape: readonly number[] = [1, 2, 3, 4]) =>
  recorded(fn, shape).nodes.map(({ op }) => op.name);
const [last, first] = [
  [0, 2, 3, 1],
  [0, 3, 1, 2],
] as const;

it("a permutation and its inverse vanish, also several in a row", () => {
  expect(names((x) => x.relu().permute(last).permute(first).exp())).toEqual(["relu", "exp"]);
  expect(names((x) => x.relu().permute(last).permute(first).permute(last).permute(first))).toEqual(["relu"]);
  expect(names((x) => x.relu().permute(last).permute(last).permute(last))).toHaveLength(4);
});

it("a permutation that others read stays", () => {
  expect(
    names((x) => {
      const y = x.relu().permute(last);
      return [y.permute(first).exp(), y];
    }),
  ).toEqual(["relu", "exp", "permute"]);
});

it("between Keras layers nothing is permuted", () => {
  const model = new keras.Sequential([
    keras.Input({ shape: [8, 8, 3] }),
    new keras.Conv2D({ filters: 4, kernelSize: 3, activation: "relu" }),
    new keras.BatchNormalization(),
    new keras.MaxPooling2D(),
    new keras.Conv2D({ filters: 4, kernelSize: 3, padding: "same" }),
  ]).eval();
  const ops = names((x) => model.forward(x), [1, 8, 8, 3]);
  expect(ops.filter((name) => name === "permute")).toHaveLength(2); // at the edges
});

describeEngines("permutations that cancel", () => {
  it("compiled equals eager, gradients too", () => {
    const f = (x: Tensor) => x.mul(2).permute(last).permute(first).mul(x).permute(last).exp();
    const x = rand([2, 3, 4, 5]);
    const values = (t: Tensor) => Array.from(t.storage.values());
    expect(values(compile(f)(x))).toEqual(values(f(x)));
  });
});
