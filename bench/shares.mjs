// How many dense convolutions of each network come near what the machine can do, from rows of the kernels suite.

/**
 * The share of the peak, or of what memory allows, that is enough. Weights are packed anew in gradients. By Winograd it is
 * that of the multiply–adds of the direct algorithm.
 */
const enough = { forward: 0.8, inputGrad: 0.75, weightGrad: 0.75, wasm: 0.85, winograd: 1.8 };

/** What the numbers of a kind of rows (engine, peer) are to reach, in words. */
export function wanted({ engine, peer }) {
  const direct =
    engine === "wasm"
      ? `${percent(enough.wasm)} in all directions`
      : `${percent(enough.forward)} forward, ${percent(enough.inputGrad)} in gradients`;
  return isExact(peer) ? direct : `Winograd layers ${enough.winograd} times the peak, others ${direct}`;
}

const isExact = (peer) => peer.endsWith("exact");

/** The numbers in a label, `128→256 3×3 /2 on 56×56 pad 1,1`. */
function geometryOf(label) {
  const numbers = /^(\d+)→(\d+) (\d+)×(\d+) \/(\d+) on (\d+)×(\d+) pad (\d+),(\d+)/.exec(label).slice(1).map(Number);
  const [channels, out, kernelHeight, kernelWidth, stride, height, width, top, left] = numbers;
  return { channels, out, kernelHeight, kernelWidth, stride, height, width, top, left };
}

/** From 64 channels and 16 tiles of 4×4 results on, Winograd is to save more than half of the time. */
function byWinograd({ channels, out, kernelHeight, kernelWidth, stride, height, width }, batch) {
  const tiles = batch * Math.ceil(height / 4) * Math.ceil(width / 4);
  return kernelHeight === 3 && kernelWidth === 3 && stride === 1 && Math.min(channels, out) >= 64 && tiles >= 16;
}

/** What is known of a row about a dense convolution, and the share that is enough for it; null for others. */
export function dense({ suite, model, engine, peer, batch }) {
  const [, label, direction, users] = /^conv (.*) (\w+) \(([^()]*)\)$/.exec(model) ?? [];
  if (suite !== "kernels" || users === undefined || label.includes(" groups ")) return null;
  const geometry = geometryOf(label);
  const winograd = !isExact(peer) && byWinograd(geometry, batch);
  const share = winograd ? enough.winograd : engine === "wasm" ? enough.wasm : enough[direction];
  return { label, direction, networks: users.split(", "), geometry, winograd, enough: share };
}

/** Per network and direction: how many cases there are, how many reach their share, and those that do not. */
export function denseShares(rows) {
  const groups = new Map();
  for (const row of rows) {
    const { engine, threads, peer, ratio } = row;
    const found = dense(row);
    if (found === null) continue;
    const { label, direction, networks } = found;
    for (const network of networks) {
      const key = [network, direction, engine, threads, peer].join("/");
      if (!groups.has(key)) groups.set(key, { network, direction, engine, threads, peer, cases: 0, below: [] });
      const group = groups.get(key);
      group.cases++;
      if (ratio < found.enough) group.below.push({ label, share: ratio });
    }
  }
  return [...groups.values()].map((group) => ({ ...group, reached: group.cases - group.below.length }));
}

/** `72 %` */
export const percent = (share) => `${Math.round(share * 100)} %`;

/** Exceptions in one line, the lowest first. */
export const showBelow = ({ below }) =>
  below
    .toSorted((a, b) => a.share - b.share)
    .map(({ label, share }) => `${label}: ${percent(share)}`)
    .join("; ");
