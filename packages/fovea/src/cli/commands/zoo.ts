import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { FoveaError } from "../../base/errors.ts";
import { facts, type ModelFacts } from "../../models/facts.ts";
import { kerasTable, type KerasRow } from "../../models/kerasTable.ts";
import { list } from "../../models/_registry.ts";
import { showCount } from "../../train/format.ts";
import { showBar } from "../bar.ts";
import type { BenchResult } from "../benchRun.ts";
import type { Command } from "../command.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { CommandLineError } from "../errors.ts";
import { checkModelName } from "../modelName.ts";
import { choice, wholeNumber } from "../parse.ts";
import { showTable } from "../table.ts";
import { runUnoptimized } from "../unoptimized.ts";

interface ZooOptions extends EngineOptions {
  readonly table?: "keras";
  readonly time?: boolean;
  readonly batch?: number;
  readonly json?: boolean;
}

export const zoo: Command<ZooOptions> = {
  arguments: [{ name: "[pattern]", description: "names to list, with * for anything; default all" }],
  options: [
    { flags: "--table <name>", description: "keras: the table of Keras Applications", parse: choice(["keras"]) },
    { flags: "--time", description: "with --table: also measure an inference step of each network here (minutes)" },
    { flags: "--batch <n>", description: "images in a step, with --time", parse: wholeNumber(1, 4096), default: 1 },
    ...engineOptions,
    { flags: "--json", description: "print one JSON array" },
  ],
  examples: [
    ["fovea zoo", "every network"],
    ['fovea zoo "resnet*"', "those that begin so"],
    ["fovea zoo --table keras", "size, accuracy, parameters and depth of Keras' twelve"],
    ["fovea zoo --table keras --time --batch 32", "and their time per step here, in Keras' batches of 32"],
  ],
  async run({ table, time = false, batch = 1, json = false, ...engine }, [pattern], given) {
    if (table === undefined && (time || given.has("batch"))) {
      throw new CommandLineError(`${time ? "--time" : "--batch"} goes with --table keras${time ? "" : " --time"}`);
    }
    runUnoptimized();
    if (table === "keras") {
      const rows: TimedRow[] = kerasTable().map((row) => ({ ...row, stepMs: null, batch: null }));
      if (time) await measure(rows, batch, engine);
      console.log(json ? JSON.stringify(rows) : showKeras(rows));
      return;
    }
    const names = list(typeof pattern === "string" ? pattern : "*");
    if (names.length === 0) checkModelName(String(pattern)); // says what there is
    const rows = names.map(facts);
    console.log(json ? JSON.stringify(rows) : showZoo(rows));
  },
};

/** A row of Keras' table; the step is measured on request. */
interface TimedRow extends KerasRow {
  stepMs: number | null;
  /** Images in the step. */
  batch: number | null;
}

/** Each network runs in a process of its own, `fovea bench`, so that none has another's memory around it. */
async function measure(rows: TimedRow[], batch: number, { engine, threads }: EngineOptions): Promise<void> {
  useEngine({ engine, threads }); // says now what is wrong
  const options = ["--batch", String(batch), "--seconds", "1", "--json"];
  if (engine !== undefined) options.push("--engine", engine);
  if (threads !== undefined) options.push("--threads", String(threads));
  const bar = await showBar(process.stderr);
  try {
    for (const [k, row] of rows.entries()) {
      bar.update(k, rows.length, `measuring ${row.name}, ${k + 1} of ${rows.length}`);
      const command = [...process.execArgv, process.argv[1]!, "bench", row.name, ...options];
      const { stdout } = await promisify(execFile)(process.execPath, command).catch((error: Error) => {
        const { stderr = error.message } = error as Error & { stderr?: string };
        throw new FoveaError(`measuring ${row.name} failed: ${stderr.trim()}`, { cause: error });
      });
      row.stepMs = (JSON.parse(stdout) as BenchResult).medianMs;
      row.batch = batch;
    }
  } finally {
    bar.close();
  }
}

function showKeras(rows: readonly TimedRow[]): string {
  const timed = rows.some(({ stepMs }) => stepMs !== null);
  const head = [
    "Model",
    "Size (MB)",
    "Top-1",
    "Top-5",
    "Parameters",
    "Depth",
    ...(timed ? ["ms per step"] : []),
    "Name",
  ];
  const body = rows.map(({ model, name, sizeMB, top1, top5, parameters, depth, stepMs }) => [
    model,
    sizeMB.toFixed(0),
    `${top1.toFixed(1)} %`,
    `${top5.toFixed(1)} %`,
    showCount(parameters),
    String(depth),
    ...(stepMs === null ? [] : [stepMs.toPrecision(3)]),
    name,
  ]);
  const right = head.map((_, k) => k > 0 && k < head.length - 1);
  const notes = [
    "Accuracy: as Keras publishes it. Size, parameters (with running statistics) and depth: counted here.",
    ...(timed
      ? [
          `A step is the inference of ${rows[0]!.batch === 1 ? "one image" : `${rows[0]!.batch} images`}, the median of a second or five runs;` +
            " Keras' own column is of 32.",
        ]
      : []),
  ];
  return [showTable([head, ...body], right), "", ...notes].join("\n");
}

function showZoo(rows: readonly ModelFacts[]): string {
  const head = ["Name", "Family", "Year", "Input", "Parameters", "with statistics", "MACs", "Top-1", "by"];
  const body = rows.map(({ name, family, paper, input, published, ...counts }) => [
    name,
    family,
    String(paper.year),
    input.join("×"),
    showCount(counts.parameters),
    showCount(counts.parametersWithStatistics),
    showCount(counts.macs),
    published === null ? "" : `${published.top1.toFixed(1)} %`,
    published === null ? "" : `${published.source}${published.on === "ImageNet" ? "" : `, ${published.on}`}`,
  ]);
  const right = [false, false, false, true, true, true, true, true, false];
  return [
    showTable([head, ...body], right),
    "",
    "Parameters: trainable; with statistics: and running means and variances, as Keras counts. MACs: multiply–accumulates of",
    "convolutions and linear layers for one image (twice as many FLOPs). Top-1: published, of ImageNet unless it says so.",
    "--json also has papers and their addresses; fovea summary <name> has the layers.",
  ].join("\n");
}
