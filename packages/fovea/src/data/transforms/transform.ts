import { UsageError } from "../../base/errors.ts";
import type { RandomStream } from "../../base/random.ts";
import type { AnySample, Sample } from "../sample.ts";
import { OptionCheck } from "./options.ts";

/** What a transform is made from, as plain data: it can be written to a file, and sent to a worker thread. */
export interface TransformSpec {
  readonly name: string;
  readonly options: object;
}

/**
 * A change of a sample: of its picture together with boxes, mask and key points.
 *
 * It is a function of the sample and of the numbers drawn from `random`, and changes neither the sample nor itself; so
 * whoever gives sample i of epoch e its own stream gets the same bytes in any order and on any thread.
 */
export interface Transform<S extends AnySample = Sample> extends TransformSpec {
  apply(sample: S, random: RandomStream): S;
}

/** Every option with its default; undefined where it must be given. */
type Defaults<Options> = { readonly [K in keyof Required<Options>]: Required<Options>[K] | undefined };

/** Makes a transform from its options; they may be left out where all have defaults. */
export type TransformFactory<Options extends object, S extends AnySample = Sample> = (
  ...options: object extends Options ? [options?: Options] : [options: Options]
) => Transform<S>;

/**
 * A kind of transform: its name, the defaults of its options, and how options become a function.
 *
 * Options are plain data: numbers, strings, lists. `build` runs once per transform: it checks the options (`check` makes
 * errors that name transform and option) and returns what runs on each sample. One that is not built in runs in the
 * thread that made it, as a worker knows only the built-in names.
 */
export function defineTransform<Options extends object, S extends AnySample = Sample>(
  name: string,
  defaults: Defaults<Options>,
  build: (options: Required<Options>, check: OptionCheck) => Transform<S>["apply"],
): TransformFactory<Options, S> {
  const known = Object.keys(defaults);
  return (...[given]) => {
    if (given !== undefined && (typeof given !== "object" || given === null || Array.isArray(given))) {
      throw new UsageError(`${name}: the options are an object { ${known.join(", ")} }, got ${JSON.stringify(given)}`);
    }
    const options: Record<string, unknown> = { ...defaults };
    for (const [key, value] of Object.entries(given ?? {})) {
      if (!Object.hasOwn(defaults, key)) {
        throw new UsageError(`${name}: there is no option "${key}"; options are ${known.join(", ") || "none"}`);
      }
      if (value !== undefined) options[key] = value;
    }
    for (const key of known) if (options[key] === undefined) throw new UsageError(`${name}: ${key} must be given`);
    const apply = build(options as Required<Options>, new OptionCheck(name));
    return { name, options: plain(options), apply };
  };
}

/** Options in which specs stand for the transforms of `transforms`. */
function plain(options: { readonly transforms?: unknown }): object {
  if (!Array.isArray(options.transforms)) return options;
  const transforms = options.transforms.map(({ name, options: own }: Transform): TransformSpec => ({
    name,
    options: own,
  }));
  return { ...options, transforms };
}
