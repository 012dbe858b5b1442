import { describe, expect, it } from "vitest";
import { init, manualSeed, models, nn, optim, randn, tensor, UsageError } from "../index.ts";
import { skipInit } from "../nn/initFill.ts";

await init();

/** Parameters of each strategy: by hand from the layers' sizes. */
describe("what learns, exactly", () => {
  it.each<[models.ModelName, number, number, number]>([
    // 4096 · 1000 + 1000; three layers: 25088 · 4096 + 4096, 4096 · 4096 + 4096, and the last
    ["vgg16", 138_357_544, 123_642_856, 4_097_000],
    ["resnet50.torchvision", 25_557_032, 2_049_000, 2_049_000],
    ["inceptionv3.torchvision", 23_834_568, 2_049_000, 2_049_000],
    ["squeezenet1.0.torchvision", 1_248_424, 513_000, 513_000],
    ["densenet121", 7_978_856, 1_025_000, 1_025_000],
  ])("%s", (name, total, head, last) => {
    const model = skipInit(() => models.create(name)) as models.ImageClassifier;
    expect(models.tuningCounts(model)).toEqual({
      all: { total, trainable: total, frozen: 0 },
      head: { total, trainable: head, frozen: total - head },
      last: { total, trainable: last, frozen: total - last },
      none: { total, trainable: 0, frozen: total },
    });
  });

  it("with another head, and from a layer on", () => {
    const vgg = skipInit(() => models.create("vgg16"));
    expect(models.prepareFineTuning(vgg, { numClasses: 5 })).toEqual({
      total: 14_714_688 + 119_566_341,
      trainable: 119_566_341,
      frozen: 14_714_688,
    });
    const resnet = skipInit(() => models.create("resnet50.torchvision"));
    const { trainable, frozen } = models.prepareFineTuning(resnet, { numClasses: 5, train: { from: "layer4" } });
    expect([trainable, frozen]).toEqual([14_964_736 + 10_245, 8_543_296]);
    expect(models.trainable(resnet)).toContain(resnet.fc.weight);
    expect(models.prepareFineTuning(resnet, { train: "all" }).frozen).toBe(0);
  });

  it("says what it does not know", () => {
    const model = skipInit(() => models.create("resnet20.cifar"));
    expect(() => models.prepareFineTuning(model, { numClasses: 3, train: { from: "layer8" } })).toThrow(UsageError);
    expect(() => models.prepareFineTuning(model, { numClasses: 3, train: { from: "layer8" } })).toThrow(
      /did you mean "layer\d"/,
    );
    expect(() => models.prepareFineTuning(model, { train: "some" as "all" })).toThrow(/train is all, head, last, none/);
    expect(model.classifier.parameters().length).toBeGreaterThan(0);
  });
});

it("a step changes what learns and nothing else, batch statistics included", async () => {
  manualSeed(1);
  const model = models.create("resnet20.cifar");
  models.prepareFineTuning(model, { numClasses: 3, train: { from: "layer3" } });
  const before = new Map<string, ArrayLike<number>>();
  for (const [name, value] of model.stateDict()) before.set(name, await value.data());
  const optimizer = new optim.SGD(models.trainable(model), { lr: 0.1, momentum: 0.9 });
  model.train();
  const loss = new nn.CrossEntropyLoss().forward(
    model.forward(randn([4, 3, 32, 32])),
    tensor(Int32Array.of(0, 1, 2, 0)),
  );
  loss.backward();
  optimizer.step();
  for (const [name, value] of model.stateDict()) {
    const now = await value.data();
    const changed = Array.from(now).some((v, i) => v !== before.get(name)![i]);
    expect(changed, name).toBe(/^(layer3|linear|fc)/.test(name));
  }
});
