import { cacheFolder, machineName, readText, writeText } from "#platform";
import { sizeOf, type Shape } from "../../base/shape.ts";
import { kernelHash, type KernelName } from "./kernels.generated.ts";
import type { Algorithm, CommandOptions, Convolution, CpuValue, Emitter, Ref } from "./lower.ts";
import { convKernels } from "./lower/conv.ts";
import type { CpuRuntime } from "./runtime.ts";
import { ProgramWords } from "./words.ts";

/** Milliseconds by algorithm. */
type Times = Partial<Record<Algorithm, number>>;

/** Runs of an algorithm, of which the fastest counts: as many as fit, between these. */
const RUNS = { budgetMs: 20, least: 3, most: 50 };

/**
 * Chooses algorithms of convolutions by running them, once for each shape. What was measured is kept in the cache folder, in a
 * file for each machine, engine, instruction set, number of threads and version of the kernels; a file that cannot be read
 * or written is as none.
 */
export class Tuning {
  readonly #runtime: CpuRuntime;
  readonly #known = new Map<string, Map<string, Times>>();

  constructor(runtime: CpuRuntime) {
    this.#runtime = runtime;
  }

  choose(convolution: Convolution, algorithms: readonly Algorithm[]): { algorithm: Algorithm; report: string } {
    const file = this.#file();
    const known = this.#load(file);
    const key = keyOf(convolution);
    let times = known.get(key);
    if (times === undefined || algorithms.some((algorithm) => !(times![algorithm]! > 0))) {
      times = Object.fromEntries(algorithms.map((a) => [a, timeOf(this.#runtime, convolution, a)]));
      known.set(key, times);
      writeText(file, JSON.stringify(Object.fromEntries(known), null, 1));
    }
    const all = times;
    const algorithm = algorithms.reduce((best, a) => (all[a]! < all[best]! ? a : best));
    const list = algorithms.map((a) => `${a} ${all[a]!.toPrecision(3)} ms`).join(", ");
    return { algorithm, report: `${key}: ${algorithm} (${list})` };
  }

  #file(): string | null {
    const folder = cacheFolder();
    const { name, isa, threads } = this.#runtime;
    const parts = [machineName(), name, isa, `${threads}-threads`, kernelHash.toString(16)];
    return folder && `${folder}/tuning/${parts.join("-").replaceAll(/[^A-Za-z0-9.]+/g, "-")}.json`;
  }

  #load(file: string | null): Map<string, Times> {
    const name = file ?? "";
    let known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, (known = parse(file && readText(file))));
    return known;
  }
}

function parse(text: string | null): Map<string, Times> {
  try {
    const entries = Object.entries((JSON.parse(text ?? "{}") ?? {}) as Record<string, Times | null>);
    return new Map(entries.filter(([, times]) => typeof times === "object" && times !== null) as [string, Times][]);
  } catch {
    return new Map();
  }
}

function keyOf({ x, weight, attrs }: Convolution): string {
  return `conv2d [${x.join(", ")}] * [${weight.join(", ")}] padding ${attrs.padding.flat().join(",")}`;
}

/** Milliseconds of a convolution without what is done once, such as packing weights. */
function timeOf(runtime: CpuRuntime, { x, weight, y, attrs }: Convolution, algorithm: Algorithm): number {
  const trial = new Trial(runtime, algorithm);
  try {
    const call = { inputs: [trial.value(x), trial.value(weight, "contiguous")], output: trial.value(y), attrs };
    convKernels.conv2d.emit(trial, call as never);
    return trial.time();
  } finally {
    trial.free();
  }
}

/** Emits the commands of one op in memory of their own. */
class Trial implements Emitter {
  readonly lanes: number;
  readonly #runtime: CpuRuntime;
  readonly #algorithm: Algorithm;
  readonly #addresses: number[] = [];
  readonly #once = new ProgramWords();
  readonly #often = new ProgramWords();

  constructor(runtime: CpuRuntime, algorithm: Algorithm) {
    this.lanes = runtime.lanes;
    this.#runtime = runtime;
    this.#algorithm = algorithm;
  }

  command(kernel: KernelName, buffers: readonly Ref[], params: readonly number[], options?: CommandOptions): void {
    const words = kernel.endsWith("_pack") ? this.#once : this.#often;
    const addresses = buffers.map((ref) => this.#addresses[ref]!);
    words.command(kernel, addresses, params, options?.threads);
  }

  scratch(bytes: number): Ref {
    return this.#addresses.push(this.#runtime.allocate(Math.max(4, bytes))) - 1;
  }

  /** A float32 tensor of ones: what was in memory before could be numbers that are slow. */
  value(shape: Shape, layout: CpuValue["layout"] = "channelsLast"): CpuValue {
    const ref = this.scratch(4 * sizeOf(shape));
    this.#runtime.write(this.#addresses[ref]!, new Float32Array(sizeOf(shape)).fill(1));
    return { spec: { shape, dtype: "float32" }, layout, ref };
  }

  choose(): Algorithm {
    return this.#algorithm;
  }

  lies(): boolean {
    return false;
  }

  constant(): boolean {
    return false;
  }

  time(): number {
    const run = ({ words, count }: ProgramWords) => this.#runtime.run(words, count);
    run(this.#once);
    run(this.#often); // warm
    let [best, spent, runs] = [Infinity, 0, 0];
    while (runs < RUNS.least || (spent < RUNS.budgetMs && runs < RUNS.most)) {
      const start = performance.now();
      run(this.#often);
      const ms = performance.now() - start;
      best = Math.min(best, ms);
      spent += ms;
      runs++;
    }
    return best;
  }

  free(): void {
    for (const address of this.#addresses) this.#runtime.free(address);
  }
}
