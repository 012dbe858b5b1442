/** Shows how far something is. */
export interface Bar {
  /** @param what A few words on what is done now. */
  update(done: number, total: number, what: string): void;
  close(): void;
}

/** Milliseconds between two lines where there is no terminal. */
const LINE_EVERY = 5000;

/** A bar on a terminal; elsewhere a line every few seconds, or with `lines: false` nothing. */
export async function showBar(stream: NodeJS.WriteStream, { lines = true } = {}): Promise<Bar> {
  if (!stream.isTTY) {
    let last = performance.now(); // what takes no time needs no line
    return {
      update(done, total, what) {
        if (!lines || performance.now() - last < LINE_EVERY) return;
        last = performance.now();
        stream.write(`${what}  ${Math.floor((100 * done) / total)} %\n`);
      },
      close: () => {},
    };
  }
  const { default: cliProgress } = await import("cli-progress");
  const bar = new cliProgress.SingleBar({
    format: "{what} {bar} {percentage} %",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 20,
    clearOnComplete: true,
    hideCursor: true,
    linewrap: false,
    stream,
  });
  let running = false;
  return {
    update(done, total, what) {
      if (!running) bar.start(total, done, { what });
      else {
        bar.setTotal(total);
        bar.update(done, { what });
      }
      running = true;
    },
    close() {
      if (running) bar.stop();
      running = false;
    },
  };
}
