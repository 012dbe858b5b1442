// Predictions: milliseconds per batch, outputs compared first.
import { duel } from "../duel.mjs";
import { outputErrors, prepare, withFolder } from "../job.mjs";
import { chooseNetworks, networks } from "../networks.mjs";
import { choosePeers } from "../peers.mjs";

/** Outputs further apart than this, relative to the largest, are not timed. */
const tolerance = 1e-4;

export const defaults = { batch: "1,16", against: { native: "onnxruntime-node", wasm: "onnxruntime-web,tfjs-wasm" } };

export async function run({ models, batches, threads, engines, against, ...rest }) {
  for (const network of chooseNetworks(models)) {
    const { input } = networks[network];
    for (const batch of batches) {
      await withFolder(async (folder) => {
        prepare({ network, folder, batch, input, onnx: true });
        for (const engine of engines) {
          const peers = choosePeers(against[engine], "inference", network, rest.log);
          for (const t of threads) {
            const job = { task: "inference", network, folder, batch, input, threads: t, engine };
            await duel({ job, peers, compare: outputErrors, tolerance, unit: "ms", ...rest });
          }
        }
      });
    }
  }
}
