import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Normalizer } from "./normalizer.ts";
import type { AnySample, ArraySample, Box, Keypoint, Mask, Sample } from "./sample.ts";

/** What is known of one picture beside its class, after transforms. */
export interface Target {
  readonly boxes?: readonly Box[];
  readonly mask?: Mask;
  readonly keypoints?: readonly Keypoint[];
}

/** Samples as the arrays that a network takes. */
export interface Stack {
  /** Normalised, [size, C, H, W] for pictures, else [size, ...the samples' shape]. */
  readonly x: Float32Array;
  readonly shape: readonly number[];
  /**
   * What to predict. Int32Array: classes of samples [size], −1 where one has none; of pixels [size, H, W] where samples
   * have masks and no classes. Float32Array: numbers [size, …], or probabilities of classes [size, classes] after MixUp.
   */
  readonly y: Int32Array | Float32Array;
  readonly yShape: readonly number[];
  /** Boxes, masks and key points of each sample, where the dataset has such. */
  readonly targets?: readonly Target[];
}

/** Stacks samples of equal size; `nameOf` says which one an error means. */
export function stackSamples(
  samples: readonly AnySample[],
  normalizer: Normalizer,
  nameOf: (place: number) => string,
): Stack {
  const shape = shapeOf(samples[0]!);
  const size = shape.reduce((product, d) => product * d, 1);
  const x = new Float32Array(samples.length * size);
  for (const [i, sample] of samples.entries()) {
    checkShape(sample, shape, () => [nameOf(i), nameOf(0)]);
    if ("image" in sample) fillPicture(sample, normalizer, x, i * size);
    else normalizer.numbers(sample.x, 0, x, i * size, size, shape[0]!);
  }
  const targets = samples.map(targetOf);
  return {
    x,
    shape: [samples.length, ...shape],
    ...stackAnswers(samples),
    ...(targets.some((target) => Object.keys(target).length > 0) && { targets }),
  };
}

function shapeOf(sample: AnySample): readonly number[] {
  if (!("image" in sample)) return sample.shape;
  const { width, height, channels } = sample.image;
  return [channels, height, width];
}

function checkShape(sample: AnySample, wanted: readonly number[], names: () => [string, string]): void {
  const shape = shapeOf(sample);
  if (shape.length === wanted.length && shape.every((d, axis) => d === wanted[axis])) return;
  const [name, first] = names();
  if (!("image" in sample)) {
    throw new ShapeError(`${name} is ${showShape(shape)}, ${first} ${showShape(wanted)}; a batch needs equal shapes`);
  }
  const { width, height, channels } = sample.image;
  throw new ShapeError(
    `${name} is ${width} × ${height} × ${channels}, ${first} ${wanted[2]} × ${wanted[1]} × ${wanted[0]} ` +
      "(width × height × channels): pictures of a batch must be equal in size; end the loader's transforms with a resize or crop",
  );
}

/** Interleaved bytes to planes of normalised numbers. */
function fillPicture({ image }: Sample, normalizer: Normalizer, x: Float32Array, start: number): void {
  const { channels, pixels } = image;
  const plane = image.width * image.height;
  const values = normalizer.bytes(channels);
  for (let c = 0; c < channels; c++) {
    const [table, to] = [c * 256, start + c * plane];
    for (let i = 0, from = c; i < plane; i++, from += channels) x[to + i] = values[table + pixels[from]!]!;
  }
}

function stackAnswers(samples: readonly AnySample[]): Pick<Stack, "y" | "yShape"> {
  const size = samples.length;
  const first = samples[0]!;
  if ("target" in first && first.target !== undefined) {
    const { length } = first.target;
    const y = new Float32Array(size * length);
    for (const [i, sample] of samples.entries()) y.set((sample as ArraySample).target!, i * length);
    return { y, yShape: [size, length] };
  }
  const masks = samples.map((sample) => ("image" in sample && sample.label === undefined ? sample.mask : undefined));
  const mask = masks[0];
  if (mask !== undefined && masks.every((other) => other?.width === mask.width && other.height === mask.height)) {
    const y = new Int32Array(size * mask.width * mask.height);
    for (const [i, { classes }] of (masks as Mask[]).entries()) y.set(classes, i * classes.length);
    return { y, yShape: [size, mask.height, mask.width] };
  }
  return { y: Int32Array.from(samples, ({ label = -1 }) => label), yShape: [size] };
}

function targetOf(sample: AnySample): Target {
  if (!("image" in sample)) return {};
  const { boxes, mask, keypoints } = sample;
  return { ...(boxes && { boxes }), ...(mask && { mask }), ...(keypoints && { keypoints }) };
}
