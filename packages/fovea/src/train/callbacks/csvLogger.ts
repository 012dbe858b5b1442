import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomic } from "../../io/files.ts";
import type { Callback, CallbackState, Logs } from "../callback.ts";

export interface CSVLoggerOptions {
  /** Default ",". */
  separator?: string;
}

/** Writes a table with a row per epoch. A resumed run writes on where its checkpoint was. */
export class CSVLogger implements Callback {
  readonly name = "csvLogger";
  readonly writes = true;
  readonly path: string;
  readonly #separator: string;
  #columns: string[] = [];
  #rows: string[] = [];
  /** Rows that are in the file. */
  #written = 0;

  constructor(path: string, { separator = "," }: CSVLoggerOptions = {}) {
    this.path = path;
    this.#separator = separator;
  }

  onTrainBegin(): void {
    [this.#columns, this.#rows, this.#written] = [[], [], 0];
  }

  async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.#columns.length === 0) this.#columns = Object.keys(logs);
    // Epochs without validation have empty cells; numbers of later epochs that the first had not, none.
    this.#rows.push([epoch, ...this.#columns.map((name) => logs[name] ?? "")].join(this.#separator));
    if (this.#written > 0) await appendFile(this.path, `${this.#rows.at(-1)}\n`);
    else await this.#rewrite();
    this.#written = this.#rows.length;
  }

  state(): CallbackState {
    return { values: { columns: this.#columns, rows: this.#rows } };
  }

  restore({ values }: CallbackState): void {
    const { columns, rows } = values as { columns: string[]; rows: string[] };
    [this.#columns, this.#rows] = [columns, rows];
  }

  async #rewrite(): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    const header = ["epoch", ...this.#columns].join(this.#separator);
    await writeFileAtomic(this.path, [header, ...this.#rows, ""].join("\n"));
  }
}
