import { FoveaError } from "../../base/errors.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { writeFileAtomic } from "../../io/files.ts";
import { describeEnvironment } from "../../train/environment.ts";
import { showCount, showPercent } from "../../train/format.ts";
import { showBar } from "../bar.ts";
import type { Command } from "../command.ts";
import { parseMethods, type Method } from "../compare/methods.ts";
import { renderComparison } from "../compare/report.ts";
import { compareMethods, type MethodResult } from "../compare/run.ts";
import { dataHelp, openData, type DataSource } from "../data.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { wholeNumber } from "../parse.ts";
import { showTable } from "../table.ts";

interface CompareCommandOptions extends EngineOptions {
  readonly methods?: readonly Method[];
  readonly limit?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly seed?: number;
  readonly out?: string;
  readonly json?: boolean;
}

const usual = "raw+linear,hog+linear,hog+svm,lbp+knn,bow+svm,deep+svm,cnn";

/** More would make the kernel of an SVM slow, and the methods are to see the same. */
const LIMIT = 5_000;

/** Pictures of folders, which have any size, are compared in this one; other data as they are. */
const PHOTO = [3, 64, 64] as const;

export const compare: Command<CompareCommandOptions> = {
  arguments: [{ name: "<data>", description: dataHelp }],
  options: [
    {
      flags: "--methods <list>",
      description:
        "features+classifier (raw, pca, hog, lbp, gabor, bow, deep + linear, svm, logistic, knn), or networks (cnn, any of the zoo)",
      parse: parseMethods,
      default: usual,
    },
    {
      flags: "--limit <n>",
      description: "training pictures at most, chosen by the seed",
      parse: wholeNumber(2),
      default: LIMIT,
    },
    { flags: "--epochs <n>", description: "epochs of the networks", parse: wholeNumber(1), default: 10 },
    { flags: "--batch-size <n>", description: "pictures per step of the networks", parse: wholeNumber(1), default: 64 },
    { flags: "--seed <n>", description: "of everything random", parse: wholeNumber(0), default: 0 },
    { flags: "--out <file>", description: "write a page with table, charts and confusion matrices" },
    ...engineOptions,
    { flags: "--json", description: "print one JSON object, with the confusion matrices" },
  ],
  examples: [
    ["fovea compare mnist", "seven methods on 5,000 digits"],
    ["fovea compare mnist --methods raw+linear,hog+svm,lenet5 --out report.html", "three of them, as a page"],
    ["fovea compare photos/", "photos in folders named after their classes, at 64 × 64"],
    ["fovea compare digits/ --methods raw+linear,hog+svm,deep+svm", "UCI's digits in a folder"],
  ],
  async run(options, [name]) {
    useEngine(options);
    const { methods = parseMethods(usual), limit = LIMIT, epochs = 10, batchSize = 64, seed = 0 } = options;
    const source = await openData(String(name), console.error);
    const { train, test } = await openParts(source, limit, seed);
    if (train.shape.join() !== test.shape.join() || train.classes.join() !== test.classes.join()) {
      throw new FoveaError(
        `${train.name} has [${train.shape.join(", ")}] pictures of ${train.classes.length} classes, but ${test.name} ` +
          `[${test.shape.join(", ")}] of ${test.classes.length}; both parts must be alike`,
      );
    }
    const bar = await showBar(process.stderr, { lines: !options.json });
    const results = await compareMethods(methods, train, test, {
      seed,
      epochs,
      batchSize,
      onProgress: (method, share, what) => bar.update(method + share, methods.length, what),
    }).finally(() => bar.close());

    const facts = {
      data: source.name,
      train: train.length,
      test: test.length,
      classes: train.classes.length,
      epochs,
      seed,
    };
    if (options.out !== undefined) {
      await writeFileAtomic(options.out, await renderComparison(results, facts, describeEnvironment()));
    }
    if (options.json) console.log(JSON.stringify({ ...facts, results }));
    else {
      const { engine, threads } = describeEnvironment();
      console.log(
        `${source.name}: ${showCount(train.length)} pictures for training, ${showCount(test.length)} for testing, ` +
          `${train.classes.length} classes; ${engine} engine, ${threads} ${threads === 1 ? "thread" : "threads"}\n\n${tableOf(results)}` +
          (options.out === undefined ? "" : `\n\nreport   ${options.out}`),
      );
    }
  },
};

/** What methods learn from, and what they are tested on: of a folder without parts a fifth, chosen by the seed. */
async function openParts(
  source: DataSource,
  limit: number,
  seed: number,
): Promise<{ readonly train: ImageDataset; readonly test: ImageDataset }> {
  const all = await source.train(PHOTO);
  const given = await source.test(PHOTO);
  const [train, test] = given.name === all.name ? all.split(0.8, seed) : [all, given];
  return { train: limited(train, limit, seed), test };
}

function limited(data: ImageDataset, limit: number, seed: number): ImageDataset {
  return data.length <= limit ? data : data.split(limit / data.length, seed)[0];
}

export function tableOf(results: readonly MethodResult[]): string {
  const rows = results.map(({ method, accuracy, trainSeconds, predictSeconds, parameters, about }) => [
    method,
    showPercent(accuracy),
    `${trainSeconds.toFixed(2)} s`,
    `${predictSeconds.toFixed(2)} s`,
    showCount(parameters),
    about,
  ]);
  const titles = ["method", "accuracy", "training", "prediction", "numbers kept", "what it is"];
  return showTable([titles, ...rows], [false, true, true, true, true, false]);
}
