import { ShapeError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import type { ArraySample } from "../sample.ts";

/** A sample whose last axis, or last two, became others, each row (or page) on its own. */
export function eachPart(
  name: string,
  sample: ArraySample,
  axes: 1 | 2,
  outShape: readonly number[],
  change: (part: Float32Array, out: Float32Array) => void,
): ArraySample {
  const lead = sample.shape.slice(0, sample.shape.length - axes);
  const size = checkAxes(name, sample, axes).reduce((product, d) => product * d, 1);
  const count = lead.reduce((product, d) => product * d, 1);
  const outSize = outShape.reduce((product, d) => product * d, 1);
  const x = new Float32Array(count * outSize);
  for (let i = 0; i < count; i++) {
    change(sample.x.subarray(i * size, (i + 1) * size), x.subarray(i * outSize, (i + 1) * outSize));
  }
  return { ...sample, x, shape: [...lead, ...outShape] };
}

/** The lengths of the last axes: of waves [..., L], or of spectrograms [..., bins, frames]. */
export function checkAxes(name: string, { shape, x }: ArraySample, axes: 1 | 2): readonly number[] {
  const product = shape.reduce((sum, d) => sum * d, 1);
  if (shape.length >= axes && product === x.length && product > 0) return shape.slice(shape.length - axes);
  const wanted = axes === 1 ? "waves, [..., length]" : "spectrograms, [..., bins, frames]";
  throw new ShapeError(`${name}: wanted ${wanted}, got ${x.length} numbers as ${showShape(shape)}`);
}
