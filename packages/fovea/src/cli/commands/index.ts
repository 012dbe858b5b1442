import type { Command } from "../command.ts";

/** Where each command is, in the order of the help. Only the one that is called is loaded: it starts sooner. */
export const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  train: async () => (await import("./train.ts")).train,
  "lr-find": async () => (await import("./lrFind.ts")).lrFindCommand,
  finetune: async () => (await import("./finetune.ts")).finetune,
  evaluate: async () => (await import("./evaluate.ts")).evaluateCommand,
  compare: async () => (await import("./compare.ts")).compare,
  predict: async () => (await import("./predict.ts")).predictCommand,
  data: async () => (await import("./data.ts")).dataCommand,
  features: async () => (await import("./features.ts")).featuresCommand,
  zoo: async () => (await import("./zoo.ts")).zoo,
  summary: async () => (await import("./summary.ts")).summary,
  inspect: async () => (await import("./inspect.ts")).inspect,
  convert: async () => (await import("./convert.ts")).convert,
  bench: async () => (await import("./bench.ts")).bench,
  doctor: async () => (await import("./doctor.ts")).doctor,
};

/** The named command alone, or all if it is none of them. */
export async function loadCommands(name: string | undefined): Promise<Command[]> {
  const known = name !== undefined && Object.hasOwn(commands, name) ? [commands[name]!] : Object.values(commands);
  return (await Promise.all(known.map((load) => load()))) as Command[];
}
