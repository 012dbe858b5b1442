import type { RandomStream } from "../base/random.ts";
import type { AnySample, SampleTransform } from "./sample.ts";

/** A sample on its way: the first `done` of a loader's transforms have been applied. */
export interface Held {
  readonly sample: AnySample;
  readonly done: number;
}

type Transforms = readonly SampleTransform[];

const asked = Symbol("a random number was asked for");
const noRandom = new Proxy({} as RandomStream, {
  get: () => {
    throw asked;
  },
});

/** Applies the leading transforms that ask for no random numbers: their result is the same in every epoch. */
export function applyFixed(sample: AnySample, transforms: Transforms): Held {
  let done = 0;
  try {
    for (; done < transforms.length; done++) sample = transforms[done]!.apply(sample, noRandom);
  } catch (error) {
    if (error !== asked) throw error;
  }
  return { sample, done };
}

/** Applies the transforms that are left. */
export function applyRest({ sample, done }: Held, transforms: Transforms, random: RandomStream): AnySample {
  for (const transform of transforms.slice(done)) sample = transform.apply(sample, random);
  return sample;
}

/** The stream that one sample's transforms draw from. */
export function augmentStream(root: RandomStream, epoch: number, index: number): RandomStream {
  return root.fork("augment").fork(epoch).fork(index);
}

/** Bytes that a sample holds. */
export function sampleBytes(sample: AnySample): number {
  if (!("image" in sample)) return sample.x.byteLength;
  return sample.image.pixels.byteLength + (sample.mask?.classes.byteLength ?? 0);
}

/** The sample with its arrays in memory that all threads see: sending it copies nothing. */
export function shareSample(sample: AnySample): AnySample {
  if (!("image" in sample)) return { ...sample, x: sharedCopy(sample.x) };
  const { image, mask } = sample;
  return {
    ...sample,
    image: { ...image, pixels: sharedCopy(image.pixels) },
    ...(mask && { mask: { ...mask, classes: sharedCopy(mask.classes) } }),
  };
}

function sharedCopy<A extends Uint8Array | Float32Array>(array: A): A {
  const Type = array.constructor as new (buffer: SharedArrayBuffer) => A;
  const copy = new Type(new SharedArrayBuffer(array.byteLength));
  copy.set(array as never);
  return copy;
}
