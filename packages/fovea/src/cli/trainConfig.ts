import { FormatError, UsageError } from "../base/errors.ts";
import type { EngineName } from "../backend/contract.ts";
import type { ModelName } from "../models/index.ts";
import {
  constant,
  cosine,
  cosineRestarts,
  exponential,
  linear,
  multiStep,
  oneCycle,
  polynomial,
  step,
  warmup,
  type Optimizer,
  type Schedule,
} from "../optim/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { optimizers, type OptimizerName } from "../train/optimizers.ts";
import type { Option } from "./command.ts";
import { dataHelp } from "./data.ts";
import { augmentHelp, augmentations, type Augmentation } from "./augment.ts";
import { engineOptions } from "./engine.ts";
import { CommandLineError } from "./errors.ts";
import { checkModelName } from "./modelName.ts";
import { choice, duration, numberBelow, positiveNumber, wholeNumber } from "./parse.ts";

/** What a training run is asked to do: the options of the command, and the contents of config.json. */
export interface TrainConfig {
  readonly model: ModelName;
  /** Null where the model has no choice, as `pooling`. */
  readonly activation: "relu" | "sigmoid" | "tanh" | null;
  readonly pooling: "max" | "avg" | null;
  readonly data: string;
  readonly epochs: number;
  /** "auto": the largest power of two whose step fits into memory; a run's config.json has the number. */
  readonly batchSize: number | "auto";
  readonly optimizer: OptimizerName;
  /** By default the optimizer's own. */
  readonly lr: number;
  readonly schedule: keyof typeof schedules;
  /** Null: the optimizer's own. */
  readonly weightDecay: number | null;
  /** Null: the optimizer's own, of SGD 0.9, or it has none. */
  readonly momentum: number | null;
  /** Share of the truth that is spread over all classes. */
  readonly labelSmoothing: number;
  /** By what pictures are normalised: what was measured on training pictures, ImageNet's numbers, or not at all. */
  readonly normalize: "data" | "imagenet" | "none";
  /** How training pictures are changed by chance. */
  readonly augment: Augmentation;
  /** Alpha of MixUp and of CutMix; null: none. */
  readonly mixup: number | null;
  readonly cutmix: number | null;
  /** Seconds of training after which the run ends; without `epochs` as many as fit. Null: no limit. */
  readonly time: number | null;
  /** Largest length of all gradients together. */
  readonly clip: number | null;
  /** Batches per step of the optimizer. */
  readonly accumulate: number;
  /** Decay of the moving averages of the weights. */
  readonly ema: number | null;
  /** Epochs without a better validation loss after which the run ends. */
  readonly earlyStop: number | null;
  /** Whether event files for TensorBoard are written, in the run's folder. */
  readonly tensorboard: boolean;
  /** Whether a picture that cannot be read, or an empty class folder, ends the run before it begins. */
  readonly strict: boolean;
  /** Threads that decode and change pictures beside the training. */
  readonly workers: number;
  readonly seed: number;
  /** Null: the fastest that is there. */
  readonly engine: EngineName | null;
  /** Null: as many as the machine has. */
  readonly threads: number | null;
}

/** The rate that each is begun with, with SGD's momentum below. */
const rates = {
  adam: 0.002,
  adamw: 0.002,
  sgd: 0.05,
  rmsprop: 0.001,
  adagrad: 0.01,
  adadelta: 1,
  adamax: 0.002,
  nadam: 0.002,
  lion: 0.0003,
  lamb: 0.01,
  lars: 5,
  muon: 0.02,
} as const satisfies Record<OptimizerName, number>;

export const optimizerNames = Object.keys(rates) as OptimizerName[];

/** Those that have a momentum, and what it is by itself. */
const momentums: { readonly [name in OptimizerName]?: number } = { sgd: 0.9, rmsprop: 0, lars: 0.9, muon: 0.95 };

/** By name, for a run of so many steps. */
const schedules = {
  cosine: (lr, steps) => cosine(lr, { steps }),
  "cosine-restarts": (lr, steps) => cosineRestarts(lr, { steps: Math.ceil(steps / 7), multiply: 2 }), // 1 + 2 + 4
  constant: (lr) => constant(lr),
  step: (lr, steps) => step(lr, { every: Math.max(1, Math.ceil(steps / 3)) }),
  "multi-step": (lr, steps) => multiStep(lr, { at: [Math.floor(steps / 2), Math.floor((3 * steps) / 4)] }),
  exponential: (lr, steps) => exponential(lr, { factor: 0.01, every: steps }),
  linear: (lr, steps) => linear(lr, { steps, from: 1, to: 0 }),
  polynomial: (lr, steps) => polynomial(lr, { steps, power: 0.9 }),
  warmup: (lr, steps) => {
    const rise = Math.max(1, Math.round(steps / 20));
    return warmup(rise, cosine(lr, { steps: Math.max(1, steps - rise) }));
  },
  "one-cycle": (lr, steps) => oneCycle(lr, { steps }),
  plateau: (lr) => lr, // a callback lowers it
} as const satisfies Record<string, (lr: number, steps: number) => Schedule | number>;

const defaults = {
  model: "lenet5",
  activation: "relu",
  pooling: "max",
  data: "strokes",
  epochs: 10,
  batchSize: 64,
  optimizer: "adam",
  schedule: "cosine",
  weightDecay: null,
  momentum: null,
  labelSmoothing: 0,
  normalize: "data",
  augment: "none",
  mixup: null,
  cutmix: null,
  time: null,
  clip: null,
  accumulate: 1,
  ema: null,
  earlyStop: null,
  tensorboard: false,
  strict: false,
  workers: 0,
  seed: 0,
  engine: null,
  threads: null,
} as const satisfies Omit<TrainConfig, "lr">;

/** Settings that only some models have. */
const modelSettings = { activation: ["lenet5"], pooling: ["lenet5"] } as const;

const [engineOption, threadsOption] = engineOptions;

/** One entry per setting: its option on the command line, and the check of its value in config.json. */
export const trainOptions = {
  model: {
    flags: "--model <name>",
    description: "a name of fovea zoo",
    parse: checkModelName,
    default: defaults.model,
  },
  activation: {
    flags: "--activation <name>",
    description: "of lenet5: relu, or sigmoid or tanh as in 1998",
    parse: choice(["relu", "sigmoid", "tanh"]),
    default: defaults.activation,
  },
  pooling: {
    flags: "--pooling <name>",
    description: "of lenet5: max, or avg as in 1998",
    parse: choice(["max", "avg"]),
    default: defaults.pooling,
  },
  data: { flags: "--data <name or folder>", description: dataHelp, parse: (text) => text, default: defaults.data },
  epochs: {
    flags: "--epochs <n>",
    description: "times through the data",
    parse: wholeNumber(1, 1e6),
    default: defaults.epochs,
  },
  batchSize: {
    flags: "--batch-size <n>",
    description: "images per batch, or auto: as many as fit into memory",
    parse: (text) => (text === "auto" ? text : wholeNumber(1, 1e6)(text)),
    default: defaults.batchSize,
  },
  lr: {
    flags: "--lr <rate>",
    description: `learning rate (default: ${Object.entries(rates)
      .map(([name, lr]) => `${lr} for ${name}`)
      .join(", ")})`,
    parse: positiveNumber,
  },
  optimizer: {
    flags: "--optimizer <name>",
    description: optimizerNames.join(", "),
    parse: choice(optimizerNames),
    default: defaults.optimizer,
  },
  schedule: {
    flags: "--schedule <name>",
    description: `${Object.keys(schedules).join(", ")} (a tenth when the validation loss stops falling): how the learning rate changes`,
    parse: choice(Object.keys(schedules)),
    default: defaults.schedule,
  },
  weightDecay: {
    flags: "--weight-decay <share>",
    description: "(default: the optimizer's own, 0 for most)",
    parse: numberBelow(100),
  },
  momentum: {
    flags: "--momentum <share>",
    description: `of ${Object.entries(momentums)
      .map(([name, value]) => `${name} (default: ${value})`)
      .join(", ")}`,
    parse: numberBelow(1),
  },
  labelSmoothing: {
    flags: "--label-smoothing <share>",
    description: "share of the truth that is spread over all classes; 0.1 is usual",
    parse: numberBelow(1),
    default: defaults.labelSmoothing,
  },
  normalize: {
    flags: "--normalize <how>",
    description: "channels by mean and deviation: data (measured on training pictures), imagenet, none",
    parse: choice(["data", "imagenet", "none"]),
    default: defaults.normalize,
  },
  mixup: {
    flags: "--mixup [alpha]",
    description: "mix pairs of pictures and their labels (alpha 0.2 unless given); with --cutmix one of both by chance",
    parse: positiveNumber,
    preset: 0.2,
  },
  cutmix: {
    flags: "--cutmix [alpha]",
    description: "put a rectangle of another picture into each, and mix labels by area (alpha 1 unless given)",
    parse: positiveNumber,
    preset: 1,
  },
  augment: {
    flags: "--augment <how>",
    description: `training pictures changed by chance: ${augmentHelp}`,
    parse: choice(augmentations),
    default: defaults.augment,
  },
  time: {
    flags: "--time <time>",
    description: "end after so long (90s, 10m, 1h30m); without --epochs, as many as fit",
    parse: duration,
  },
  clip: {
    flags: "--clip <norm>",
    description: "shorten gradients to this length, all by one factor",
    parse: positiveNumber,
  },
  accumulate: {
    flags: "--accumulate <n>",
    description: "batches whose gradients are added up for one step",
    parse: wholeNumber(1, 1e6),
    default: defaults.accumulate,
  },
  ema: {
    flags: "--ema [decay]",
    description: "validate and keep moving averages of the weights (decay 0.999 unless given)",
    parse: (text) => {
      const decay = positiveNumber(text);
      if (decay < 1) return decay;
      throw new UsageError(`"${text}" is not a decay below 1`);
    },
    preset: 0.999,
  },
  earlyStop: {
    flags: "--early-stop [epochs]",
    description: "end when the validation loss has not fallen for so many epochs (5 unless given)",
    parse: wholeNumber(1, 1e6),
    preset: 5,
  },
  tensorboard: {
    flags: "--tensorboard",
    description: "write event files for TensorBoard into the run",
    parse: (text) => text === "true",
  },
  strict: {
    flags: "--strict",
    description: "pictures that cannot be read, and empty class folders, are errors instead of being left out",
    parse: (text) => text === "true",
  },
  workers: {
    flags: "--workers <n>",
    description: "threads that read and change pictures (results do not depend on it)",
    parse: wholeNumber(0, 256),
    default: defaults.workers,
  },
  seed: {
    flags: "--seed <n>",
    description: "of weights and order; the same seed and engine give the same numbers",
    parse: wholeNumber(0),
    default: defaults.seed,
  },
  engine: engineOption,
  threads: threadsOption,
} as const satisfies Record<keyof TrainConfig, Option>;

/**
 * The whole configuration: what was given over what config.json says over the defaults. A setting that the model does not
 * have is an error when it was given, and null otherwise.
 */
export function completeConfig(given: Partial<TrainConfig>, file: Partial<TrainConfig> = {}): TrainConfig {
  const some = { ...defaults, ...file, ...given };
  const missing: { -readonly [S in keyof typeof modelSettings]?: null } = {};
  for (const setting of ["activation", "pooling"] as const) {
    const models: readonly string[] = modelSettings[setting];
    if (models.includes(some.model)) continue;
    if (given[setting] != null) {
      throw new CommandLineError(`${some.model} has no --${setting}; models that have one: ${models.join(", ")}`);
    }
    missing[setting] = null;
  }
  const { optimizer } = some;
  const hasMomentum = Object.hasOwn(momentums, optimizer);
  if (given.momentum != null && !hasMomentum) {
    throw new CommandLineError(
      `${optimizer} has no --momentum; optimizers that have one: ${Object.keys(momentums).join(", ")}`,
    );
  }
  const momentum = hasMomentum ? some.momentum : null;
  // Another optimizer than the file's wants another rate than the file's.
  const fileLr = given.optimizer === undefined || given.optimizer === file.optimizer ? file.lr : undefined;
  return { ...some, ...missing, momentum, lr: given.lr ?? fileLr ?? rates[optimizer] };
}

/** The settings in the contents of a config.json, each checked as on the command line. */
export function parseConfig(json: unknown, path: string): Partial<TrainConfig> {
  const train: unknown = typeof json === "object" && json !== null ? (json as { train?: unknown }).train : undefined;
  if (typeof train !== "object" || train === null) {
    throw new FormatError(`${path} is not the config.json of a run: it has no "train"`);
  }
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(train)) {
    if (!Object.hasOwn(trainOptions, name)) throw new FormatError(`${path}: there is no setting "${name}"`);
    if (value === null) continue;
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      throw new FormatError(`${path}: "${name}" must be text, a number, true or false`);
    }
    try {
      found[name] = trainOptions[name as keyof TrainConfig].parse(String(value));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new FormatError(`${path}: "${name}": ${error.message}`);
    }
  }
  return found as Partial<TrainConfig>;
}

/** The optimizer of a configuration, with its schedule over so many steps. */
export function makeOptimizer(config: TrainConfig, params: Tensor[], steps: number): Optimizer {
  const { optimizer, schedule, lr, weightDecay } = config;
  const momentum = config.momentum ?? momentums[optimizer];
  return optimizers[optimizer](params, {
    lr: schedules[schedule](lr, steps),
    ...(weightDecay !== null && { weightDecay }),
    ...(momentum !== undefined && { momentum }),
    ...(optimizer === "sgd" && momentum! > 0 && { nesterov: true }),
  });
}
