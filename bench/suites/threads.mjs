// What threads gain: ours with several against ours with one, whose results must be the same to the last bit.
import { duel } from "../duel.mjs";
import { outputErrors, prepare, withFolder } from "../job.mjs";
import { chooseNetworks, networks } from "../networks.mjs";
import { ours } from "../peers.mjs";
import { lossErrors } from "./training.mjs";

/** Predictions at this batch; training at the batch that the network has for it. */
export const defaults = { models: "resnet18,resnet50", batch: "16", against: { native: "", wasm: "" } };

const single = { ...ours, name: "one thread", threads: false };

export async function run({ models, batches, threads, engines, ...rest }) {
  for (const network of chooseNetworks(models)) {
    const { input, training } = networks[network];
    const work = batches.map((batch) => ({ task: "inference", batch, input, compare: outputErrors, unit: "ms" }));
    if (training !== undefined) {
      work.push({ task: "training", input, ...training, compare: lossErrors, unit: "images/s" });
    }
    for (const { task, batch, input: shape, compare, unit } of work) {
      await withFolder(async (folder) => {
        prepare({ network, folder, batch, input: shape });
        for (const engine of engines) {
          for (const t of threads.filter((count) => count > 1)) {
            const job = { suite: `threads, ${task}`, task, network, folder, batch, input: shape, threads: t, engine };
            await duel({ job, peers: [single], compare, tolerance: 0, unit, ...rest });
          }
        }
      });
    }
  }
}
