// How many dense convolutions of each network come near what the machine can do, from rows of the kernels suite.

/** The share of the peak, or of what memory allows, that is enough; weights are packed anew in gradients. */
export const enough = { forward: 0.8, inputGrad: 0.75, weightGrad: 0.75 };

/** Label, direction and networks of a row about a dense convolution; null for others. */
export function dense({ suite, model }) {
  const [, label, direction, users] = /^conv (.*) (\w+) \(([^()]*)\)$/.exec(model) ?? [];
  if (suite !== "kernels" || users === undefined || label.includes(" groups ")) return null;
  return { label, direction, networks: users.split(", ") };
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
      if (ratio < enough[direction]) group.below.push({ label, share: ratio });
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
