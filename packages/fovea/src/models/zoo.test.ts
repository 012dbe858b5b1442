import { describe, expect, it } from "vitest";
import { countMacs, models, noGrad, type Tensor } from "../index.ts";
import { recordShapes } from "../graph/macs.ts";
import { skipInit } from "../nn/init.ts";
import { observeForward, type Module } from "../nn/module.ts";

/**
 * Parameters and multiply–accumulates (convolutions and linear layers only) of one image. Parameters are torchvision's
 * `num_params` or the published ones; multiply–accumulates come from independent per-layer counters (hooks on
 * torchvision's modules, whose sums round to its `_ops`, and sums over the tables of the papers).
 */
const counts = {
  "alexnet.original": [60_965_224, 724_406_816],
  "alexnet.torchvision": [61_100_840, 714_188_480],
  "alexnet.ungrouped": [62_378_344, 1_135_256_096],
  "convnext-base.torchvision": [88_591_464, 15_354_729_472],
  "convnext-small.torchvision": [50_223_688, 8_683_712_256],
  "convnext-tiny.torchvision": [28_589_128, 4_455_531_264],
  "cuda-convnet.18pct": [89_578, 12_298_240],
  "cuda-convnet.19pct": [89_578, 12_298_240],
  "cuda-convnet.80sec": [145_578, 12_354_176],
  "cuda-convnet.conv-local-11pct": [1_901_386, 32_919_552],
  "cuda-convnet.conv-local-13pct": [1_901_386, 32_919_552],
  densenet121: [7_978_856, 2_834_161_664],
  densenet161: [28_681_000, 7_727_907_072],
  densenet169: [14_149_480, 3_359_843_328],
  densenet201: [20_013_928, 4_291_365_888],
  "efficientnet-b0.torchvision": [5_288_548, 385_814_752],
  "efficientnet-b1.torchvision": [7_794_184, 686_802_832],
  "efficientnet-b2.torchvision": [9_109_994, 1_087_529_456],
  "efficientnet-b3.torchvision": [12_233_232, 1_827_141_392],
  "efficientnet-b4.torchvision": [19_341_616, 4_393_771_024],
  "googlenet.paper": [6_998_552, 1_582_671_872],
  "googlenet.paper.aux": [13_378_280, 1_582_671_872],
  "googlenet.torchvision": [6_624_904, 1_498_376_192],
  "googlenet.torchvision.aux": [13_004_888, 1_498_376_192], // the heads are no part of inference
  "hrnet-w18": [21_299_004, 4_283_537_072],
  "hrnet-w30": [37_712_220, 8_105_781_680],
  "hrnet-w32": [41_232_680, 8_921_133_056],
  "hrnet-w40": [57_557_160, 12_691_997_440],
  "hrnet-w44": [67_064_984, 14_883_104_960],
  "hrnet-w48": [77_469_864, 17_277_996_032],
  "hrnet-w64": [128_059_944, 28_895_395_840],
  "inception-resnet-v2.keras": [55_813_192, 13_155_794_016],
  "inception-resnet-v2.timm": [55_843_464, 13_155_794_016],
  "inceptionv3.keras": [23_817_352, 5_713_216_096],
  "inceptionv3.torchvision": [23_834_568, 5_713_216_096],
  "inceptionv3.torchvision.aux": [27_161_264, 5_713_216_096],
  lenet5: [61_706, 416_520],
  "lenet5.original": [60_000, 415_680], // C3 runs as a full convolution, zeros where the table has no connection
  "lenet5.rgb": [62_006, 651_720],
  "mobilenetv1-0.5.keras": [1_331_592, 149_497_088],
  "mobilenetv1-0.25.keras": [470_072, 41_030_272],
  "mobilenetv1-0.75.keras": [2_585_560, 325_400_448],
  "mobilenetv1.keras": [4_231_976, 568_740_352],
  mobilenetv2: [3_504_872, 300_774_272],
  "mobilenetv3-large.torchvision": [5_483_032, 216_589_760],
  "mobilenetv3-small.torchvision": [2_542_856, 56_510_400],
  plain18: [11_515_688, 1_794_805_760],
  "plain20.cifar": [269_722, 40_551_040],
  "plain32.cifar": [464_154, 68_862_592],
  plain34: [21_623_848, 3_644_493_824],
  "plain44.cifar": [658_586, 97_174_144],
  "plain56.cifar": [853_018, 125_485_696],
  "plain110.cifar": [1_727_962, 252_887_680],
  "regnety-1.6gf.torchvision": [11_202_430, 1_612_076_160],
  "regnety-3.2gf.torchvision": [19_436_338, 3_176_482_752],
  "regnety-8gf.torchvision": [39_381_472, 8_473_070_592],
  "regnety-16gf.torchvision": [83_590_140, 15_911_510_272],
  "regnety-32gf.torchvision": [145_046_770, 32_279_552_832],
  "regnety-400mf.torchvision": [4_344_144, 401_842_848],
  "regnety-800mf.torchvision": [6_432_512, 833_856_256],
  "resnet18.torchvision": [11_689_512, 1_814_073_344],
  "resnet20.cifar": [269_722, 40_551_040],
  "resnet20.cifar-b": [272_474, 40_813_184],
  "resnet32.cifar": [464_154, 68_862_592],
  "resnet32.cifar-b": [466_906, 69_124_736],
  "resnet34.torchvision": [21_797_672, 3_663_761_408],
  "resnet44.cifar": [658_586, 97_174_144],
  "resnet44.cifar-b": [661_338, 97_436_288],
  "resnet50.keras": [25_583_592, 3_857_973_248],
  "resnet50.torchvision": [25_557_032, 4_089_184_256],
  "resnet50v2.keras": [25_568_360, 3_482_255_360],
  "resnet56.cifar": [853_018, 125_485_696],
  "resnet56.cifar-b": [855_770, 125_747_840],
  "resnet101.keras": [44_601_832, 7_570_194_432],
  "resnet101.torchvision": [44_549_160, 7_801_405_440],
  "resnet101v2.keras": [44_577_896, 7_194_476_544],
  "resnet110.cifar": [1_727_962, 252_887_680],
  "resnet110.cifar-b": [1_730_714, 253_149_824],
  "resnet152.keras": [60_268_520, 11_282_415_616],
  "resnet152.torchvision": [60_192_808, 11_513_626_624],
  "resnet152v2.keras": [60_236_904, 10_906_697_728],
  "resnet1202.cifar": [19_421_274, 2_829_238_912],
  "resnet1202.cifar-b": [19_424_026, 2_829_501_056],
  "resnext50.torchvision": [25_028_904, 4_230_479_872],
  "squeezenet1.0.caffe": [1_248_424, 861_339_936], // the classifier sees 15×15 pixels, its padding included
  "squeezenet1.0.torchvision": [1_248_424, 818_924_576],
  "squeezenet1.1.torchvision": [1_235_496, 349_151_936],
  "unet.milesial": [31_037_698, 48_171_581_440],
  vgg11: [132_863_336, 7_609_090_048],
  "vgg11.bn": [132_868_840, 7_609_090_048],
  "vgg11.lrn": [132_863_336, 7_609_090_048],
  vgg13: [133_047_848, 11_308_466_176],
  "vgg13.bn": [133_053_736, 11_308_466_176],
  vgg16: [138_357_544, 15_470_264_320],
  "vgg16.bn": [138_365_992, 15_470_264_320],
  "vgg16.c": [133_638_952, 11_770_888_192],
  vgg19: [143_667_240, 19_632_062_464],
  "vgg19.bn": [143_678_248, 19_632_062_464],
  "wide-resnet50-2.torchvision": [68_883_240, 11_398_021_120],
  "xception.keras": [22_855_952, 8_357_403_496],
} as const satisfies Record<models.ModelName, readonly [parameters: number, macs: number]>;

/** A network without weights, and the shape of one image. */
function build(name: models.ModelName, options: models.TopOptions = {}) {
  const model = skipInit(() => models.create(name, options as models.ModelOptions<typeof name>)).eval();
  return { model, image: [1, ...models.inputShape(name)] };
}

/** The shape of a module's output, computing nothing. */
function outputShape(model: Module, image: readonly number[]): readonly number[] {
  const { values, outputs } = recordShapes((x) => noGrad(() => model.forward(x)), [image]);
  return values[outputs[0]!]!.shape;
}

describe("zoo", () => {
  for (const name of models.list()) {
    const [parameters, macs] = counts[name];
    it(`${name}: ${parameters} parameters, ${macs} multiply–accumulates`, () => {
      const { model, image } = build(name);
      expect(models.countParameters(model)).toBe(parameters);
      expect(countMacs((x) => model.forward(x), image)).toBe(macs);
    });

    const { model: one, image } = build(name);
    if (!(one instanceof models.ImageClassifier)) continue;
    it(`${name}: stages are modules that give ever coarser maps, the last of the size of the features`, () => {
      const sizes = new Map<string, readonly number[]>();
      const paths = new Map([...one.namedModules()].map(([path, module]) => [module, path]));
      const { values, outputs } = recordShapes(
        (x) =>
          noGrad(() =>
            observeForward(
              (module, y) => void sizes.set(paths.get(module)!, (y as { shape: readonly number[] }).shape),
              () => one.forwardFeatures(x),
            ),
          ),
        [image],
      );
      const features = values[outputs[0]!]!.shape;
      const maps = one.stages.map((path) => sizes.get(path)!);
      expect(maps.map((shape) => shape?.length)).toEqual(one.stages.map(() => 4));
      const sides = maps.map(([, , height]) => height!);
      expect(sides.length).toBeGreaterThan(1);
      expect(sides).toEqual(sides.toSorted((a, b) => b - a));
      if (features.length === 4) expect(sides.at(-1)! / features[2]!).toBeLessThanOrEqual(4);
    });

    it(`${name}: other classes, and no top`, () => {
      if (!(one instanceof models.LeNet5Original)) {
        const { model } = build(name);
        (model as models.ImageClassifier).resetClassifier(7);
        expect(outputShape(model, image)).toEqual([1, 7]);
      }
      const before = models.countParameters(one);
      const bare = build(name, { includeTop: false });
      const pooled = build(name, { includeTop: false, globalPooling: "avg" });
      const maps = outputShape(bare.model, image);
      expect(maps.length).toBe(4);
      expect(outputShape(pooled.model, image)).toEqual(maps.slice(0, 2));
      expect(models.countParameters(bare.model)).toBeLessThan(before);
      expect(models.countParameters((bare.model as models.ImageClassifier).classifier)).toBe(0);
      expect(() => (bare.model as models.ImageClassifier).resetClassifier(7)).toThrow(/no layer of classes/);
    });

    it(`${name}: family, paper and accuracy`, () => {
      const { family, paper, summary, published } = models.about(name);
      expect(family).not.toBe("");
      expect(paper.title.length).toBeGreaterThan(10);
      expect(paper.url).toMatch(/^https?:\/\//);
      expect(paper.year).toBeGreaterThan(1989);
      expect(summary).not.toMatch(/\.$/);
      if (published !== null) expect(published.top1).toBeGreaterThan(50);
    });
  }

  it("auxiliary heads: multiply–accumulates of a training step's forward pass", () => {
    for (const [name, macs] of [
      ["googlenet.paper.aux", 1_591_044_096],
      ["googlenet.torchvision.aux", 1_506_748_416],
    ] as const) {
      const { model, image } = build(name);
      const all = (x: Tensor) => {
        const { logits, aux1, aux2 } = (model as models.GoogLeNet).forwardWithAux(x);
        return logits.add(aux1).add(aux2);
      };
      expect(countMacs(all, image)).toBe(macs);
    }
  });

  it("without the top, what is left has the counts of Keras' include_top=False", () => {
    expect(models.countParameters(build("vgg16", { includeTop: false }).model)).toBe(14_714_688);
    expect(models.countParameters(build("vgg19", { includeTop: false }).model)).toBe(20_024_384);
  });

  it("an unknown name is an error that names a near one, its usual form where there are several", () => {
    const message = (name: string) => {
      try {
        models.create(name as "lenet5");
      } catch (error) {
        return (error as Error).message;
      }
      return null;
    };
    expect(message("resnet51")).toBe(
      'there is no model "resnet51"; did you mean "resnet50.torchvision"? models.list() (fovea zoo) has all names',
    );
    expect(message("resnet50")).toBe(
      'there is no model "resnet50"; did you mean "resnet50.torchvision"? models.list() (fovea zoo) has all names',
    );
    expect(message("vgg16.b")).toBe(
      'there is no model "vgg16.b"; did you mean "vgg16.bn"? models.list() (fovea zoo) has all names',
    );
    expect(message("transformer")).toBe('there is no model "transformer". models.list() (fovea zoo) has all names');
  });
});
