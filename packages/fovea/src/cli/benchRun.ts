import { CpuBackend } from "../backend/cpu/backend.ts";
import { measurePeak } from "../backend/cpu/peak.ts";
import { currentEngine, init } from "../backend/engines.ts";
import { UsageError } from "../base/errors.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import { compile } from "../graph/compile.ts";
import { countMacs, recordShapes } from "../graph/macs.ts";
import type { PlanReport } from "../graph/planReport.ts";
import { create, inputShape, type ModelName } from "../models/index.ts";
import { crossEntropy } from "../ops/losses.ts";
import { SGD } from "../optim/sgd.ts";
import { fromHost } from "../tensor/create.ts";
import { randn } from "../tensor/random.ts";
import type { Tensor } from "../tensor.ts";
import { describeEnvironment, type Environment } from "../train/environment.ts";

export interface BenchSettings {
  readonly model: ModelName;
  readonly batch: number;
  /** Side of the images; undefined as the model is made for. */
  readonly size: number | undefined;
  readonly train: boolean;
  readonly seconds: number;
  /** Also time every op by itself. */
  readonly layers: boolean;
  /** Choose algorithms by timing them. */
  readonly autotune?: boolean;
}

/** What was measured. Times are in milliseconds, of a whole batch. */
export interface BenchResult {
  readonly environment: Environment;
  readonly model: ModelName;
  readonly input: Shape;
  readonly train: boolean;
  readonly runs: number;
  /** From the call that records and plans to its result. */
  readonly firstMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly imagesPerSecond: number;
  /** Operations of a batch: two for each multiply–add of the layers; a training step counts three times the forward pass. */
  readonly operations: number;
  readonly operationsPerSecond: number;
  /** The most the threads in use can multiply and add; null on the reference engine. */
  readonly peakPerSecond: number | null;
  /** The most memory this process has held, and the share of it that is the static plan. */
  readonly residentBytes: number;
  readonly planBytes: number;
  /** Every op with its kernels, work and time; null when it was not asked for. */
  readonly layers: PlanReport | null;
}

/** Runs are measured in turns of about this long, so that progress can be shown between them. */
const TURN_MS = 100;
const LEAST_RUNS = 5;
/** Runs that time every op by itself. */
const LAYER_RUNS = 5;

/** Measures a model of the zoo with fresh weights on noise. `onProgress` is told the share that is done. */
export async function benchModel(settings: BenchSettings, onProgress: (share: number) => void): Promise<BenchResult> {
  await init(); // all threads from the first run on
  const { run, explain, input, operations } = prepare(settings);
  const time = () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  };
  onProgress(0);
  const firstMs = time();
  const budget = settings.seconds * 1000;
  for (let warm = 0; warm < Math.min(500, budget / 4);) warm += time();
  const times: number[] = [];
  for (let spent = 0; spent < budget || times.length < LEAST_RUNS;) {
    for (let turn = 0; turn < TURN_MS;) {
      const ms = time();
      times.push(ms);
      turn += ms;
      spent += ms;
    }
    onProgress(Math.min(1, spent / budget, times.length / LEAST_RUNS));
    await new Promise((resolve) => setImmediate(resolve)); // a Ctrl-C is heard
  }
  const engine = currentEngine();
  times.sort((a, b) => a - b);
  const medianMs = times[times.length >> 1]!;
  return {
    environment: describeEnvironment(),
    model: settings.model,
    input,
    train: settings.train,
    runs: times.length,
    firstMs,
    medianMs,
    p95Ms: times[Math.min(times.length - 1, Math.floor(times.length * 0.95))]!,
    imagesPerSecond: (1000 * settings.batch) / medianMs,
    operations,
    operationsPerSecond: (1000 * operations) / medianMs,
    peakPerSecond: engine instanceof CpuBackend ? measurePeak(engine.runtime) : null,
    residentBytes: process.resourceUsage().maxRSS * 1024,
    planBytes: explain().arenaBytes,
    layers: settings.layers ? explain(LAYER_RUNS) : null,
  };
}

interface Prepared {
  readonly run: () => void;
  /** The plan of what was run; with a number of runs, timed. */
  readonly explain: (runs?: number) => PlanReport;
  readonly input: Shape;
  readonly operations: number;
}

function prepare({ model: name, batch, size, train, autotune = false }: BenchSettings): Prepared {
  const model = create(name);
  const made = inputShape(name);
  const input = [batch, made[0]!, ...(size === undefined ? made.slice(1) : [size, size])];
  model.eval();
  const forward = (x: Tensor) => model.forward(x) as Tensor;
  const operations = 2 * countMacs(forward, input) * (train ? 3 : 1);
  const x = randn(input);
  let call: () => Tensor;
  let explain: (runs?: number) => PlanReport;
  if (train) {
    const scores = recordShapes(forward, [input]);
    const { shape } = scores.values[scores.outputs[0]!]!;
    if (shape.length < 2) throw new UsageError(`${name} gives no scores of classes to train on`);
    const y = randomLabels([shape[0]!, ...shape.slice(2)], shape[1]!);
    model.train();
    const optimizer = new SGD(model.parameters(), { lr: 1e-4, momentum: 0.9 });
    const step = compile(
      (images: Tensor, labels: Tensor) => {
        const loss = crossEntropy(forward(images), labels);
        optimizer.minimize(loss);
        return loss.detach();
      },
      { autotune },
    );
    call = () => step(x, y);
    explain = (runs) => step.explainPlan(runs === undefined ? {} : { profile: [x, y], runs });
  } else {
    const predict = compile(forward, { autotune });
    call = () => predict(x);
    explain = (runs) => predict.explainPlan(runs === undefined ? {} : { profile: [x], runs });
  }
  return {
    run: () => call()[Symbol.dispose](),
    explain,
    input,
    operations,
  };
}

function randomLabels(shape: Shape, classes: number): Tensor {
  const labels = Int32Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7) % classes);
  return fromHost(labels, shape, "int32");
}
