import { UsageError } from "../base/errors.ts";
import { fitImage, preprocessedSize, valueRules, type Preprocessing } from "./preprocess.ts";
import type { Batch, BatchTransform, DataLoaderOptions } from "./loader.ts";
import type { Sample, SampleTransform } from "./sample.ts";
import { randomResizedCrop } from "./transforms/crop.ts";
import { horizontalFlip } from "./transforms/flip.ts";

/**
 * What makes a `DataLoader` hand out pictures as published weights want them.
 *
 * @param options.augment For training: random parts of the pictures, half of them mirrored, instead of the middle.
 * @example
 * const { model, preprocessing } = await models.load("squeezenet1.0.imagenet1k-v1", { numClasses: 2 });
 * const loader = new DataLoader(train, { batchSize: 16, ...pictureOptions(preprocessing, { augment: true }) });
 */
export function pictureOptions(
  rule: Preprocessing,
  { augment = false }: { augment?: boolean } = {},
): Pick<DataLoaderOptions, "mean" | "std" | "transform" | "batchTransform"> {
  const size = preprocessedSize(rule);
  if (size === null) throw new UsageError("pictureOptions: a batch needs one size: give the rule a crop");
  const { order, divisor, mean, std } = typeof rule.values === "string" ? valueRules[rule.values] : rule.values;
  const inRgb = (values: readonly number[]) =>
    (order === "RGB" ? [...values] : values.toReversed()).map((value) => (value * divisor) / 255); // bytes come as 0 … 1
  const fit: SampleTransform<Sample> = {
    name: "fitImage",
    apply: (sample) => ({ ...sample, image: { ...fitImage(sample.image, rule), channels: 3 } }),
  };
  return {
    mean: inRgb(mean),
    std: inRgb(std),
    transform: augment ? [randomResizedCrop({ size, scale: [0.35, 1] }), horizontalFlip()] : [fit],
    ...(order === "BGR" && { batchTransform: swapRedAndBlue }),
  };
}

const swapRedAndBlue: BatchTransform = {
  name: "swapRedAndBlue",
  applyBatch(batch: Batch): Batch {
    const x = batch.x.slice();
    const size = x.length / batch.size;
    const plane = size / 3;
    for (let n = 0; n < batch.size; n++) {
      x.copyWithin(n * size, n * size + 2 * plane, n * size + 3 * plane);
      x.set(batch.x.subarray(n * size, n * size + plane), n * size + 2 * plane);
    }
    return { ...batch, x };
  },
};
