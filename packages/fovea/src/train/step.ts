import { UsageError } from "../base/errors.ts";
import { compile, type Compiled, type TensorTree } from "../graph/compile.ts";
import { Buffer } from "../nn/parameter.ts";
import type { Module } from "../nn/module.ts";
import { penalized } from "../nn/regularizers.ts";
import { clippedByNorm, clippedByValue } from "../optim/clip.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { assign } from "../ops/assign.ts";
import { at, concat } from "../ops/movement.ts";
import { hostInput, noGrad } from "../tensor/apply.ts";
import { grad } from "../tensor/autograd.ts";
import { tensor, zeros } from "../tensor/create.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor.ts";
import { entriesOf, isTensor, toDevice, type HostArray, type TrainBatch } from "./batch.ts";
import { named, type Objective, type Outputs, type Scores } from "./objective.ts";

/** Any network that a trainer can train. */
export type TrainableModel = Module<never, unknown>;

export interface StepOptions {
  readonly model: TrainableModel;
  readonly objective: Objective;
  /** How outputs are computed in training; default `model.forward`. */
  readonly forward: (...x: Tensor[]) => Outputs;
  readonly compiled: boolean;
  /** Whether the main output is read too. */
  readonly readOutput?: boolean;
  /** Largest length of all gradients together. */
  readonly clipNorm?: number | undefined;
  /** Largest size of any element of a gradient. */
  readonly clipValue?: number | undefined;
}

/** Numbers of a batch by name, means over its examples. */
export type BatchScores = ReadonlyMap<string, number>;

export interface BatchResult {
  readonly scores: BatchScores;
  /** The main output, where metrics on the host want it. */
  readonly output: HostArray | null;
}

/** Where a batch stands in a step of several: their gradients are added up, and the last one takes the step. */
export interface Share {
  readonly last: boolean;
  /** Examples of the step so far, this batch included. */
  readonly examples: number;
}

interface Program {
  readonly run: Compiled<Tensor[], TensorTree> | ((...args: Tensor[]) => TensorTree);
  /** What the numbers are that it gives. */
  readonly names: readonly string[];
}

/**
 * Runs batches: training steps, and scores without training. Each kind is recorded once per shape and replayed; a batch
 * costs one read of a few numbers. A loss that is not finite changes nothing.
 */
export class StepRunner {
  readonly #options: StepOptions;
  readonly #programs = new Map<string, Program>();
  /** Gradients of the batches of a step so far, by parameter. */
  readonly #sums = new Map<Tensor, Buffer>();
  /** What the programs of a step of several batches weigh gradients by. */
  #size = 0;
  #share: Share = { last: true, examples: 0 };

  constructor(options: StepOptions) {
    this.#options = options;
  }

  /** Trains on a batch, alone or as a share of a step. */
  train(batch: TrainBatch, optimizer: Optimizer, share?: Share): Promise<BatchResult> {
    this.#size = batch.size;
    this.#share = share ?? { last: true, examples: batch.size };
    return this.#score(this.#trainProgram(batch, optimizer, share), batch);
  }

  /** The scores of a batch as the model is, without training. */
  test(batch: TrainBatch): Promise<BatchResult> {
    const { model, objective } = this.#options;
    const forward = model.forward as (...x: Tensor[]) => Outputs;
    return this.#score(
      this.#program("test", batch, (x, y, weight) => noGrad(() => objective(forward(...x), y, weight))),
      batch,
    );
  }

  /** The outputs for a batch, by name. */
  predict(batch: Pick<TrainBatch, "x">): Record<string, Tensor> {
    const forward = this.#options.model.forward as (...x: Tensor[]) => Outputs;
    const { run } = this.#made(
      `predict ${batch.x.length}`,
      () =>
        (...x) =>
          noGrad(() => Object.fromEntries(entriesOf<Tensor>(forward(...x), isTensor))),
    );
    const x = batch.x.map(toDevice);
    const outputs = scope(() => run(...x)) as Record<string, Tensor>;
    for (const t of x) t[Symbol.dispose]();
    return outputs;
  }

  /** Bytes of the memory plan of a training step on batches like this. It is recorded, not run. */
  stepBytes(batch: TrainBatch, optimizer: Optimizer): number {
    const { run } = this.#trainProgram(batch, optimizer);
    if (!("plans" in run)) throw new UsageError("only a compiled step has a memory plan");
    run.explainPlan({ args: argumentsOf(batch).map(({ data, shape, dtype }) => tensor(() => data, { shape, dtype })) });
    const { arenaBytes, preparedBytes } = [...run.plans.values()].at(-1)!;
    return arenaBytes + preparedBytes;
  }

  dispose(): void {
    for (const { run } of this.#programs.values()) if ("dispose" in run) run.dispose();
    this.#programs.clear();
    this.#sums.clear();
  }

  #trainProgram(batch: TrainBatch, optimizer: Optimizer, share?: Share): Program {
    const { model, forward, objective } = this.#options;
    const kind = share === undefined ? "step" : share.last ? "last" : "share";
    if (share !== undefined) this.#makeSums(optimizer);
    // What is frozen or set free meanwhile is another program.
    const frozen = optimizer.parameters().map(({ requiresGrad }) => (requiresGrad ? "" : "-"));
    return this.#program(`${kind}${frozen.join()}`, batch, (x, y, weight) => {
      const { total, ...rest } = objective(forward(...x), y, weight);
      const loss = penalized(total, model);
      if (kind === "share") this.#addUp(loss, optimizer);
      else {
        const transform = this.#transform(kind === "last");
        optimizer.minimize(loss, { skipNonFinite: true, ...(transform && { transform }) });
      }
      return { total: loss.detach(), ...rest };
    });
  }

  /** The program of a kind for batches of this structure, which gives all their numbers in one row. */
  #program(
    kind: string,
    batch: TrainBatch,
    run: (x: Tensor[], y: ReadonlyMap<string, Tensor>, weight: Tensor | null) => Scores,
  ): Program {
    const inputs = batch.x.length;
    const targets = [...batch.y.keys()];
    const hasWeight = batch.weight !== null;
    return this.#made(`${kind} ${inputs} ${targets.join()} ${hasWeight}`, (names) => (...args) => {
      const y = new Map(targets.map((name, i) => [name, args[inputs + i]!]));
      const scores = run(args.slice(0, inputs), y, hasWeight ? args.at(-1)! : null);
      const row = inOneRow(scores, names);
      return this.#options.readOutput ? [row, scores.output.detach()] : [row];
    });
  }

  #made(key: string, make: (names: string[]) => (...args: Tensor[]) => TensorTree): Program {
    let program = this.#programs.get(key);
    if (program === undefined) {
      const names: string[] = [];
      const fn = make(names);
      program = { run: this.#options.compiled ? compile(fn) : fn, names };
      this.#programs.set(key, program);
    }
    return program;
  }

  async #score({ run, names }: Program, batch: TrainBatch): Promise<BatchResult> {
    const args = argumentsOf(batch).map(toDevice);
    const [row, output] = scope(() => run(...args)) as [row: Tensor, output?: Tensor];
    const values = await row.data();
    const read = output === undefined ? null : { data: await output.data(), shape: output.shape, dtype: output.dtype };
    for (const t of [...args, row, ...(output ? [output] : [])]) t[Symbol.dispose]();
    const scores = new Map(
      names.map((name, i) => (name.startsWith(SUM) ? [name.slice(1), values[i]! / batch.size] : [name, values[i]!])),
    );
    return { scores, output: read };
  }

  /** What happens to gradients before the step, or nothing. */
  #transform(several: boolean): ((gradients: readonly Tensor[], parameters: readonly Tensor[]) => Tensor[]) | null {
    const { clipNorm, clipValue } = this.#options;
    if (!several && clipNorm === undefined && clipValue === undefined) return null;
    return (gradients, parameters) => {
      let next = [...gradients];
      if (several) {
        // Each batch counts by its examples, as if they had come at once.
        const [size, all] = this.#numbers();
        next = next.map((g, i) => this.#sums.get(parameters[i]!)!.add(g.mul(size)).div(all));
        for (const sum of this.#sums.values()) assign(sum, zeros(sum.shape));
      }
      if (clipNorm !== undefined) next = clippedByNorm(next, clipNorm);
      if (clipValue !== undefined) next = clippedByValue(next, clipValue);
      return next;
    };
  }

  #addUp(loss: Tensor, optimizer: Optimizer): void {
    const parameters = optimizer.parameters().filter((p) => p.requiresGrad);
    const gradients = grad(loss, parameters);
    noGrad(() => {
      const [size] = this.#numbers();
      gradients.forEach((g, i) => {
        if (g === null) return;
        const sum = this.#sums.get(parameters[i]!)!;
        assign(sum, sum.add(g.mul(size)));
      });
    });
  }

  /** Examples of the batch, and of the step so far: computed anew for each run. */
  #numbers(): [size: Tensor, all: Tensor] {
    const both = hostInput({ shape: [2], dtype: "float32" }, () => Float32Array.of(this.#size, this.#share.examples));
    return [at(both, 0), at(both, 1)];
  }

  #makeSums(optimizer: Optimizer): void {
    for (const p of optimizer.parameters()) {
      if (p.requiresGrad && !this.#sums.has(p)) this.#sums.set(p, new Buffer(p.shape));
    }
  }
}

/** Marks sums over the examples among the names of numbers; the others are means. */
const SUM = "Σ";

/** All numbers of a batch in one row, so that they are read at once; `names` says which is which. */
function inOneRow({ total, parts, metrics }: Scores, names: string[]): Tensor {
  const entries: [string, Tensor][] = [["loss", total]];
  for (const [name, part] of parts)
    entries.push([named(/^\d/.test(name) ? `output${name}` : name, "loss"), part.detach()]);
  for (const [name, sum] of metrics) entries.push([SUM + name, sum]);
  names.splice(0, names.length, ...entries.map(([name]) => name));
  return concat(entries.map(([, value]) => value.reshape([1])));
}

function argumentsOf({ x, y, weight }: TrainBatch): HostArray[] {
  return [...x, ...y.values(), ...(weight === null ? [] : [weight])];
}

/** Throws for a number of batches per step that is none. */
export function checkAccumulate(accumulate: number): void {
  if (Number.isInteger(accumulate) && accumulate >= 1) return;
  throw new UsageError(`accumulate must be a whole number of batches ≥ 1, got ${accumulate}`);
}
