// The five examples of Keras Applications: classify, features, features of any layer, other classes, another input.
// Weights are taken from the cache where they are (fovea predict resnet50.imagenet1k-v2 photo.jpg fetches them); else
// they are drawn from a seed, so that everything runs without a network. PHOTO=elephant.jpg gives it something to see.
import assert from "node:assert/strict";
import { crossEntropy, features, manualSeed, models, nn, noGrad, optim, rand, relu, tensor } from "fovea";
import { decodePredictions, preprocessImages, preprocessInput, readImage, type RgbImage } from "fovea/data";

manualSeed(0);

/** Published weights, if they are in the cache. */
const orSeeded = <M>(loading: Promise<{ model: M }>, seeded: () => M): Promise<M> =>
  loading.then(
    ({ model }) => model,
    () => seeded(),
  );

/** 0 … 255 of a pattern, where no photo is given. */
function pattern(width: number, height: number): RgbImage {
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * i + 31 * (i % width)) % 256);
  return { width, height, pixels };
}
const { PHOTO } = process.env;
const photo = PHOTO === undefined ? pattern(320, 240) : await readImage(PHOTO);

// 1. Classify ImageNet classes with ResNet-50.
const resnet = await orSeeded(models.load("resnet50.imagenet1k-v2", { offline: true }), () =>
  models.create("resnet50.torchvision"),
);
const { preprocessing } = models.weightsInfo("resnet50.imagenet1k-v2");
const x = preprocessImages([photo], preprocessing); // [1, 3, 224, 224]
const predict = resnet.compile();
const [best] = await decodePredictions(predict(x).softmax(1), 3);
console.log(best!.map(({ synset, name, score }) => `${synset} ${name} ${(100 * score).toFixed(1)} %`).join(", "));
assert.equal(best!.length, 3);

// 2. Extract features with VGG-16, without its top.
const vgg16 = models.create("vgg16", { includeTop: false });
assert.deepEqual(noGrad(() => vgg16.forward(x)).shape, [1, 512, 7, 7]);
assert.equal(models.countParameters(vgg16), 14_714_688);

// 3. Extract features from any layer of VGG-19: Keras' block4_pool is the 28th layer here.
const vgg19 = models.create("vgg19", { includeTop: false });
const block4 = features(vgg19, "features.27");
assert.deepEqual(noGrad(() => block4.forward(x))["features.27"].shape, [1, 512, 14, 14]);
assert.equal(models.countParameters(block4), 10_585_152); // what comes after is left out

// 4. Fine-tune Inception v3 on new classes: first a new top on a frozen base, then the last two blocks with it.
class Flowers extends nn.Module {
  base = models.create("inceptionv3.torchvision", { includeTop: false, globalPooling: "avg" });
  hidden = new nn.Linear(2048, 1024);
  classes = new nn.Linear(1024, 5);

  override forward(images: ReturnType<typeof rand>) {
    return this.classes.forward(relu(this.hidden.forward(this.base.forward(images))));
  }
}
const flowers = new Flowers();
const images = rand([2, 3, 96, 96]);
const labels = tensor(Int32Array.of(0, 3));
/** Some steps on the same images; the loss before the last one. */
async function train(optimizer: optim.SGD): Promise<number> {
  let loss = Infinity;
  for (let step = 0; step < 5; step++) {
    const now = crossEntropy(flowers.forward(images), labels);
    optimizer.minimize(now);
    loss = await now.item();
  }
  return loss;
}
await nn.recomputeBatchNorm(flowers.base, [images]); // seeded weights have no statistics yet
flowers.base.freeze(); // its batch norms keep their statistics too
const before = await crossEntropy(flowers.forward(images), labels).item();
assert.equal(models.parameterCounts(flowers).trainable, 2048 * 1024 + 1024 + 1024 * 5 + 5);
const top = await train(new optim.SGD(models.trainable(flowers), { lr: 1e-3 }));
for (const block of [flowers.base.Mixed_7b, flowers.base.Mixed_7c]) block.freeze(false);
const after = await train(new optim.SGD(models.trainable(flowers), { lr: 1e-4, momentum: 0.9 }));
console.log(
  `loss ${before.toFixed(3)}, with a new top ${top.toFixed(3)}, with the last two blocks ${after.toFixed(3)}`,
);
assert.ok(top < before && after < top);

// 5. Inception v3 over a custom input: any size, and any tensor that comes from somewhere else.
const inception = models.create("inceptionv3.torchvision").eval();
const input = preprocessInput(rand([1, 3, 224, 224]).mul(255), "tf"); // −1 … 1
assert.deepEqual(noGrad(() => inception.forward(input)).shape, [1, 1000]);
