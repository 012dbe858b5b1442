// Training step of LeNet-5, ours against each peer in turn (A B A B), images/s; losses are compared before timing.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { startContestant } from "./contestant.mjs";

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

/** How to start each peer, and why it may be absent. `steps`: how many fit in about half a second. */
const peers = {
  pytorch: {
    threads: true,
    steps: 60,
    available: () =>
      spawnSync("/usr/bin/python3", ["-c", "import torch"]).status === 0
        ? null
        : "Debian's python3-torch is not installed",
    start: (batch, threads) =>
      startContestant("pytorch", "/usr/bin/python3", [here("peers/pytorch.py"), batch, threads], {
        OPENBLAS_CORETYPE: "SKYLAKEX",
        MALLOC_MMAP_THRESHOLD_: "4294967296",
        MALLOC_TRIM_THRESHOLD_: "17179869184",
        MALLOC_TOP_PAD_: "268435456",
      }),
  },
  convnetjs: npmPeer("convnetjs", "convnetjs", 2),
  "jax-js": npmPeer("jax", "@jax-js/jax", 1),
  "tfjs-cpu": npmPeer("tfjs", "@tensorflow/tfjs", 1),
};

function npmPeer(file, dependency, steps) {
  return {
    threads: false,
    steps,
    available: () =>
      existsSync(here(`peers/node_modules/${dependency}`)) ? null : "not installed: npm install --prefix bench/peers",
    start: (batch) => startContestant(file, process.execPath, [here(`peers/${file}.mjs`), batch]),
  };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** One row per peer: our rate, theirs, and the median of the pairwise ratios. */
export async function training({ batch = 128, threads, engine, against, rounds = 7, log }) {
  const rows = [];
  for (const name of against) {
    const peer = peers[name];
    if (peer === undefined)
      throw new Error(`no peer "${name}" in this suite; there are ${Object.keys(peers).join(", ")}`);
    const absent = peer.available();
    if (absent !== null) {
      log(`${name}: absent (${absent})`);
      continue;
    }
    const ours = startContestant("fovea", process.execPath, [here("peers/fovea.mjs"), batch, threads, engine]);
    const theirs = peer.start(String(batch), String(peer.threads ? threads : 1));
    try {
      const [a, b] = [await ours.steps(3), await theirs.steps(3)];
      const maxError = Math.abs(a.loss - b.loss) / Math.abs(b.loss);
      const comparable = name !== "convnetjs";
      if (comparable && !(maxError < 1e-3)) throw new Error(`${name}: loss ${b.loss} after 3 steps, ours ${a.loss}`);
      const pairs = [];
      for (let round = 0; round <= rounds; round++) {
        const mine = await ours.steps(60);
        const other = await theirs.steps(peer.steps);
        // The first round is warm-up.
        if (round > 0) pairs.push([(60 * batch) / mine.seconds, (peer.steps * batch) / other.seconds]);
      }
      const row = {
        suite: "training",
        model: "lenet5",
        batch,
        threads,
        engine,
        peer: name,
        ours: Math.round(median(pairs.map(([m]) => m))),
        theirs: Math.round(median(pairs.map(([, t]) => t))),
        unit: "images/s",
        ratio: Number(median(pairs.map(([m, t]) => m / t)).toFixed(3)),
        maxError: comparable ? Number(maxError.toExponential(1)) : null,
      };
      log(
        `${engine} ${threads}t against ${name}: ${row.ours} / ${row.theirs} images/s = ${row.ratio} (loss differs ${row.maxError ?? "n/a"})`,
      );
      rows.push(row);
    } finally {
      ours.stop();
      theirs.stop();
    }
  }
  return rows;
}
