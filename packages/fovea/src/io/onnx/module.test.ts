import { describe, expect, it } from "vitest";
import { compile, nn, noGrad, optim, tensor, type Tensor } from "../../index.ts";
import { describeEngines } from "../../testing/engines.ts";
import { graphProto, node, onnxModel, stored } from "../../testing/onnxModel.ts";
import { loadOnnx } from "./module.ts";

const values = (x: Tensor) => [...x.storage.values()];

/** y = x · w + b, then running statistics. */
const small = () =>
  onnxModel({
    inputs: [["x", "float32", ["n", 2]]],
    outputs: ["y"],
    initializers: [stored("Layer.weight", "float32", [2, 1], [3, -1]), stored("layer.bias", "float32", [1], [0.5])],
    nodes: [node("MatMul", ["x", "Layer.weight"], ["p"]), node("Add", ["p", "layer.bias"], ["y"])],
  });

describe("loadOnnx", () => {
  it("makes float weights parameters under their names, which a capital first letter keeps as they are", () => {
    const model = loadOnnx(small(), "small.onnx");
    expect([...model.namedParameters().keys()]).toEqual(["Layer.weight", "layer.bias"]);
    expect(model.describe()).toBe("OnnxModel(x: float32 [n, 2] → y: float32 […], 2 nodes, opset 17)");
  });

  it("keeps names apart that are fields of a module or differ only in case", () => {
    const model = loadOnnx(
      onnxModel({
        inputs: [["x", "float32", [1]]],
        outputs: ["y"],
        initializers: ["forward", "__proto__", "a", "A"].map((name) => stored(name, "float32", [1], [1])),
        nodes: [node("Sum", ["x", "forward", "__proto__", "a", "A"], ["y"])],
      }),
      "names.onnx",
    );
    expect([...model.stateDict().keys()].toSorted()).toEqual(["A_", "__proto___", "a", "forward_"]);
    expect(values(model.forward(tensor([5])))).toEqual([9]);
  });

  it("gives several outputs by name, and says so when forward is called", () => {
    const model = loadOnnx(
      onnxModel({
        inputs: [["x", "float32", [2]]],
        outputs: ["up", "down"],
        nodes: [node("Exp", ["x"], ["up"]), node("Neg", ["x"], ["down"])],
      }),
      "two.onnx",
    );
    expect(values(model.run(tensor([1, 2]))["down"]!)).toEqual([-1, -2]);
    expect(() => model.forward(tensor([1, 2]))).toThrow("two.onnx has 2 outputs (up, down); call run()");
  });

  it("names operator, node, opset and where to look when an operator is missing", () => {
    const bytes = onnxModel({ outputs: ["y"], nodes: [node("Loop", [], ["y"])] });
    expect(() => loadOnnx(bytes, "m.onnx")).toThrow(
      /m\.onnx: operator Loop \(node "y", opset 17\): it is not supported.*docs\/onnx\.md/,
    );
  });

  it("refuses names used before they are defined, defined twice, or never", () => {
    const refuse = (nodes: ReturnType<typeof node>[], output = "y") =>
      expect(() => loadOnnx(onnxModel({ inputs: [["x", "float32", [1]]], outputs: [output], nodes }), "m"));
    refuse([node("Neg", ["z"], ["y"])]).toThrow('uses "z", which nothing before it defines');
    refuse([node("Neg", ["x"], ["y"]), node("Exp", ["x"], ["y"])]).toThrow('two values are named "y"');
    refuse([node("Neg", ["x"], ["y"])], "q").toThrow('nothing defines the output "q"');
  });

  it("tells wrong inputs apart: how many, which shape, which type", () => {
    const model = loadOnnx(small(), "small.onnx");
    expect(() => model.forward()).toThrow("takes 1 inputs (x), got 0");
    expect(() => model.forward(tensor([[1, 2, 3]]))).toThrow("input x must be [n, 2], got [1, 3]");
    expect(() => model.forward(tensor(Int32Array.of(1, 2), { shape: [1, 2] }))).toThrow("must be float32");
  });

  it("names the node in errors of shapes", () => {
    const bytes = onnxModel({
      inputs: [["x", "float32", ["n"]]],
      outputs: ["y"],
      initializers: [stored("w", "float32", [2], [1, 2])],
      nodes: [node("Add", ["x", "w"], ["y"])],
    });
    expect(() => loadOnnx(bytes, "m").forward(tensor([1, 2, 3]))).toThrow(
      /m: node "y" \(Add\): .*\[3\] and \[2\] do not broadcast/,
    );
  });
});

describeEngines("ONNX models", () => {
  it("fold shape arithmetic, so that compile records one program", () => {
    const model = loadOnnx(
      onnxModel({
        inputs: [["x", "float32", ["n", 2, 3]]],
        outputs: ["y"],
        initializers: [
          stored("zero", "int64", [], [0]),
          stored("rest", "int64", [1], [-1]),
          stored("axes", "int64", [1], [0]),
        ],
        nodes: [
          node("Shape", ["x"], ["shape"]),
          node("Gather", ["shape", "zero"], ["n"]),
          node("Unsqueeze", ["n", "axes"], ["n1"]),
          node("Concat", ["n1", "rest"], ["wanted"], { axis: 0 }),
          node("Reshape", ["x", "wanted"], ["y"]),
        ],
      }),
      "shapes.onnx",
    );
    const f = compile((x: Tensor) => model.forward(x));
    const x = tensor(
      Float32Array.from({ length: 12 }, (_, i) => i),
      { shape: [2, 2, 3] },
    );
    expect(f(x).shape).toEqual([2, 6]);
    expect([...f.plans.values()][0]!.graph.nodes.map(({ op }) => op.name)).toEqual(["reshape"]);
  });

  it("follow the branch of If whose condition is constant", () => {
    const branch = (value: number) => ({
      graph: graphProto({
        outputs: ["v"],
        initializers: [stored("c", "float32", [1], [value])],
        nodes: [node("Add", ["x", "c"], ["v"])],
      }),
    });
    const model = loadOnnx(
      onnxModel({
        inputs: [["x", "float32", ["n"]]],
        outputs: ["y"],
        nodes: [
          node("Size", ["x"], ["size"]),
          node("Constant", [], ["two"], { value_int: 2 }),
          node("Less", ["size", "two"], ["short"]),
          node("If", ["short"], ["y"], { then_branch: branch(10), else_branch: branch(20) }),
        ],
      }),
      "if.onnx",
    );
    const f = compile((x: Tensor) => model.forward(x));
    expect(values(f(tensor([1])))).toEqual([11]);
    expect(values(f(tensor([1, 2])))).toEqual([21, 22]);
  });

  it("say what compile cannot record", () => {
    const model = loadOnnx(
      onnxModel({
        inputs: [
          ["x", "float32", [2]],
          ["shape", "int64", [2]],
        ],
        outputs: ["y"],
        nodes: [node("Reshape", ["x", "shape"], ["y"])],
      }),
      "dynamic.onnx",
    );
    const shape = tensor(Int32Array.of(2, 1));
    expect(model.forward(tensor([1, 2]), shape).shape).toEqual([2, 1]);
    const f = compile((x: Tensor, s: Tensor) => model.forward(x, s));
    expect(() => f(tensor([1, 2]), shape)).toThrow(
      /shape depends on values computed by the graph, which compile\(\) cannot record/,
    );
  });

  it("wrap narrow integers in their own width, and divide integers exactly", () => {
    const run = (op: string, type: "int8" | "uint8" | "int32", a: number[], b: number[]) => {
      const shape = [a.length];
      const inputs = [["a", type, shape] as const, ["b", type, shape] as const];
      const model = loadOnnx(onnxModel({ inputs, outputs: ["y"], nodes: [node(op, ["a", "b"], ["y"])] }), op);
      return values(model.forward(tensor(Int32Array.from(a)), tensor(Int32Array.from(b))));
    };
    expect(run("Add", "int8", [127, -128, 5], [1, -1, 6])).toEqual([-128, 127, 11]);
    expect(run("Mul", "uint8", [200, 16, 3], [2, 16, 5])).toEqual([144, 0, 15]);
    // truncation towards 0, beyond the 24 bits of float32
    const a = [7, -7, 2147483647, -2147483647, 2147483646, 16777217, 1000000007];
    const b = [-2, 2, 3, 3, 2147483647, 16777216, 10007];
    expect(run("Div", "int32", a, b)).toEqual(a.map((v, i) => Math.trunc(v / b[i]!) + 0));
  });

  it("clamp the ends of slices that stand for infinity", () => {
    const model = loadOnnx(
      onnxModel({
        inputs: [["x", "float32", [4]]],
        outputs: ["y"],
        initializers: [
          stored("s", "int64", [1], [-1]),
          stored("e", "int64", [1], [-(2 ** 62)]),
          stored("a", "int64", [1], [0]),
        ],
        nodes: [node("Slice", ["x", "s", "e", "a", "s"], ["y"])],
      }),
      "slice.onnx",
    );
    expect(values(model.forward(tensor([1, 2, 3, 4])))).toEqual([4, 3, 2, 1]);
  });

  it("refuse integers that do not fit 32 bits instead of rounding them", () => {
    const model = loadOnnx(
      onnxModel({
        inputs: [["x", "int64", [1]]],
        outputs: ["y"],
        initializers: [stored("big", "int64", [1], [2 ** 40])],
        nodes: [node("Add", ["x", "big"], ["y"])],
      }),
      "big.onnx",
    );
    expect(() => model.forward(tensor(Int32Array.of(1)))).toThrow(
      "the int64 value 1099511627776 does not fit the 32-bit integers",
    );
  });

  it("train: gradients reach the weights, and running statistics follow the batch", () => {
    const model = loadOnnx(
      onnxModel({
        inputs: [["x", "float32", ["n", 2]]],
        outputs: ["y"],
        initializers: [
          stored("w", "float32", [1, 2], [0, 0]),
          stored("b", "float32", [1], [0]),
          stored("scale", "float32", [2], [1, 1]),
          stored("shift", "float32", [2], [0, 0]),
          stored("mean", "float32", [2], [0, 0]),
          stored("var", "float32", [2], [1, 1]),
        ],
        nodes: [
          node("BatchNormalization", ["x", "scale", "shift", "mean", "var"], ["h"]),
          node("Gemm", ["h", "w", "b"], ["y"], { transB: 1 }),
        ],
      }),
      "train.onnx",
    );
    expect([...model.namedBuffers().keys()]).toEqual(["mean", "var"]);
    const x = tensor([
      [1, 0],
      [0, 2],
      [3, 1],
      [2, 2],
    ]);
    const before = values(model.forward(x));
    expect(before).toEqual([0, 0, 0, 0]); // inference until train() is called
    model.train();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const target = tensor([[1], [2], [3], [4]]);
    const step = compile((input: Tensor) => {
      const loss = nn.mseLoss(model.forward(input), target);
      loss.backward();
      optimizer.step();
      return loss;
    });
    const losses = Array.from({ length: 20 }, () => values(step(x))[0]!);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 4);
    // after 20 steps with momentum 0.9 the mean is (1 − 0.9²⁰) · 1.5
    expect(values(model.namedBuffers().get("mean")!)[0]).toBeCloseTo(1.5 * (1 - 0.9 ** 20), 5);
    model.eval();
    noGrad(() => model.forward(x));
  });
});
