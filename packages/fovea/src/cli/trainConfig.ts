import { FormatError, UsageError } from "../base/errors.ts";
import type { EngineName } from "../backend/contract.ts";
import type { ModelName } from "../models/index.ts";
import { constant, cosine, step, warmup, type Schedule } from "../optim/schedules.ts";
import { Adam, AdamW, SGD, type Optimizer } from "../optim/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Option } from "./command.ts";
import { dataHelp } from "./data.ts";
import { augmentations, type Augmentation } from "./augment.ts";
import { engineOptions } from "./engine.ts";
import { CommandLineError } from "./errors.ts";
import { checkModelName } from "./modelName.ts";
import { choice, duration, positiveNumber, wholeNumber } from "./parse.ts";

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
  readonly optimizer: keyof typeof optimizers;
  /** By default the optimizer's own. */
  readonly lr: number;
  readonly schedule: keyof typeof schedules;
  /** How training pictures are changed by chance. */
  readonly augment: Augmentation;
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

const optimizers = {
  adam: { lr: 0.002, make: (params: Tensor[], lr: Schedule) => new Adam(params, { lr }) },
  adamw: { lr: 0.002, make: (params: Tensor[], lr: Schedule) => new AdamW(params, { lr }) },
  sgd: { lr: 0.05, make: (params: Tensor[], lr: Schedule) => new SGD(params, { lr, momentum: 0.9, nesterov: true }) },
} as const satisfies Record<string, { lr: number; make: (params: Tensor[], lr: Schedule) => Optimizer }>;

/** By name, for a run of so many steps. */
const schedules = {
  cosine: (lr: number, steps: number) => cosine(lr, { steps }),
  constant: (lr: number) => constant(lr),
  step: (lr: number, steps: number) => step(lr, { every: Math.max(1, Math.ceil(steps / 3)) }),
  warmup: (lr: number, steps: number) => {
    const rise = Math.max(1, Math.round(steps / 20));
    return warmup(rise, cosine(lr, { steps: Math.max(1, steps - rise) }));
  },
} as const satisfies Record<string, (lr: number, steps: number) => Schedule>;

const defaults = {
  model: "lenet5",
  activation: "relu",
  pooling: "max",
  data: "strokes",
  epochs: 10,
  batchSize: 64,
  optimizer: "adam",
  schedule: "cosine",
  augment: "none",
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
    description: `learning rate (default: ${Object.entries(optimizers)
      .map(([name, { lr }]) => `${lr} for ${name}`)
      .join(", ")})`,
    parse: positiveNumber,
  },
  optimizer: {
    flags: "--optimizer <name>",
    description: Object.keys(optimizers).join(", "),
    parse: choice(Object.keys(optimizers)),
    default: defaults.optimizer,
  },
  schedule: {
    flags: "--schedule <name>",
    description: `${Object.keys(schedules).join(", ")}: how the learning rate changes`,
    parse: choice(Object.keys(schedules)),
    default: defaults.schedule,
  },
  augment: {
    flags: "--augment <how>",
    description: "training pictures changed by chance: none, crop (moved a little), standard (also mirrored)",
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
  // Another optimizer than the file's wants another rate than the file's.
  const fileLr = given.optimizer === undefined || given.optimizer === file.optimizer ? file.lr : undefined;
  return { ...some, ...missing, lr: given.lr ?? fileLr ?? optimizers[optimizer].lr };
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
  return optimizers[config.optimizer].make(params, schedules[config.schedule](config.lr, steps));
}
