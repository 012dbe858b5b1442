import type { Command } from "../command.ts";

interface Listed {
  /** One line. */
  readonly summary: string;
  readonly load: () => Promise<unknown>;
}

/** The commands, in the order of the help. Only the one that is called is loaded, and none for the list: it starts sooner. */
export const commands: Readonly<Record<string, Listed>> = {
  train: {
    summary: "Train a network; without options LeNet-5 on handwriting drawn by a program",
    load: async () => (await import("./train.ts")).train,
  },
  "lr-find": {
    summary: "Search the learning rate that suits a network and its data",
    load: async () => (await import("./lrFind.ts")).lrFindCommand,
  },
  finetune: {
    summary: "Teach a pretrained network the classes of a folder of pictures",
    load: async () => (await import("./finetune.ts")).finetune,
  },
  evaluate: {
    summary: "Measure a trained network on the test images of a data set",
    load: async () => (await import("./evaluate.ts")).evaluateCommand,
  },
  compare: {
    summary: "Classical methods and networks side by side on the same pictures",
    load: async () => (await import("./compare.ts")).compare,
  },
  predict: {
    summary: "Say what is on pictures (JPEG, PNG, WebP)",
    load: async () => (await import("./predict.ts")).predictCommand,
  },
  data: {
    summary:
      "Look at a dataset: classes, balance, sizes, duplicates, pictures in two splits, files that cannot be read",
    load: async () => (await import("./data.ts")).dataCommand,
  },
  features: {
    summary: "Save what layers inside a network see on pictures, for other programs (NumPy's .npz)",
    load: async () => (await import("./features.ts")).featuresCommand,
  },
  zoo: {
    summary: "List the networks: family, paper, parameters, multiply–accumulates, published accuracy",
    load: async () => (await import("./zoo.ts")).zoo,
  },
  summary: {
    summary: "Show a network's layers: shapes, parameters, work, receptive fields, memory",
    load: async () => (await import("./summary.ts")).summary,
  },
  inspect: {
    summary: "Show what a file of weights holds: tensors, metadata, architecture",
    load: async () => (await import("./inspect.ts")).inspect,
  },
  convert: {
    summary: "Convert a file of weights to safetensors, npz or ONNX",
    load: async () => (await import("./convert.ts")).convert,
  },
  bench: {
    summary: "Measure how fast a network of the zoo runs here: latency, images per second, share of the machine's peak",
    load: async () => (await import("./bench.ts")).bench,
  },
  doctor: {
    summary: "Show which engines are there, which is used, and why anything is off",
    load: async () => (await import("./doctor.ts")).doctor,
  },
};

/** The command of a name; null where there is none. */
export async function loadCommand(name: string | undefined): Promise<Command | null> {
  if (name === undefined || !Object.hasOwn(commands, name)) return null;
  return (await commands[name]!.load()) as Command;
}
