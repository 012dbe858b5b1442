import { showBytes, showCount, showPercent } from "../../train/format.ts";
import { showBar } from "../bar.ts";
import { benchModel, type BenchResult } from "../benchRun.ts";
import type { Command } from "../command.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { checkModelName } from "../modelName.ts";
import { positiveNumber, wholeNumber } from "../parse.ts";

interface BenchOptions extends EngineOptions {
  readonly batch?: number;
  readonly size?: number;
  readonly train?: boolean;
  readonly seconds?: number;
  readonly layers?: boolean;
  readonly autotune?: boolean;
  readonly json?: boolean;
}

export const bench: Command<BenchOptions> = {
  arguments: [{ name: "<model>", description: "name of a model: resnet50.torchvision, mobilenetv2, lenet5, …" }],
  options: [
    { flags: "--batch <n>", description: "images at once", parse: wholeNumber(1, 4096), default: 1 },
    {
      flags: "--size <pixels>",
      description: "side of the images (default: what the model is made for)",
      parse: wholeNumber(1, 8192),
    },
    { flags: "--train", description: "measure training steps: forward, backward, SGD with momentum" },
    { flags: "--seconds <s>", description: "time to measure for", parse: positiveNumber, default: 3 },
    { flags: "--layers", description: "also time every op by itself: its kernels, work, memory traffic and time" },
    {
      flags: "--autotune",
      description: "choose the algorithms of convolutions by timing them here (kept in the cache)",
    },
    ...engineOptions,
    { flags: "--json", description: "print one JSON object" },
  ],
  examples: [
    ["fovea bench resnet50.torchvision", "one picture at a time"],
    ["fovea bench mobilenetv2 --batch 16 --threads 1", "sixteen at a time, on one thread"],
    ["fovea bench resnet18.torchvision --train --batch 16", "a training step"],
    ["fovea bench googlenet.torchvision --layers", "where the time goes"],
    ["fovea bench lenet5 --engine wasm --json", "as WebAssembly, for a program to read"],
  ],
  async run(
    { batch = 1, size, train = false, seconds = 3, layers = false, autotune = false, json = false, ...engine },
    [name],
  ) {
    const model = checkModelName(String(name));
    useEngine(engine);
    const bar = await showBar(process.stderr, { lines: false }); // a measurement takes seconds
    const progress = (share: number) =>
      bar.update(Math.round(100 * share), 100, share === 0 ? "warming up" : "measuring");
    let result: BenchResult;
    try {
      result = await benchModel({ model, batch, size, train, seconds, layers, autotune }, progress);
    } finally {
      bar.close();
    }
    console.log(json ? JSON.stringify(result) : describe(result));
  },
};

const milliseconds = (ms: number) => `${ms < 100 ? ms.toPrecision(3) : showCount(ms)} ms`;
const giga = (x: number) => (x / 1e9).toPrecision(3);

function describe(result: BenchResult): string {
  const { environment: e, model, input, train, runs, firstMs, medianMs, p95Ms, imagesPerSecond } = result;
  const { operations, operationsPerSecond, peakPerSecond, residentBytes, planBytes, layers } = result;
  const share =
    peakPerSecond === null
      ? ""
      : `, ${showPercent(operationsPerSecond / peakPerSecond, 1)} of the peak of ${giga(peakPerSecond)}`;
  const rate = imagesPerSecond < 100 ? imagesPerSecond.toPrecision(3) : showCount(imagesPerSecond);
  return [
    `${model}, ${train ? "training" : "inference"} on [${input.join(", ")}]: ${e.engine} engine, ${e.isa}, ` +
      `${e.threads} ${e.threads === 1 ? "thread" : "threads"}`,
    `latency     ${milliseconds(medianMs)} (median of ${showCount(runs)} runs), ${milliseconds(p95Ms)} (95th percentile), ` +
      `first run ${milliseconds(firstMs)}`,
    `throughput  ${rate} images/s`,
    `arithmetic  ${giga(operations)} GFLOP, ${giga(operationsPerSecond)} GFLOP/s${share}`,
    `memory      ${showBytes(residentBytes)} resident at most, ${showBytes(planBytes)} of it the plan`,
    ...(layers === null ? [] : [`\n${layers.toString()}`]),
  ].join("\n");
}
