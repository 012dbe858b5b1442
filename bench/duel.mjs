// Ours and its peers at one job: results are compared first, then speeds in turn.
import { withContestants } from "./job.mjs";
import { ours } from "./peers.mjs";
import { race, round, versus } from "./race.mjs";

/**
 * One row per peer, of the suite `job.suite` (that of the task by default). `compare(mine, others)` gives an error per peer (null: cannot be compared); a peer beyond the
 * tolerance is not timed but reported. `unit` is "ms" (per batch) or "images/s".
 */
export async function duel({ job, peers, compare, tolerance, unit, rounds, record, wrong }) {
  const { task, suite = task, network: model, batch, threads, engine } = job;
  const shown = (seconds) => round(unit === "ms" ? seconds * 1000 : batch / seconds);
  await withContestants([ours, ...peers], job, async ([mine, ...others]) => {
    const errors = await compare(mine, others);
    const rivals = others.flatMap((other, i) => {
      const error = errors[i];
      if (error === null || error <= tolerance) return [{ other, error }];
      wrong(`${suite} ${model} b${batch}: ours and ${other.name} differ by ${error}`);
      return [];
    });
    const [own, ...theirs] = await race([mine, ...rivals.map(({ other }) => other)], { rounds });
    for (const [i, { other, error }] of rivals.entries()) {
      const v = versus(own, theirs[i]);
      const values = { ours: shown(v.ours), theirs: shown(v.theirs), unit, ratio: v.ratio };
      const maxError = error === null ? null : round(error, 2);
      record({ suite, model, batch, threads, engine, peer: other.name, ...values, maxError }, v.spread);
    }
  });
}
