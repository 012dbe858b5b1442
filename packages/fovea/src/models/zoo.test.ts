import { describe, expect, it } from "vitest";
import { countMacs, models } from "../index.ts";
import { skipInit } from "../nn/init.ts";

/**
 * Parameters and multiply–accumulates (convolutions and linear layers only) of one image. Parameters are torchvision's
 * `num_params`; multiply–accumulates come from an independent per-layer counter and round to torchvision's `_ops`.
 */
const counts = {
  "alexnet.torchvision": [61_100_840, 714_188_480],
  densenet121: [7_978_856, 2_834_161_664],
  densenet161: [28_681_000, 7_727_907_072],
  densenet169: [14_149_480, 3_359_843_328],
  densenet201: [20_013_928, 4_291_365_888],
  "googlenet.torchvision": [6_624_904, 1_498_376_192],
  "inceptionv3.torchvision": [23_834_568, 5_713_216_096],
  lenet5: [61_706, 416_520],
  mobilenetv2: [3_504_872, 300_774_272],
  "resnet101.torchvision": [44_549_160, 7_801_405_440],
  "resnet110.cifar": [1_727_962, 252_887_680],
  "resnet152.torchvision": [60_192_808, 11_513_626_624],
  "resnet18.torchvision": [11_689_512, 1_814_073_344],
  "resnet20.cifar": [269_722, 40_551_040],
  "resnet32.cifar": [464_154, 68_862_592],
  "resnet34.torchvision": [21_797_672, 3_663_761_408],
  "resnet44.cifar": [658_586, 97_174_144],
  "resnet50.torchvision": [25_557_032, 4_089_184_256],
  "resnet56.cifar": [853_018, 125_485_696],
  "resnext50.torchvision": [25_028_904, 4_230_479_872],
  "unet.milesial": [31_037_698, 48_171_581_440],
  vgg11: [132_863_336, 7_609_090_048],
  "vgg11.bn": [132_868_840, 7_609_090_048],
  vgg13: [133_047_848, 11_308_466_176],
  "vgg13.bn": [133_053_736, 11_308_466_176],
  vgg16: [138_357_544, 15_470_264_320],
  "vgg16.bn": [138_365_992, 15_470_264_320],
  vgg19: [143_667_240, 19_632_062_464],
  "vgg19.bn": [143_678_248, 19_632_062_464],
  "wide-resnet50-2.torchvision": [68_883_240, 11_398_021_120],
} as const satisfies Record<models.ModelName, readonly [parameters: number, macs: number]>;

describe("zoo", () => {
  for (const name of models.list()) {
    const [parameters, macs] = counts[name];
    it(`${name}: ${parameters} parameters, ${macs} multiply–accumulates`, () => {
      const model = skipInit(() => models.create(name)).eval();
      expect(models.countParameters(model)).toBe(parameters);
      expect(countMacs((x) => model.forward(x), [1, ...models.inputShape(name)])).toBe(macs);
    });
  }
});
