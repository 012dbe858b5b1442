import { expect, it } from "vitest";
import { models, nn, optim, tensor } from "../index.ts";

const model = new nn.Sequential({
  first: new nn.Conv2d(1, 2, 3),
  body: new nn.Sequential(new nn.Conv2d(2, 2, 3), new nn.BatchNorm2d(2)),
  last: new nn.Linear(2, 3),
});

/** Names instead of parameters. */
function named(of: nn.Module, groups: optim.LayerGroup[]) {
  const names = new Map([...of.namedParameters()].map(([name, p]) => [p, name]));
  return groups.map(({ params, ...rest }) => [params.map((p) => names.get(p)!).join(" "), rest]);
}

it("rates fall from stage to stage towards the input", () => {
  expect(named(model, optim.parameterGroups(model, { decay: 0.5 }))).toEqual([
    ["first.weight first.bias", { lrScale: 0.25 }],
    ["body.0.weight body.0.bias body.1.weight body.1.bias", { lrScale: 0.5 }],
    ["last.weight last.bias", { lrScale: 1 }],
  ]);
});

it("stages can be named, and biases and norms are spared the decay", () => {
  expect(
    named(model, optim.parameterGroups(model, { lr: 0.1, decay: 0.1, stages: ["body.0"], weightDecay: 0.01 })),
  ).toEqual([
    ["first.weight body.0.weight", { lr: 0.1, lrScale: 0.1, weightDecay: 0.01 }],
    ["first.bias body.0.bias", { lr: 0.1, lrScale: 0.1, weightDecay: 0 }],
    ["last.weight", { lr: 0.1, lrScale: 1, weightDecay: 0.01 }],
    ["body.1.weight body.1.bias last.bias", { lr: 0.1, lrScale: 1, weightDecay: 0 }],
  ]);
  expect(() => optim.parameterGroups(model, { stages: ["bodi"] })).toThrow('no module "bodi"; did you mean "body"?');
  expect(() => optim.parameterGroups(model, { decay: 0 })).toThrow(/decay must be above 0/);
});

it("every parameter of a network of the zoo is in one group", () => {
  for (const name of ["squeezenet1.0.torchvision", "resnet20.cifar"] as const) {
    const network = models.create(name, { numClasses: 2 });
    const groups = optim.parameterGroups(network, { decay: 0.4, weightDecay: 1e-4 });
    const all = groups.flatMap(({ params }) => params);
    expect(new Set(all)).toEqual(new Set(network.parameters()));
    expect(all.length).toBe(network.parameters().length);
    expect(new Set(groups.map(({ lrScale }) => lrScale)).size).toBe(network.stages.length + 1);
  }
});

it("an optimizer moves the stages by their shares", () => {
  const two = new nn.Sequential({ a: new Scale(), b: new Scale() });
  const optimizer = new optim.SGD(optim.parameterGroups(two, { decay: 0.5 }), { lr: 0.5 });
  optimizer.minimize(two.parameters().reduce((sum, p) => sum.add(p.sum()), tensor(0)));
  expect(two.parameters().map((p) => p.storage.values()[0])).toEqual([0.75, 0.5]);
});

class Scale extends nn.Module {
  readonly value = new nn.Parameter(tensor([1]));

  forward(x: never): never {
    return x;
  }
}
