// Contestants in turn: A B A B. What is compared is the ratio within a round, so that a machine whose speed drifts
// changes both sides alike.

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Digits that a measurement deserves. */
export const round = (x, digits = 4) => Number(x.toPrecision(digits));

/**
 * Seconds per run of each contestant: one list per contestant, one value per round.
 *
 * Each has run before. A turn is one untimed run (caches hold the other's data) and then as many as fit into `turn`
 * seconds. Unless their number is given, there are 9 rounds, or 3 to 8 where no more fit into `budget` seconds.
 */
export async function race(contestants, { rounds, turn = 0.25, budget = 12 }) {
  const counts = [];
  let roundSeconds = 0;
  for (const c of contestants) {
    const { seconds } = await c.run(1);
    const warm = seconds < 0.5;
    const n = Math.max(1, Math.round(turn / seconds));
    counts.push({ n, warm });
    roundSeconds += (n + Number(warm)) * seconds;
  }
  const times = contestants.map(() => []);
  const wanted = rounds ?? Math.max(3, Math.min(9, Math.floor(budget / roundSeconds)));
  for (let r = 0; r < wanted; r++) {
    for (const [i, c] of contestants.entries()) {
      const { n, warm } = counts[i];
      if (warm) await c.run(1);
      times[i].push((await c.run(n)).seconds / n);
    }
  }
  return times;
}

/** Ours against theirs: medians, and the ratio of rounds (above 1: ours is faster) with its range. */
export function versus(mine, theirs) {
  const ratios = mine.map((m, r) => theirs[r] / m);
  return {
    ours: median(mine),
    theirs: median(theirs),
    ratio: round(median(ratios)),
    spread: [round(Math.min(...ratios), 3), round(Math.max(...ratios), 3)],
  };
}
