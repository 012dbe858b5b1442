import { describe, expect, it } from "vitest";
import { countMacs, manualSeed, models, nn, optim, rand, tensor, type Tensor } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";
import { digitStencils } from "./lenet5-1998.ts";

describe("lenet5", () => {
  it("d2l: 61,706 parameters and 416,520 multiply–accumulates (Dive into Deep Learning, section 7.6)", () => {
    for (const pooling of ["max", "avg"] as const) {
      for (const activation of ["relu", "sigmoid", "tanh"] as const) {
        const model = models.create("lenet5", { pooling, activation });
        expect(models.countParameters(model)).toBe(61_706);
        expect(countMacs((x) => model.forward(x), [1, 1, 28, 28])).toBe(416_520);
      }
    }
  });

  it("rgb: 62,006 parameters and 651,720 multiply–accumulates on 3×32×32", () => {
    const model = models.lenet5({ variant: "rgb" });
    expect(models.countParameters(model)).toBe(62_006);
    expect(countMacs((x) => model.forward(x), [1, ...models.inputShape("lenet5", { variant: "rgb" })])).toBe(651_720);
  });

  it("original: the parameters and connections of the paper, layer by layer", () => {
    const model = new models.LeNet5Original();
    const parameters = [...model.namedModules()]
      .filter(([path]) => path !== "")
      .map(([path, m]) => [path, nn.countParameters(m)]);
    expect(parameters).toEqual([
      ["c1", 156],
      ["s2", 12],
      ["c3", 1_516],
      ["s4", 32],
      ["c5", 48_120],
      ["f6", 10_164],
      ["output", 0],
    ]);
    expect(models.countParameters(model)).toBe(60_000);
    const connections = models.countConnections(model);
    expect([...connections]).toEqual([
      ["c1", 122_304],
      ["s2", 5_880],
      ["c3", 151_600],
      ["s4", 2_000],
      ["c5", 48_120],
      ["f6", 10_164],
      ["output", 840],
    ]);
    expect([...connections.values()].reduce((a, b) => a + b)).toBe(340_908);
  });

  it("the stencils are ten different pictures of 7×12 in −1 and 1", () => {
    const stencils = digitStencils();
    expect(stencils.map((s) => s.length)).toEqual(Array.from({ length: 10 }, () => 84));
    expect(stencils.flat().every((v) => v === 1 || v === -1)).toBe(true);
    expect(new Set(stencils.map(String)).size).toBe(10);
    // the 1, as one sees it
    const picture = Array.from({ length: 12 }, (_, r) =>
      stencils[1]!
        .slice(7 * r, 7 * r + 7)
        .map((v) => (v > 0 ? "#" : "."))
        .join(""),
    );
    expect(picture.slice(0, 4)).toEqual(["...##..", "..###..", ".####..", "...##.."]);
  });

  it("state names are those of the PyTorch tutorials", () => {
    const keys = ["conv1", "conv2", "fc1", "fc2", "fc3"].flatMap((n) => [`${n}.weight`, `${n}.bias`]);
    expect([...models.create("lenet5").stateDict().keys()]).toEqual(keys);
  });

  it("an unknown name is an error with a near one; the original has ten classes", () => {
    expect(() => models.create("lenet-5" as "lenet5")).toThrow(
      'there is no model "lenet-5"; did you mean "lenet5"? models.list() (fovea zoo) has all names',
    );
    expect(() => models.create("lenet5", { variant: "original", numClasses: 5 })).toThrow(/an output per digit/);
    expect(models.create("lenet5", { numClasses: 3 }).forward(rand([1, 1, 28, 28])).shape).toEqual([1, 3]);
  });
});

describeEngines("lenet5", () => {
  for (const variant of ["d2l", "rgb", "original"] as const) {
    it(`${variant}: gives [N, 10] and learns two images`, () => {
      manualSeed(1);
      const model = models.create("lenet5", { variant });
      const x = rand([2, ...models.inputShape("lenet5", { variant })]);
      const y = tensor(Int32Array.of(3, 1));
      const optimizer = new optim.Adam(model.parameters(), { lr: variant === "original" ? 0.0003 : 0.003 });
      const losses: number[] = [];
      for (let i = 0; i < 4; i++) {
        const scores = model.forward(x);
        expect(scores.shape).toEqual([2, 10]);
        const loss = nn.crossEntropy(scores, y);
        losses.push(loss.storage.values()[0]!);
        optimizer.minimize(loss);
      }
      expect(losses.at(-1)).toBeLessThan(losses[0]!);
    });
  }

  it("original: C3 sees the maps of table I and no others", () => {
    const { c3 } = new models.LeNet5Original();
    const seen = (map: number) => {
      const values = new Float32Array(6 * 25);
      values.fill(1, map * 25, map * 25 + 25);
      const one = c3.forward(tensor(values, { shape: [1, 6, 5, 5] })).sub(c3.bias.reshape([1, 16, 1, 1])) as Tensor;
      return Array.from(one.storage.values(), (v) => (Math.abs(v) > 1e-7 ? "X" : "."));
    };
    // Table I of the paper, a row per map of S2
    expect([0, 1, 2, 3, 4, 5].map((map) => seen(map).join(""))).toEqual([
      "X...XXX..XXXX.XX",
      "XX...XXX..XXXX.X",
      "XXX...XXX..X.XXX",
      ".XXX..XXXX..X.XX",
      "..XXX..XXXX.XX.X",
      "...XXX..XXXX.XXX",
    ]);
  });

  it("original: the output is minus the squared distance to each stencil", () => {
    const { output } = new models.LeNet5Original();
    const stencils = digitStencils();
    const d = output.forward(tensor([stencils[7]!])).storage.values();
    stencils.forEach((s, k) => {
      const differing = s.filter((v, i) => v !== stencils[7]![i]).length;
      expect(d[k]).toBeCloseTo(4 * differing, 3);
    });
  });
});
