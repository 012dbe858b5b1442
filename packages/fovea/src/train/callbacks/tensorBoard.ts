import { join } from "node:path";
import type { Callback, Logs } from "../callback.ts";
import { EventFile, type EventImage } from "../eventFile.ts";
import type { Trainer } from "../trainer.ts";

export interface TensorBoardOptions {
  /** Also the numbers of every so many batches, as `batch_loss`; default none. */
  updateEvery?: number;
  /** Histograms of all weights after every so many epochs; default none. */
  histogramEvery?: number;
  /** Pictures of the first layer's filters after every so many epochs; default none. */
  imageEvery?: number;
}

/**
 * Writes event files for TensorBoard: `epoch_loss` and the other numbers of each epoch below `train` and `validation`, so
 * that both lie in one chart; as Keras' callback of that name.
 *
 * @example
 * callbacks: [new TensorBoard("logs/a", { histogramEvery: 1 })] // tensorboard --logdir logs
 */
export class TensorBoard implements Callback {
  readonly writes = true;
  readonly folder: string;
  readonly #options: TensorBoardOptions;
  #train: EventFile;
  #validation: EventFile;

  constructor(folder: string, options: TensorBoardOptions = {}) {
    this.folder = folder;
    this.#options = options;
    this.#train = new EventFile(join(folder, "train"));
    this.#validation = new EventFile(join(folder, "validation"));
  }

  onTrainBegin(): void {
    this.#train = new EventFile(join(this.folder, "train"));
    this.#validation = new EventFile(join(this.folder, "validation"));
  }

  onTrainBatchEnd(batch: number, _logs: Logs, { progress }: Trainer): void {
    const { updateEvery = 0 } = this.#options;
    if (updateEvery === 0 || (batch + 1) % updateEvery !== 0) return;
    for (const [name, value] of progress.scores) this.#train.scalar(`batch_${name}`, value, progress.step);
    this.#train.scalar("batch_learning_rate", progress.lr, progress.step);
  }

  async onEpochEnd(epoch: number, logs: Logs, { model }: Trainer): Promise<void> {
    for (const [name, value] of Object.entries(logs)) {
      if (name === "lr") this.#train.scalar("epoch_learning_rate", value, epoch);
      else if (!/^val[A-Z]/.test(name)) this.#train.scalar(`epoch_${name}`, value, epoch);
      else this.#validation.scalar(`epoch_${name[3]!.toLowerCase()}${name.slice(4)}`, value, epoch);
    }
    const isDue = (every = 0) => every > 0 && (epoch + 1) % every === 0;
    if (isDue(this.#options.histogramEvery)) {
      for (const [name, parameter] of model.namedParameters()) {
        this.#train.histogram(name.replaceAll(".", "/"), await parameter.data(), epoch);
      }
    }
    if (isDue(this.#options.imageEvery)) {
      for (const [name, parameter] of model.namedParameters()) {
        if (parameter.rank !== 4) continue;
        await this.#train.image(name.replaceAll(".", "/"), sheetOf(await parameter.data(), parameter.shape), epoch);
        break;
      }
    }
    await this.#flush();
  }

  close(): Promise<void> {
    return this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#train.flush();
    await this.#validation.flush();
  }
}

/** Filters [out, in, h, w] side by side, each a few pixels per weight: in colour where there are three inputs, else their first. */
function sheetOf(weights: ArrayLike<number>, shape: readonly number[]): EventImage {
  const [filters, inputs, h, w] = shape as [number, number, number, number];
  const channels = inputs === 3 ? 3 : 1;
  const columns = Math.ceil(Math.sqrt(filters));
  const [cellW, cellH] = [w * ZOOM + 1, h * ZOOM + 1];
  const [width, height] = [columns * cellW - 1, Math.ceil(filters / columns) * cellH - 1];
  const pixels = new Uint8Array(width * height * channels).fill(255);
  for (let f = 0; f < filters; f++) {
    const at = (c: number, y: number, x: number) => weights[((f * inputs + c) * h + y) * w + x]!;
    let largest = 0;
    for (let i = 0; i < inputs * h * w; i++) largest = Math.max(largest, Math.abs(weights[f * inputs * h * w + i]!));
    const [left, top] = [(f % columns) * cellW, Math.floor(f / columns) * cellH];
    for (let y = 0; y < h * ZOOM; y++) {
      for (let x = 0; x < w * ZOOM; x++) {
        for (let c = 0; c < channels; c++) {
          const share = largest === 0 ? 0 : at(c, Math.floor(y / ZOOM), Math.floor(x / ZOOM)) / largest;
          pixels[((top + y) * width + left + x) * channels + c] = Math.round(127.5 + 127.5 * share);
        }
      }
    }
  }
  return { pixels, width, height, channels };
}

/** Pixels per weight. */
const ZOOM = 8;
