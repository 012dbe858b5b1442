import { kernelNames, type KernelName } from "./kernels.generated.ts";

/** The id of each kernel in the C table. */
export const kernelIds: ReadonlyMap<KernelName, number> = new Map(kernelNames.map((name, id) => [name, id]));
/** As in kernels/c/run.h: what may share the command stands above the kernel's id. */
const THREADS_SHIFT = 16;
const MOST_THREADS = 255;

/** Writes commands as the int32 words that `run` in kernels/c/run.c reads. */
export class ProgramWords {
  words = new Int32Array(1024);
  count = 0;
  commands = 0;

  reset(): void {
    this.count = 0;
    this.commands = 0;
  }

  /**
   * Appends one command: [id and threads, buffers, parameters, words] then addresses (low, high), then parameters.
   *
   * @param threads The most that may share it.
   */
  command(kernel: KernelName, addresses: readonly number[], params: readonly number[], threads = MOST_THREADS): void {
    const size = 4 + addresses.length * 2 + params.length;
    const total = size + (size & 1);
    while (this.count + total > this.words.length) this.#grow();
    const w = this.words;
    let at = this.count;
    w[at++] = kernelIds.get(kernel)! | (Math.min(threads, MOST_THREADS) << THREADS_SHIFT);
    w[at++] = addresses.length;
    w[at++] = params.length;
    w[at++] = total;
    for (const address of addresses) {
      writeAddress(w, at, address);
      at += 2;
    }
    for (const p of params) w[at++] = p;
    this.count += total;
    this.commands++;
  }

  #grow(): void {
    const bigger = new Int32Array(this.words.length * 2);
    bigger.set(this.words);
    this.words = bigger;
  }
}

/** Addresses are whole numbers below 2^53, written as two words. */
export function writeAddress(words: Int32Array, at: number, address: number): void {
  words[at] = address | 0;
  words[at + 1] = (address / 2 ** 32) | 0;
}
