import { describe, expect, it } from "vitest";
import { compile, nn, noGrad, ones, rand, ShapeError, tensor, zeros, type Tensor } from "../index.ts";
import { BATCH_NORM_FOLDED, nearlyEqual } from "../testing/compiled.ts";
import { describeEngines } from "../testing/engines.ts";

class Block extends nn.Module {
  conv1 = new nn.Conv2d(2, 2, 3, { padding: 1, bias: false });
  bn1 = new nn.BatchNorm2d(2);

  forward(x: Tensor): Tensor {
    return this.bn1.forward(this.conv1.forward(x));
  }
}

class Net extends nn.Module {
  features = new nn.Sequential(new nn.Conv2d(1, 2, 3, { padding: 1 }), new nn.ReLU());
  layer1 = [new Block(), new Block()];
  inProjection = new nn.Linear(8, 4);
  scale = new nn.Parameter(ones([1]));
  notState = zeros([3]);

  forward(x: Tensor): Tensor {
    x = this.features.forward(x);
    for (const block of this.layer1) x = block.forward(x);
    return this.inProjection.forward(x.flatten(1)).mul(this.scale);
  }
}

const bn = (path: string) =>
  ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map((n) => path + n);

describe("module state", () => {
  it("has PyTorch's names in PyTorch's order: own tensors first, arrays by index, camel case as snake case", () => {
    expect([...new Net().stateDict().keys()]).toEqual([
      "scale",
      "features.0.weight",
      "features.0.bias",
      "layer1.0.conv1.weight",
      ...bn("layer1.0.bn1."),
      "layer1.1.conv1.weight",
      ...bn("layer1.1.bn1."),
      "in_projection.weight",
      "in_projection.bias",
    ]);
  });

  it("parameters, buffers and modules by name", () => {
    const net = new Net();
    expect([...net.namedBuffers().keys()].length).toBe(6);
    expect(net.parameters().length).toBe([...net.stateDict().keys()].length - 6);
    expect([...net.namedModules().keys()]).toEqual([
      "",
      "features",
      "features.0",
      "features.1",
      "layer1.0",
      "layer1.0.conv1",
      "layer1.0.bn1",
      "layer1.1",
      "layer1.1.conv1",
      "layer1.1.bn1",
      "in_projection",
    ]);
  });

  it("a shared parameter is one parameter, under all its names in the state", () => {
    const layer = new nn.Linear(2, 2);
    const twice = new nn.Sequential(layer, layer);
    expect(twice.parameters().length).toBe(2);
    expect([...twice.stateDict().keys()]).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
    expect(nn.countParameters(twice)).toBe(6);
  });

  it("a back reference is an error that names it", () => {
    const child = new Block() as Block & { parent?: nn.AnyModule };
    child.parent = new nn.Sequential({ child });
    expect(() => child.parameters()).toThrow(/Block: parent\.child leads back to an enclosing module.*#private/);
  });

  it("a Sequential of a record uses its names", () => {
    const net = new nn.Sequential({ conv0: new nn.Conv2d(1, 1, 1), norm0: new nn.BatchNorm2d(1, { affine: false }) });
    expect([...net.namedParameters().keys()]).toEqual(["conv0.weight", "conv0.bias"]);
    expect(net.forward(zeros([1, 1, 2, 2])).shape).toEqual([1, 1, 2, 2]);
  });

  it("freeze stops gradients to every parameter inside", () => {
    const net = new Net();
    net.layer1[0]!.freeze();
    const frozen = [...net.namedParameters()].filter(([, p]) => !p.requiresGrad).map(([name]) => name);
    expect(frozen).toEqual(["layer1.0.conv1.weight", "layer1.0.bn1.weight", "layer1.0.bn1.bias"]);
    net.freeze(false);
    expect(net.parameters().every((p) => p.requiresGrad)).toBe(true);
  });

  it("train and eval reach every module", () => {
    const net = new Net();
    expect(net.eval()).toBe(net);
    expect([...net.namedModules().values()].some((m) => m.training)).toBe(false);
    net.train();
    expect([...net.namedModules().values()].every((m) => m.training)).toBe(true);
  });

  it("prints as a tree", () => {
    expect(new nn.Sequential(new Block(), new nn.Flatten()).toString()).toBe(
      [
        "Sequential(",
        "  (0): Block(",
        "    (conv1): Conv2d(2, 2, kernelSize=3, padding=1, bias=false)",
        "    (bn1): BatchNorm2d(2)",
        "  )",
        "  (1): Flatten()",
        ")",
      ].join("\n"),
    );
  });
});

describeEngines("loadStateDict", () => {
  it("copies values, keeps the tensors, and a compiled function goes on with the new values", () => {
    const [a, b] = [new Net().eval(), new Net().eval()];
    const x = rand([2, 1, 2, 2]);
    const run = compile((t: Tensor) => noGrad(() => a.forward(t)));
    run(x);
    const before = a.parameters();
    expect(a.loadStateDict(b.stateDict())).toEqual({ missing: [], unexpected: [] });
    expect(a.parameters()).toEqual(before);
    nearlyEqual([run(x)], [noGrad(() => b.forward(x))], BATCH_NORM_FOLDED);
    expect(run.plans.size).toBe(1);
    // and they are copies: changing one leaves the other
    noGrad(() => b.scale.assign(tensor([7])));
    expect(Array.from(a.scale.storage.values())).toEqual([1]);
  });

  it("names everything that does not fit, with near names, and changes nothing", () => {
    const net = new nn.Sequential({ conv: new nn.Conv2d(1, 2, 3), fc: new nn.Linear(2, 2) });
    const values = new Map(net.stateDict());
    values.set("fc.wieght", values.get("fc.weight")!);
    values.delete("fc.weight");
    values.set("conv.bias", zeros([3]));
    values.set("conv.weight", zeros([2, 1, 3, 3]));
    values.set("__proto__", zeros([1]));
    const before = net.stateDict().get("conv.weight")!.storage.values().slice();
    expect(() => net.loadStateDict(values)).toThrow(
      "Sequential.loadStateDict: the values do not fit: missing 1: fc.weight (near: fc.wieght); " +
        "unexpected 2: fc.wieght (near: fc.weight), __proto__; wrong shape: conv.bias (wanted [2], got [3])",
    );
    expect(net.stateDict().get("conv.weight")!.storage.values()).toEqual(before);
    expect(() => net.loadStateDict(values, { strict: false })).toThrow(/do not fit: wrong shape: conv\.bias/);
    values.delete("conv.bias");
    expect(net.loadStateDict(values, { strict: false })).toEqual({
      missing: ["conv.bias", "fc.weight"],
      unexpected: ["fc.wieght", "__proto__"],
    });
    expect(
      net
        .stateDict()
        .get("conv.weight")!
        .storage.values()
        .every((v) => v === 0),
    ).toBe(true);
  });

  it("converts dtypes: counters come as floats from some files", () => {
    const bn = new nn.BatchNorm2d(1);
    bn.loadStateDict(new Map([...bn.stateDict(), ["num_batches_tracked", tensor(7)]]));
    expect(bn.numBatchesTracked!.storage.values()).toEqual(Int32Array.of(7));
  });
});

describe("errors in forward", () => {
  it("name the innermost layer by its path from the outermost", () => {
    expect(() => new Net().forward(zeros([1, 3, 2, 2]))).toThrow(ShapeError);
    expect(() => new Net().forward(zeros([1, 3, 2, 2]))).toThrow(
      /^layer features\.0 \(Conv2d\(1, 2, kernelSize=3, padding=1\)\): conv2d: /,
    );
    expect(() => new Net().forward(zeros([1, 1, 4, 4]))).toThrow(/^layer in_projection \(Linear\(8, 4\)\): /);
    expect(() => new nn.BatchNorm2d(3).forward(zeros([1, 2, 2, 2]))).toThrow(
      "BatchNorm2d(3): BatchNorm2d: wanted [N, 3, H, W], got [1, 2, 2, 2]",
    );
  });

  it("name it while compile records, too", () => {
    const net = new Net();
    expect(() => compile((x: Tensor) => net.forward(x))(zeros([1, 3, 2, 2]))).toThrow(/^layer features\.0/);
  });
});

describe("observeForward", () => {
  it("shows each module with its output, inner before outer, and only inside", () => {
    const net = new Net().eval();
    const seen: string[] = [];
    const x = zeros([1, 1, 2, 2]);
    const y = nn.observeForward(
      (module, output, inputs) => {
        seen.push(
          `${net.pathOf(module)} ${(inputs[0] as Tensor).shape.join("×")} → ${(output as Tensor).shape.join("×")}`,
        );
      },
      () => net.forward(x),
    );
    net.forward(x);
    expect(seen).toEqual([
      "features.0 1×1×2×2 → 1×2×2×2",
      "features.1 1×2×2×2 → 1×2×2×2",
      "features 1×1×2×2 → 1×2×2×2",
      "layer1.0.conv1 1×2×2×2 → 1×2×2×2",
      "layer1.0.bn1 1×2×2×2 → 1×2×2×2",
      "layer1.0 1×2×2×2 → 1×2×2×2",
      "layer1.1.conv1 1×2×2×2 → 1×2×2×2",
      "layer1.1.bn1 1×2×2×2 → 1×2×2×2",
      "layer1.1 1×2×2×2 → 1×2×2×2",
      "in_projection 1×8 → 1×4",
      " 1×1×2×2 → 1×4",
    ]);
    expect(y.shape).toEqual([1, 4]);
  });

  it("ends with an error, too", () => {
    const net = new nn.Identity();
    let calls = 0;
    expect(() =>
      nn.observeForward(
        () => calls++,
        () => {
          throw new Error("x");
        },
      ),
    ).toThrow("x");
    net.forward(zeros([1]));
    expect(calls).toBe(0);
  });
});
