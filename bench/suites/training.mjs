// Training steps (forward, backward, SGD with momentum): images/s, the first losses compared.
import { duel } from "../duel.mjs";
import { prepare, withFolder } from "../job.mjs";
import { chooseNetworks, networks } from "../networks.mjs";
import { choosePeers, peers as known } from "../peers.mjs";

/** Losses of the first steps that differ by more than this, relatively, mean that not the same work is done. */
const tolerance = 1e-3;
const STEPS = 3;

export const defaults = { against: { native: "pytorch", wasm: "convnetjs,jax-js,tfjs-cpu" } };

export async function run({ models, batches, threads, engines, against, ...rest }) {
  for (const network of chooseNetworks(models, (n) => n.training !== undefined)) {
    const { training, input: usual } = networks[network];
    const input = training.input ?? usual;
    for (const batch of batches ?? [training.batch]) {
      await withFolder(async (folder) => {
        prepare({ network, folder, batch, input });
        for (const engine of engines) {
          const peers = choosePeers(against[engine], "training", network, rest.log);
          for (const t of threads) {
            const job = { task: "training", network, folder, batch, input, threads: t, engine };
            await duel({ job, peers, compare: lossErrors, tolerance, unit: "images/s", ...rest });
          }
        }
      });
    }
  }
}

/** The greatest relative difference of the first losses; null for peers that cannot start from our weights. */
export async function lossErrors(mine, others) {
  const own = await firstLosses(mine);
  const errors = [];
  for (const other of others) {
    const theirs = await firstLosses(other);
    const error = Math.max(...own.map((loss, k) => Math.abs(loss - theirs[k]) / Math.abs(theirs[k])));
    errors.push(known[other.name]?.losses === false ? null : error);
  }
  return errors;
}

async function firstLosses(contestant) {
  const losses = [];
  for (let i = 0; i < STEPS; i++) losses.push((await contestant.run(1)).loss);
  return losses;
}
