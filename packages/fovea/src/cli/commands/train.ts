import { FoveaError } from "../../base/errors.ts";
import type { Command } from "../command.ts";
import { CommandLineError } from "../errors.ts";
import { readJson } from "../../train/runFolder.ts";
import { completeConfig, parseConfig, trainOptions, type TrainConfig } from "../trainConfig.ts";
import { resumeRun, startRun } from "../trainRun.ts";

interface TrainOptions extends Partial<TrainConfig> {
  readonly out?: string;
  readonly config?: string;
  readonly resume?: string;
  readonly json?: boolean;
}

export const train: Command<TrainOptions> = {
  options: [
    ...Object.values(trainOptions),
    { flags: "--out <folder>", description: "folder for the run (default: runs/<model>-<data>-<number>)" },
    {
      flags: "--config <file>",
      description: "settings from the config.json of another run; options given here go first",
    },
    { flags: "--resume <run>", description: "go on with an interrupted run, to the numbers it would have had" },
    {
      flags: "--json",
      description: "print one JSON object per epoch and per diagnosis, and a last one with the result",
    },
  ],
  examples: [
    ["fovea train", "LeNet-5 on strokes, in about a minute"],
    ["fovea train --data mnist --epochs 10", "on MNIST, downloaded on first use"],
    ["fovea train --data photos --model squeezenet1_1 --augment standard --batch-size auto", "on a folder per class"],
    ["fovea train --time 10m --ema --early-stop", "as long as there is time, and no longer than it helps"],
    ["fovea train --activation sigmoid --pooling avg", "closer to 1998"],
    ["fovea train --config runs/lenet5-strokes-1/config.json --seed 1", "the same again, with another seed"],
    ["fovea train --resume runs/lenet5-strokes-1", "after Ctrl-C"],
  ],
  async run({ out, config, resume, json = false, ...given }, _args, names) {
    if (resume !== undefined) {
      // Engine, threads and workers may differ from machine to machine; anything else would be another run.
      const others = [...names].filter((name) => !["resume", "json", "engine", "threads", "workers"].includes(name));
      if (others.length > 0) {
        throw new CommandLineError(
          `--resume takes all settings from the run; it does not go with --${others[0]!.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} ` +
            `(a new run with other settings: --config ${resume}/config.json)`,
        );
      }
      return resumeRun(resume, given, json);
    }
    const file = config === undefined ? {} : parseConfig(await readConfigFile(config), config);
    const isCounted = names.has("epochs") || file.epochs !== undefined;
    return startRun(completeConfig(given, file), isCounted, out, json);
  },
};

async function readConfigFile(path: string): Promise<unknown> {
  try {
    return await readJson(path);
  } catch (error) {
    if (error instanceof FoveaError && /is a folder/.test(error.message)) return readJson(`${path}/config.json`);
    throw error;
  }
}
