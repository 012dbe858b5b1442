// Why dense convolutions stay below their share of the roof, by what their shapes say.
import { dense, percent } from "./shares.mjs";

/** From here on memory that nothing hides takes a ninth of the time: 1 / (1 + 0.12) = 89 %. */
const MUCH_MEMORY = 0.12;

/** Kinds of exceptions, of which the first that fits is taken. `memory`: its time over that of the arithmetic. */
const kinds = [
  {
    fits: ({ winograd }) => winograd,
    reason:
      "Winograd with few tiles: planes of transformed weights, or of the weight gradient's sums, are four times the weights and " +
      "are written and read for the tiles of a batch (512 → 512 channels: 38 MB, for 32 tiles of 7×7 maps), which takes about as " +
      "long as the products.",
  },
  {
    fits: ({ geometry }) => geometry.channels === 3,
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
    fits: ({ geometry }) => geometry.stride > 1,
    reason:
      "Stride 2: an input gradient is four convolutions with 1, 2, 2 and 4 of the nine taps, whose tiles start and end more " +
      "often, and at borders without padding taps fall outside (17 % of the multiplications on 17×17). A weight gradient " +
      "copies every second pixel.",
  },
  {
    fits: ({ row }) => row.engine === "wasm",
    reason:
      "WebAssembly: V8 keeps tiles of 4×2 in registers, of 6×2 in relaxed SIMD, where 14×2 fill AVX-512's: 8 multiply–adds come " +
      "with 6 loads, 12 with 8, each with an addition for its address, and starting and ending a tile takes as long as 2 or 3 of " +
      "its steps. Nothing can be fetched while it computes. Relaxed SIMD halves the arithmetic, not the copies of what is read " +
      "often, and its shares are of a peak nearly twice as high.",
  },
  {
    fits: () => true,
    reason:
      "At most 32 channels on one side of a 3×3 kernel: what is addressed or copied for a pixel serves one or two panels, and " +
      "with one vector of results every multiply–add needs a load.",
  },
];

/** The exceptions among rows of the kernels suite in lines of markdown: a kind and its cases, the lowest first. */
export function exceptions(rows, peaks) {
  const below = rows.flatMap((row) => {
    const found = dense(row);
    return found === null || row.ratio >= found.enough
      ? []
      : [{ ...found, memory: memoryCost(found, row, peaks), row }];
  });
  return kinds.flatMap((kind) => {
    const cases = below.filter((one) => kinds.find(({ fits }) => fits(one)) === kind);
    const listed = cases
      .toSorted((a, b) => a.row.ratio - b.row.ratio)
      .map(({ label, direction, memory, row }) => `${label} ${direction} ${percent(row.ratio)} / ${percent(memory)}`);
    return cases.length === 0
      ? []
      : [`- ${kind.reason} ${cases.length === 1 ? "One case" : `${cases.length} cases`}: ${listed.join("; ")}.`];
  });
}

/** The time that memory takes over that of the arithmetic. */
function memoryCost({ geometry }, { batch, threads, engine }, peaks) {
  const { channels, out, kernelHeight, kernelWidth, stride, height, width, top, left } = geometry;
  const outputs = (size, kernel, pad) => Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const y = batch * out * outputs(height, kernelHeight, top) * outputs(width, kernelWidth, left);
  const taps = channels * kernelHeight * kernelWidth;
  const bytes = 4 * (batch * channels * height * width + y + out * taps);
  const { readGBs, native, wasm, wasmRelaxed } = peaks[threads];
  const peak = engine === "wasm" ? (wasmRelaxed ?? wasm) : Math.max(...Object.values(native));
  return bytes / readGBs / ((2 * y * taps) / peak);
}
