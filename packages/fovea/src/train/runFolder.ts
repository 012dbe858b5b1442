import { appendFile, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, FoveaError } from "../base/errors.ts";
import { makeFolder, readFile, writeFileAtomic } from "../io/files.ts";
import { toJsonLines, type HistoryLine } from "./runLines.ts";

const CONFIG = "config.json";
const METRICS = "metrics.jsonl";

/**
 * The folder of one training run.
 *
 * `config.json` what was asked for; `metrics.jsonl` what came of it, line by line; `checkpoint/` where it can go on;
 * `best.safetensors` and `last.safetensors` the weights; `report.html`.
 */
export class RunFolder {
  readonly path: string;
  /** Lines of metrics.jsonl. */
  #lines = 0;

  private constructor(path: string) {
    this.path = path;
  }

  /** A new folder at `path`, which must not hold anything yet. */
  static async create(path: string, config: object): Promise<RunFolder> {
    await makeFolder(path);
    if ((await readdir(path)).length > 0) {
      const isRun = await exists(join(path, CONFIG));
      throw new FoveaError(
        isRun
          ? `${path} holds a run already; go on with it by --resume ${path}, or name another folder`
          : `${path} is not empty; name a new folder for the run`,
      );
    }
    const run = new RunFolder(path);
    await writeFileAtomic(join(path, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
    await run.rewriteMetrics([]);
    return run;
  }

  /** A new folder `<parent>/<stem>-<number>`, with the next free number. */
  static async createNumbered(parent: string, stem: string, config: object): Promise<RunFolder> {
    await makeFolder(parent);
    const taken = (await readdir(parent)).map((name) =>
      name.startsWith(`${stem}-`) ? Number(name.slice(stem.length + 1)) : 0,
    );
    for (let number = Math.max(0, ...taken.filter(Number.isInteger)) + 1; ; number++) {
      const path = join(parent, `${stem}-${number}`);
      try {
        await mkdir(path); // fails where another process was faster
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
        throw new FoveaError(`cannot write to ${parent}: ${(error as Error).message}`, { cause: error });
      }
      return RunFolder.create(path, config);
    }
  }

  /** The folder of an earlier run. */
  static async open(path: string): Promise<RunFolder> {
    if (!(await exists(join(path, CONFIG)))) {
      throw new FoveaError(`${path} is not a run: it has no ${CONFIG}; a run is the folder that fovea train wrote`);
    }
    return new RunFolder(path);
  }

  /** The contents of config.json; it may have been edited, so check what you take from it. */
  readConfig(): Promise<unknown> {
    return readJson(join(this.path, CONFIG));
  }

  file(name: "best.safetensors" | "last.safetensors" | "report.html"): string {
    return join(this.path, name);
  }

  /** Adds the lines of the history that are not in metrics.jsonl yet. */
  async appendMetrics(history: readonly HistoryLine[]): Promise<void> {
    if (history.length <= this.#lines) return;
    const fresh = history.slice(this.#lines);
    this.#lines = history.length;
    await appendFile(join(this.path, METRICS), toJsonLines(fresh));
  }

  async writeReport(html: string): Promise<void> {
    await writeFileAtomic(this.file("report.html"), html);
  }

  /** Puts metrics.jsonl back to these lines. */
  async rewriteMetrics(history: readonly HistoryLine[]): Promise<void> {
    await writeFileAtomic(join(this.path, METRICS), toJsonLines(history));
    this.#lines = history.length;
  }
}

/** A JSON file, or an error that names it. */
export async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readFile(path));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
