// From the start of a process to its first prediction from a file, both in turn; files are in the page cache.
import { spawn } from "node:child_process";
import { prepare, withFolder } from "../job.mjs";
import { chooseNetworks, networks } from "../networks.mjs";
import { choosePeers, ours } from "../peers.mjs";
import { round, versus } from "../race.mjs";

export const defaults = {
  models: "resnet50,mobilenetv2",
  batch: "1",
  against: { native: "onnxruntime-node,pytorch", wasm: "onnxruntime-web" },
};

export async function run({ models, batches, threads, engines, against, rounds = 9, log, record }) {
  for (const network of chooseNetworks(models)) {
    const { input } = networks[network];
    for (const batch of batches) {
      await withFolder(async (folder) => {
        prepare({ network, folder, batch, input, onnx: true });
        for (const engine of engines) {
          const peers = choosePeers(against[engine], "inference", network, log);
          for (const t of threads) {
            const job = { task: "inference", network, folder, batch, input, threads: t, engine };
            const times = [ours, ...peers].map(() => []);
            for (let r = 0; r <= rounds; r++) {
              for (const [i, peer] of [ours, ...peers].entries()) {
                const seconds = await firstPrediction(peer, job);
                if (r > 0) times[i].push(seconds); // the first time files are not in the page cache
              }
            }
            for (const [i, peer] of peers.entries()) {
              const v = versus(times[0], times[i + 1]);
              const values = { ours: round(v.ours, 3), theirs: round(v.theirs, 3), unit: "s", ratio: v.ratio };
              const row = { suite: "coldstart", model: network, batch, threads: t, engine, peer: peer.name };
              record({ ...row, ...values, maxError: null }, v.spread);
            }
          }
        }
      });
    }
  }
}

/** Seconds from spawning the process until its answer to the first "run 1" is here. */
function firstPrediction({ name, command, args, env = {} }, job) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, [...args, JSON.stringify({ ...job, name })], {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "ignore"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
      if (!output.includes('"seconds"')) return;
      resolve((performance.now() - start) / 1000);
      child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`${name} ended with ${code} before its first prediction`)));
    child.stdin.write("run 1\n");
  });
}
