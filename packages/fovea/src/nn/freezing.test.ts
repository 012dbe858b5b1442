import { expect, it } from "vitest";
import { models, nn, optim, randn } from "../index.ts";

const network = () =>
  new nn.Sequential({
    stem: new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.BatchNorm2d(2)),
    body: new nn.Conv2d(2, 2, 3),
    act: new nn.ReLU(),
    head: new nn.Conv2d(2, 1, 1),
  });
const learning = (model: nn.Module) =>
  [...model.namedParameters()].filter(([, p]) => p.requiresGrad).map(([name]) => name);

it("freeze and unfreeze take layers by path, or the whole network", () => {
  const model = network();
  nn.freeze(model);
  expect(learning(model)).toEqual([]);
  nn.unfreeze(model, "body", "stem.1");
  expect(learning(model)).toEqual(["stem.1.weight", "stem.1.bias", "body.weight", "body.bias"]);
  nn.unfreeze(model);
  nn.freeze(model, "stem");
  expect(learning(model)).toEqual(["body.weight", "body.bias", "head.weight", "head.bias"]);
});

it("freezeTo freezes what comes before a layer, also one without parameters", () => {
  const model = network();
  nn.freezeTo(model, "body");
  expect(learning(model)).toEqual(["body.weight", "body.bias", "head.weight", "head.bias"]);
  nn.freezeTo(model, "act");
  expect(learning(model)).toEqual(["head.weight", "head.bias"]);
  nn.freezeTo(model, "stem.1");
  expect(learning(model)[0]).toBe("stem.1.weight");
  const resnet = models.create("resnet20.cifar");
  nn.freezeTo(resnet, "layer3");
  expect(learning(resnet).every((name) => /^(layer3|linear|fc)/.test(name))).toBe(true);
  expect(() => nn.freezeTo(model, "bode")).toThrow('Sequential has no layer "bode"; did you mean "body"?');
});

it("a frozen batch norm keeps its bits while the rest trains", () => {
  const model = network();
  nn.freeze(model, "stem");
  const state = () => [...model.stateDict()].map(([name, t]) => [name, Array.from(t.storage.values())] as const);
  const before = new Map(state());
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 0.1 });
  for (let i = 0; i < 3; i++)
    optimizer.minimize(
      model
        .train()
        .forward(randn([4, 1, 8, 8]))
        .square()
        .mean(),
    );
  for (const [name, now] of state()) {
    if (name.startsWith("stem")) expect(now, name).toEqual(before.get(name));
    else expect(now, name).not.toEqual(before.get(name));
  }
});
