import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { ImageClassifier, type Pooling } from "./_classifier.ts";
import type { Entry, Origin, Published } from "./_family.ts";
import { alexnets } from "./alexnet.ts";
import { cifarResnets } from "./cifarResnet.ts";
import { convnexts } from "./convnext.ts";
import { cudaConvnets } from "./cudaConvnet.ts";
import { densenets } from "./densenet.ts";
import { efficientnets } from "./efficientnet.ts";
import { googlenets } from "./googlenet.ts";
import { hrnets } from "./hrnet.ts";
import { inceptionResnets } from "./inceptionResnetV2.ts";
import { inceptions } from "./inceptionv3.ts";
import { lenets } from "./lenet5.ts";
import { mobilenetv1s } from "./mobilenetv1.ts";
import { mobilenetv2s } from "./mobilenetv2.ts";
import { mobilenetv3s } from "./mobilenetv3.ts";
import { regnets } from "./regnet.ts";
import { resnets, resnexts, wideResnets } from "./resnet.ts";
import { kerasResnets, resnetv2s } from "./resnetKeras.ts";
import { squeezenets } from "./squeezenet.ts";
import { unets } from "./unet.ts";
import { vggs } from "./vgg.ts";
import { xceptions } from "./xception.ts";

/**
 * Every model by name: the network, and after a dot whose form of it where there are several.
 *
 * `resnet50.torchvision` and `resnet50.keras` differ in strides, biases and arithmetic; a name says which one it is.
 */
export const registry = {
  ...alexnets,
  ...cifarResnets,
  ...convnexts,
  ...cudaConvnets,
  ...densenets,
  ...efficientnets,
  ...googlenets,
  ...hrnets,
  ...inceptionResnets,
  ...inceptions,
  ...kerasResnets,
  ...lenets,
  ...mobilenetv1s,
  ...mobilenetv2s,
  ...mobilenetv3s,
  ...regnets,
  ...resnets,
  ...resnetv2s,
  ...resnexts,
  ...squeezenets,
  ...unets,
  ...vggs,
  ...wideResnets,
  ...xceptions,
} as const satisfies Readonly<Record<string, Entry<never>>>;

export type ModelName = keyof typeof registry;
export type ModelOptions<N extends ModelName> = NonNullable<Parameters<(typeof registry)[N]["create"]>[0]> & TopOptions;
export type ModelOf<N extends ModelName> = ReturnType<(typeof registry)[N]["create"]>;

/** What `create` does with the layers after the feature maps; see `ImageClassifier.removeTop`. */
export interface TopOptions {
  /** Keep them; default true. Without them the network gives feature maps, or what `globalPooling` makes of these. */
  includeTop?: boolean;
  /** Without top: the mean (`avg`) or the largest value (`max`) of each map; default null, the maps themselves. */
  globalPooling?: Pooling;
}

/** Names that `create` takes, in order: letters first, numbers by size. */
export const modelNames = (Object.keys(registry) as ModelName[])
  .map((name) => [name.replace(/\d+/g, (digits) => digits.padStart(6, "0")), name] as const)
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([, name]) => name);

/** Names that `create` takes, or those that fit a pattern with `*` for anything: `list("resnet*")`. */
export function list(pattern = "*"): ModelName[] {
  return namesLike(pattern, modelNames);
}

/** The names that fit a pattern with `*` for anything. */
export function namesLike<N extends string>(pattern: string, names: readonly N[]): N[] {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const expression = new RegExp(`^${parts.join(".*")}$`);
  return names.filter((name) => expression.test(name));
}

/**
 * A model by name.
 *
 * @example
 * models.create("resnet50.torchvision", { numClasses: 10 })
 * models.create("vgg16", { includeTop: false, globalPooling: "avg" }) // [N, 3, 224, 224] → [N, 512]
 */
export function create<N extends ModelName>(name: N, options?: ModelOptions<N>): ModelOf<N> {
  const { includeTop = true, globalPooling = null, ...rest }: TopOptions = options ?? {};
  const model = entryOf(name).create(rest);
  if (!includeTop) {
    if (!(model instanceof ImageClassifier)) {
      throw new UsageError(`models.create: ${name} is no classifier, so it has no top to leave out`);
    }
    model.removeTop(globalPooling);
  }
  return model as ModelOf<N>;
}

/** Shape of one input of the model, without the batch. */
export function inputShape<N extends ModelName>(name: N, options?: ModelOptions<N>): readonly number[] {
  return entryOf(name).inputShape(options);
}

/** What the zoo knows of a model: family, paper, a line for people who choose, published accuracy. */
export function about(name: ModelName): ModelInfo {
  const { family, paper, summary, published } = entryOf(name);
  return { name, family, paper, summary, published: published ?? null };
}

/** What `about` tells. */
export interface ModelInfo extends Origin {
  readonly name: ModelName;
  readonly summary: string;
  /** Null where nobody published this very form. */
  readonly published: Published | null;
}

/** True for a name that `create` takes. */
export function isModelName(name: string): name is ModelName {
  return Object.hasOwn(registry, name);
}

/** The entry, seen as one that takes any options: `create` and `inputShape` have checked them by name. */
function entryOf(name: string): Entry<object> {
  if (isModelName(name)) return registry[name] as Entry<object>;
  const near = nearName(name);
  throw new UsageError(
    `there is no model "${name}"${near === null ? "." : `; did you mean "${near}"?`} models.list() (fovea zoo) has all names`,
  );
}

/** The name that somebody may have meant: also of a network whose form they left out. */
function nearName(name: string): ModelName | null {
  const forms = new Map<string, ModelName>();
  for (const known of modelNames) {
    const network = known.replace(/\.[^.]*$/, "");
    if (!forms.has(network) || known === `${network}.torchvision`) forms.set(network, known);
    forms.set(known, known);
  }
  const near = forms.has(name) ? name : nearest(name, forms.keys());
  return near === null ? null : forms.get(near)!;
}
