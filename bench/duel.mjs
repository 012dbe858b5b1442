// Ours and its peers at one job: results are compared first, then speeds in turn.
import { withContestants } from "./job.mjs";
import { ours } from "./peers.mjs";
import { race, round, versus } from "./race.mjs";

/**
 * One row per peer, of the suite `job.suite` (that of the task by default). `compare(mine, others)` gives an error per peer
 * (null: cannot be compared); a peer beyond the tolerance is not timed but reported, and one whose process ends leaves a
 * row that says so. `unit` is "ms" (per batch) or "images/s".
 */
export async function duel({ job, peers, compare, tolerance, unit, rounds, record, wrong }) {
  const { task, suite = task, network: model, batch, threads, engine } = job;
  const shown = (seconds) => round(unit === "ms" ? seconds * 1000 : batch / seconds);
  for (const peer of peers) {
    const about = { suite, model, batch, threads, engine, peer: peer.name };
    try {
      await withContestants([ours, peer], job, async ([mine, other]) => {
        const [error] = await compare(mine, [other]);
        if (error !== null && !(error <= tolerance)) {
          wrong(`${suite} ${model} b${batch}: ours and ${peer.name} differ by ${error}`);
          return;
        }
        const v = versus(...(await race([mine, other], { rounds })));
        const values = { ours: shown(v.ours), theirs: shown(v.theirs), unit, ratio: v.ratio };
        record({ ...about, ...values, maxError: error === null ? null : round(error, 2) }, v.spread);
      });
    } catch (error) {
      if (error.contestant !== peer.name) throw error;
      const [failed] = error.message.split("\n");
      record({ ...about, ours: null, theirs: null, unit, ratio: null, maxError: null, failed });
    }
  }
}
