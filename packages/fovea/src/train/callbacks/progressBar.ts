import type * as CliProgress from "cli-progress";
import type { Callback, Logs } from "../callback.ts";
import { showCount, showDuration, showNumber, showPercent } from "../format.ts";
import type { Progress, Trainer } from "../trainer.ts";

/** Where lines and bars go: a stream of Node, or anything that writes. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface ProgressBarOptions {
  /** Default stderr, in browsers the console. */
  stream?: ProgressStream;
  /** A bar that moves, or a line per epoch alone; default: a bar where the stream is a terminal. */
  bar?: boolean;
  /** A line when an epoch is done; default true. */
  epochLines?: boolean;
  /** Seconds between lines within an epoch where there is no bar; default: none. */
  lineEvery?: number;
  /** What examples are called: `images/s`. Default "examples". */
  unit?: string;
}

interface Bar {
  start(total: number, value: number, payload: object): void;
  update(value: number, payload: object): void;
  stop(): void;
}

/** Shows how training goes: what `verbose` switches on. */
export class ProgressBar implements Callback {
  readonly #stream: ProgressStream;
  readonly #options: ProgressBarOptions;
  readonly #wantsBar: boolean;
  #bar: Bar | null = null;
  #running = false;
  #lastLine = -Infinity; // the first line comes at once: it works
  #session: { readonly step: number; readonly at: number } | null = null;
  #epoch = { seconds: 0, examples: 0 };

  constructor(options: ProgressBarOptions = {}) {
    this.#options = options;
    this.#stream = options.stream ?? defaultStream();
    this.#wantsBar = (options.bar ?? true) && this.#stream.isTTY === true;
  }

  async onTrainBegin({ progress }: Trainer): Promise<void> {
    this.#epoch = { seconds: progress.seconds, examples: progress.examples };
    if (this.#wantsBar) this.#bar = await makeBar(this.#stream);
  }

  onTrainBatchEnd(_batch: number, logs: Logs, { progress }: Trainer): void {
    this.#session ??= { step: progress.step, at: performance.now() };
    if (this.#bar !== null) this.#update(this.#bar, logs, progress);
    else this.#line(logs, progress);
  }

  onEpochEnd(epoch: number, logs: Logs, { progress }: Trainer): void {
    const seconds = progress.seconds - this.#epoch.seconds;
    const examples = progress.examples - this.#epoch.examples;
    this.#epoch = { seconds: progress.seconds, examples: progress.examples };
    if (this.#options.epochLines === false) return;
    const shown = Object.entries(logs).filter(([name]) => name !== "lr");
    const speed = seconds > 0 ? `  ${showCount(examples / seconds)} ${this.#unit}/s  ${seconds.toFixed(1)} s` : "";
    this.say(`${label(epoch, progress.epochs)}  ${shown.map(([name, v]) => showLog(name, v)).join("  ")}${speed}`);
  }

  close(): void {
    if (this.#running) this.#bar?.stop();
    this.#running = false;
  }

  /** A line that stays. */
  say(line: string): void {
    this.close();
    this.#stream.write(`${line}\n`);
  }

  get #unit(): string {
    return this.#options.unit ?? "examples";
  }

  #update(bar: Bar, logs: Logs, progress: Progress): void {
    const values = { what: label(progress.epoch, progress.epochs), numbers: this.#numbers(logs, progress) };
    if (!this.#running) bar.start(progress.batches ?? 0, progress.batch, values);
    else bar.update(progress.batch, values);
    this.#running = true;
  }

  #line(logs: Logs, progress: Progress): void {
    const { lineEvery } = this.#options;
    if (lineEvery === undefined || performance.now() - this.#lastLine < lineEvery * 1000) return;
    this.#lastLine = performance.now();
    const share =
      progress.batches === null ? progress.batch : `${Math.floor((100 * progress.batch) / progress.batches)} %`;
    this.#stream.write(`${label(progress.epoch, progress.epochs)}  ${share}  ${this.#numbers(logs, progress)}\n`);
  }

  #numbers(logs: Logs, progress: Progress): string {
    const shown = Object.entries(logs).map(([name, v]) => showLog(name, v, 1));
    return `${shown.join("  ")}  ${showCount(progress.examplesPerSecond)} ${this.#unit}/s  ${this.#timeLeft(progress)} left`;
  }

  /** To the end of the run, from the steps of this session. */
  #timeLeft({ step, epoch, epochs, batch, batches }: Progress): string {
    const first = this.#session!;
    if (step === first.step || batches === null) return "?";
    const left = (epochs - epoch - 1) * batches + batches - batch;
    return showDuration((((performance.now() - first.at) / (step - first.step)) * left) / 1000);
  }
}

/** `validation accuracy 97.12 %` */
function showLog(name: string, value: number, digits = 2): string {
  const words = name.replace(/^val([A-Z])/, (_, c: string) => `validation ${c.toLowerCase()}`);
  return `${words} ${/accuracy$/i.test(name) ? showPercent(value, digits) : showNumber(value)}`;
}

function label(epoch: number, epochs: number): string {
  return `epoch ${String(epoch + 1).padStart(String(epochs).length)}/${epochs}`;
}

function defaultStream(): ProgressStream {
  const { process } = globalThis as { process?: { stderr?: ProgressStream } };
  return process?.stderr ?? { write: (text) => console.log(text.trimEnd()) };
}

async function makeBar(stream: ProgressStream): Promise<Bar> {
  // Only terminals get here: bundlers for browsers must not follow the name.
  const name = "cli-progress";
  const { default: cliProgress } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
    default: typeof CliProgress;
  };
  return new cliProgress.SingleBar({
    format: "{what} {bar} {percentage} %  {numbers}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 20,
    fps: 10,
    clearOnComplete: true,
    hideCursor: true,
    linewrap: false,
    stream: stream as NodeJS.WriteStream,
  });
}
