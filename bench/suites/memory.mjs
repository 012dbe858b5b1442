// The most memory a process ever had resident: predictions one at a time, and training steps. Linux only.
import { prepare, withContestants, withFolder } from "../job.mjs";
import { chooseNetworks, networks } from "../networks.mjs";
import { choosePeers, ours } from "../peers.mjs";
import { round } from "../race.mjs";

const RUNS = 5;

export const defaults = {
  models: "resnet50,resnet18,mobilenetv2",
  against: { native: "onnxruntime-node,pytorch", wasm: "onnxruntime-web" },
};

export async function run({ models, batches, threads, engines, against, log, record }) {
  for (const network of chooseNetworks(models)) {
    const { input, training } = networks[network];
    const tasks = [{ task: "inference", batch: 1, input }];
    if (training !== undefined) {
      tasks.push({ task: "training", batch: training.batch, input: training.input ?? input });
    }
    for (const { task, batch: usual, input: shape } of tasks) {
      for (const batch of batches ?? [usual]) {
        await withFolder(async (folder) => {
          prepare({ network, folder, batch, input: shape, onnx: task === "inference" });
          for (const engine of engines) {
            const peers = choosePeers(against[engine], task, network, log);
            for (const t of threads) {
              const job = { task, network, folder, batch, input: shape, threads: t, engine };
              const peaks = [];
              for (const peer of [ours, ...peers]) peaks.push(await peakMiB(peer, job));
              for (const [i, peer] of peers.entries()) {
                const [a, b] = [peaks[0], peaks[i + 1]];
                const row = {
                  suite: "memory",
                  model: `${network} ${task}`,
                  batch,
                  threads: t,
                  engine,
                  peer: peer.name,
                };
                record({ ...row, ours: a, theirs: b, unit: "MiB", ratio: round(b / a), maxError: null });
              }
            }
          }
        });
      }
    }
  }
}

async function peakMiB(peer, job) {
  return withContestants([peer], job, async ([contestant]) => {
    await contestant.run(RUNS);
    const { peakBytes } = await contestant.memory();
    if (peakBytes === null) throw new Error("memory: this system does not tell a process's peak (no /proc)");
    return Math.round(peakBytes / 2 ** 20);
  });
}
