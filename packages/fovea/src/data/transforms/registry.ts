import { UsageError } from "../../base/errors.ts";
import { compose, composition, randomApply, randomChoice } from "./compose.ts";
import { centerCrop, pad, randomCrop, randomResizedCrop } from "./crop.ts";
import { horizontalFlip, verticalFlip } from "./flip.ts";
import { resize } from "./resize.ts";
import type { Transform, TransformFactory, TransformSpec } from "./transform.ts";

/** Every transform that a name stands for. */
export const builtIn = {
  centerCrop,
  compose: composition,
  horizontalFlip,
  pad,
  randomApply,
  randomChoice,
  randomCrop,
  randomResizedCrop,
  resize,
  verticalFlip,
} as const;

/** Names of the built-in transforms. */
export type TransformName = keyof typeof builtIn;

/**
 * A transform from its name and options, as a worker thread or a file has them; from a list, `compose` of it.
 *
 * @param spec What `{ name, options }` of a built-in transform gave; or a transform, which is given back.
 */
export function transformFrom(spec: TransformSpec | readonly TransformSpec[]): Transform {
  if (Array.isArray(spec)) return compose(spec.map((one: TransformSpec) => transformFrom(one)));
  const { name, options = {}, apply } = spec as TransformSpec & Partial<Transform>;
  if (apply !== undefined) return spec as Transform;
  if (!Object.hasOwn(builtIn, name)) {
    throw new UsageError(
      `transformFrom: no built-in transform is called ${JSON.stringify(name)}; there are ${Object.keys(builtIn).join(", ")}. ` +
        "A transform of your own cannot be sent to a worker thread: load without workers",
    );
  }
  const make = builtIn[name as TransformName] as TransformFactory<object>;
  const { transforms } = options as { readonly transforms?: readonly TransformSpec[] };
  return make(
    Array.isArray(transforms) ? { ...options, transforms: transforms.map((t) => transformFrom(t)) } : options,
  );
}
