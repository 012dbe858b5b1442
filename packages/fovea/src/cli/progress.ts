import { showCount, showDuration, showNumber, showPercent } from "../train/format.ts";
import type { StepProgress } from "../train/fit.ts";

/** Shows on stderr how training goes: a bar on a terminal, a line every few seconds elsewhere. */
export interface Progress {
  update(progress: StepProgress): void;
  /** A line that stays. */
  say(line: string): void;
  close(): void;
}

/** Seconds between two lines where there is no terminal. */
const LINE_EVERY = 5;

export async function makeProgress(stream: NodeJS.WriteStream = process.stderr): Promise<Progress> {
  const timeLeft = makeTimeLeft();
  return stream.isTTY ? barProgress(stream, timeLeft) : lineProgress(stream, timeLeft);
}

async function barProgress(stream: NodeJS.WriteStream, timeLeft: (p: StepProgress) => string): Promise<Progress> {
  const { default: cliProgress } = await import("cli-progress");
  const bar = new cliProgress.SingleBar({
    format: "{label} {bar} {percentage} %  loss {loss}  accuracy {accuracy}  {speed} images/s  {left} left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 20,
    fps: 10,
    clearOnComplete: true,
    hideCursor: true,
    linewrap: false,
    stream,
  });
  let running = false;
  const close = () => {
    if (running) bar.stop();
    running = false;
  };
  return {
    update(p) {
      const values = { label: label(p), ...show(p), left: timeLeft(p) };
      if (!running) bar.start(p.batches, p.batch, values);
      else bar.update(p.batch, values);
      running = true;
    },
    say(line) {
      close();
      stream.write(`${line}\n`);
    },
    close,
  };
}

function lineProgress(stream: NodeJS.WriteStream, timeLeft: (p: StepProgress) => string): Progress {
  let last = -Infinity; // the first line comes at once: it works
  return {
    update(p) {
      const left = timeLeft(p);
      if (performance.now() - last < LINE_EVERY * 1000) return;
      last = performance.now();
      const { loss, accuracy, speed } = show(p);
      const percent = Math.floor((100 * p.batch) / p.batches);
      stream.write(`${label(p)}  ${percent} %  loss ${loss}  accuracy ${accuracy}  ${speed} images/s  ${left} left\n`);
    },
    say: (line) => void stream.write(`${line}\n`),
    close: () => {},
  };
}

function label({ epoch, epochs }: StepProgress): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}

function show({ loss, accuracy, imagesPerSecond }: StepProgress): { loss: string; accuracy: string; speed: string } {
  return { loss: showNumber(loss), accuracy: showPercent(accuracy, 1), speed: showCount(imagesPerSecond) };
}

/** Estimates the time to the end of the run from the steps of this session. */
function makeTimeLeft(): (progress: StepProgress) => string {
  let first: { step: number; at: number } | null = null;
  return ({ step, epoch, epochs, batch, batches }) => {
    const now = performance.now();
    first ??= { step, at: now };
    const left = (epochs - epoch) * batches + batches - batch;
    if (step === first.step) return "?";
    return showDuration((((now - first.at) / (step - first.step)) * left) / 1000);
  };
}
