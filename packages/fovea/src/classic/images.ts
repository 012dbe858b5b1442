import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { ImageDataset } from "../data/dataset.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor.ts";

/** What features are computed of: images of a dataset, or a tensor [N, C, H, W]. */
export type Images = ImageDataset | Tensor;

/** Planes of numbers, [count, channels, height, width]. */
export interface Planes {
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly values: ArrayLike<number>;
}

/** The numbers of images; bytes of a dataset as 0 … 255. */
export async function planesOf(images: Images, who: string): Promise<Planes> {
  if (!("labels" in images)) {
    if (images.rank !== 4) throw new ShapeError(`${who}: wanted images [N, C, H, W], got ${showShape(images.shape)}`);
    const [count, channels, height, width] = images.shape as [number, number, number, number];
    return { count, channels, height, width, values: await images.data() };
  }
  const [channels, height, width] = images.shape;
  return { count: images.length, channels, height, width, values: images.images };
}

/** Images `from` … `to` − 1 of a dataset, 0 … 1, [N, C, H, W]. */
export function imageTensor(data: ImageDataset, from: number, to: number): Tensor {
  const [channels, height, width] = data.shape;
  const size = channels * height * width;
  const values = Float32Array.from(data.images.subarray(from * size, to * size), (byte) => byte / 255);
  return fromHost(values, [to - from, channels, height, width], "float32");
}

/** One grey plane for each image: the mean over channels, [count, height, width]. */
export function greyPlanes({ count, channels, height, width, values }: Planes): Float64Array {
  const size = height * width;
  const grey = new Float64Array(count * size);
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < channels; c++) {
      const from = (n * channels + c) * size;
      for (let i = 0; i < size; i++) grey[n * size + i]! += values[from + i]! / channels;
    }
  }
  return grey;
}
