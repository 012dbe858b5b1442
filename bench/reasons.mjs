// Why dense convolutions stay below their share of the roof, by what their shapes say.
import { dense, enough, percent } from "./shares.mjs";

/** From here on memory that nothing hides takes an eighth of the time: 1 / (1 + 0.14) = 88 %. */
const MUCH_MEMORY = 0.14;

/** Kinds of exceptions, of which the first that fits is taken. `memory`: its time over that of the arithmetic. */
const kinds = [
  {
    fits: ({ channels }) => channels === 3,
    reason:
      "The three channels of an image: 27 multiply–adds for a result (147 with a 7×7 kernel), so that starting and ending " +
      "a tile, with its row pointers and stores, takes about as long as they do.",
  },
  {
    fits: ({ memory }) => memory >= MUCH_MEMORY,
    reason:
      "Memory: reading and writing every number once takes the part of the arithmetic's time that stands behind the slash, " +
      "and results that go to memory are read first. One hides behind the other in part only: shares of about 1 / (1 + that) " +
      "and more are what to expect.",
  },
  {
    fits: ({ stride }) => stride > 1,
    reason:
      "Stride 2: an input gradient is four convolutions with 1, 2, 2 and 4 of the nine taps, whose tiles start and end more " +
      "often, and at borders without padding taps fall outside (17 % of the multiplications on 17×17). A weight gradient " +
      "copies every second pixel.",
  },
  {
    fits: () => true,
    reason:
      "32 channels on one side of a 3×3 kernel: what is addressed or copied for a pixel serves one or two panels.",
  },
];

/** The exceptions among rows of the kernels suite in lines of markdown: a kind and its cases, the lowest first. */
export function exceptions(rows, peaks) {
  const below = rows.flatMap((row) => {
    const found = dense(row);
    return found === null || row.ratio >= enough[found.direction]
      ? []
      : [{ ...found, ...costs(found, row, peaks), row }];
  });
  return kinds.flatMap((kind) => {
    const cases = below.filter((one) => kinds.find(({ fits }) => fits(one)) === kind);
    const listed = cases
      .toSorted((a, b) => a.row.ratio - b.row.ratio)
      .map(({ label, direction, memory, row }) => `${label} ${direction} ${percent(row.ratio)} / ${percent(memory)}`);
    return cases.length === 0 ? [] : [`- ${kind.reason} ${cases.length} cases: ${listed.join("; ")}.`];
  });
}

/** Channels and stride from the label, and the time that memory takes over that of the arithmetic. */
function costs({ label, direction }, { batch, threads, engine }, peaks) {
  const numbers = /^(\d+)→(\d+) (\d+)×(\d+) \/(\d+) on (\d+)×(\d+) pad (\d+),(\d+)/.exec(label).slice(1).map(Number);
  const [channels, out, kh, kw, stride, height, width, top, left] = numbers;
  const outputs = (size, kernel, pad) => Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const y = batch * out * outputs(height, kh, top) * outputs(width, kw, left);
  const bytes = 4 * (batch * channels * height * width + y + out * channels * kh * kw);
  const { readGBs, native, wasm } = peaks[threads];
  const peak = engine === "wasm" ? wasm : Math.max(...Object.values(native));
  return { channels, stride, direction, memory: bytes / readGBs / ((2 * y * channels * kh * kw) / peak) };
}
