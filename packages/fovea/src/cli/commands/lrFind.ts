import { manualSeed } from "../../base/random.ts";
import { DataLoader } from "../../data/loader.ts";
import { channelStatistics } from "../../data/statistics.ts";
import { writeFileAtomic } from "../../io/files.ts";
import { inputShape, type ModelName } from "../../models/index.ts";
import type { OptimizerName } from "../../train/optimizers.ts";
import { lrFind } from "../../train/lrFind.ts";
import { drawLrFind } from "../../train/report/lrChart.ts";
import { showBar } from "../bar.ts";
import type { Command } from "../command.ts";
import { dataHelp, openData, type ImageShape } from "../data.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { buildModel, type ModelSpec } from "../model.ts";
import { checkModelName } from "../modelName.ts";
import { choice, wholeNumber } from "../parse.ts";
import { completeConfig, makeOptimizer, optimizerNames } from "../trainConfig.ts";
import { stopOnSignals } from "../signals.ts";

interface LrFindCommandOptions extends EngineOptions {
  readonly data?: string;
  readonly optimizer?: OptimizerName;
  readonly batchSize?: number;
  readonly iterations?: number;
  readonly seed?: number;
  readonly out?: string;
  readonly json?: boolean;
}

export const lrFindCommand: Command<LrFindCommandOptions> = {
  arguments: [{ name: "<model>", description: "a network by name: lenet5, resnet20.cifar (fovea zoo has all)" }],
  options: [
    { flags: "--data <name or folder>", description: dataHelp, default: "strokes" },
    {
      flags: "--optimizer <name>",
      description: optimizerNames.join(", "),
      parse: choice(optimizerNames),
      default: "adam",
    },
    { flags: "--batch-size <n>", description: "images per step", parse: wholeNumber(1, 1e6), default: 64 },
    { flags: "--iterations <n>", description: "steps from 1e-7 to 10", parse: wholeNumber(20, 1e5), default: 100 },
    { flags: "--seed <n>", description: "of weights and order", parse: wholeNumber(0), default: 0 },
    { flags: "--out <file>", description: "write the curve as an SVG file" },
    ...engineOptions,
    { flags: "--json", description: "print one JSON object with the suggestions and the curve" },
  ],
  examples: [
    ["fovea lr-find lenet5 --out lr.svg", "for LeNet-5 on handwriting drawn by a program"],
    ["fovea lr-find resnet20.cifar --data photos --optimizer sgd", "for a folder of pictures"],
  ],
  async run(options, [name]) {
    useEngine(options);
    const { data = "strokes", optimizer = "adam", batchSize = 64, iterations = 100, seed = 0, out, json } = options;
    const model = checkModelName(String(name));
    const say = (line: string) => void process.stderr.write(`${line}\n`);
    const source = await openData(data, say);
    const { train, fit } = await source.training((classes) => shapeFor(model, classes));
    manualSeed(seed);
    const spec: ModelSpec = { model, options: { numClasses: train.classes.length }, classes: train.classes, data };
    const bar = await showBar(process.stderr);
    const stop = stopOnSignals(() => bar.close());
    try {
      const loader = new DataLoader(train, {
        batchSize,
        seed,
        ...(await channelStatistics(train)),
        transform: fit,
        onBadSample: ({ name: file, error }) => say(`left out ${file}: ${error.message}`),
      });
      const result = await lrFind(buildModel(spec), loader, {
        optimizer: (parameters) =>
          makeOptimizer({ ...completeConfig({ optimizer }), schedule: "constant" }, parameters, 1),
        iterations,
        signal: stop.signal,
        onProgress: (done, total) => bar.update(done, total, "searching the rate"),
      });
      bar.close();
      if (out !== undefined) await writeFileAtomic(out, await drawLrFind(result));
      const { suggestions, diverged, points } = result;
      if (json) {
        console.log(JSON.stringify({ model, data, optimizer, batchSize, suggestions, diverged, points }));
        return;
      }
      const meanings = {
        valley: "half of the way down the longest fall: start with this one",
        slide: "before the slope changes at the end",
        minimum: "a tenth of the rate with the least loss",
        steep: "where the loss falls fastest",
      } as const;
      for (const rule of ["valley", "slide", "minimum", "steep"] as const) {
        console.log(`${rule.padEnd(8)} ${suggestions[rule].toPrecision(3).padStart(9)}  ${meanings[rule]}`);
      }
      console.log(
        `next     fovea train --model ${model} --data ${data} --optimizer ${optimizer} --lr ${suggestions.valley.toPrecision(2)}`,
      );
    } finally {
      bar.close();
      stop.dispose();
    }
  },
};

function shapeFor(model: ModelName, classes: readonly string[]): ImageShape {
  return inputShape(model, { numClasses: classes.length }) as unknown as ImageShape;
}
