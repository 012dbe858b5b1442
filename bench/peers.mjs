// Who can be compared with, how each is started, and why one may be absent.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

export const ours = { name: "fovea", command: process.execPath, args: [here("peers/fovea.mjs")] };

const npm = (name, dependency, facts) => ({
  name,
  command: process.execPath,
  args: [here(`peers/${name}.mjs`)],
  absent: () =>
    existsSync(here(`peers/node_modules/${dependency}`)) ? null : "not installed: npm install --prefix bench/peers",
  ...facts,
});

/** `onnx`: reads the network as ONNX. `threads: false`: has only one. `losses: false`: cannot start from our weights. */
const all = [
  npm("onnxruntime-node", "onnxruntime-node", { onnx: true, tasks: ["inference"] }),
  npm("onnxruntime-web", "onnxruntime-web", { onnx: true, tasks: ["inference"] }),
  npm("tfjs-wasm", "@tensorflow/tfjs-backend-wasm", { onnx: true, tasks: ["inference"], threads: false }),
  {
    name: "pytorch",
    command: "/usr/bin/python3",
    args: [here("peers/pytorch.py")],
    tasks: ["inference", "training"],
    absent: () =>
      spawnSync("/usr/bin/python3", ["-c", "import torch, torchvision"]).status === 0
        ? null
        : "Debian's python3-torch and python3-torchvision are not installed",
    // Without these its matrix products are up to 30 times slower, and page faults cost it up to 2 times.
    env: {
      OPENBLAS_CORETYPE: openblasCore(),
      MALLOC_MMAP_THRESHOLD_: "4294967296",
      MALLOC_TRIM_THRESHOLD_: "17179869184",
      MALLOC_TOP_PAD_: "268435456",
      GOMP_SPINCOUNT: "10000", // it has two pools of threads, which else spin against each other
    },
  },
  // Ours on the native engine with one thread: what the wasm engine is to stay near.
  {
    ...ours,
    name: "fovea-native",
    tasks: ["inference", "training"],
    engine: "native",
    threads: false,
    absent: () => null,
  },
  npm("convnetjs", "convnetjs", { tasks: ["training"], networks: ["lenet5"], threads: false, losses: false }),
  npm("jax-js", "@jax-js/jax", { tasks: ["training"], networks: ["lenet5"], threads: false }),
  npm("tfjs-cpu", "@tensorflow/tfjs", { tasks: ["training"], networks: ["lenet5"], threads: false }),
];

export const peers = Object.fromEntries(all.map((peer) => [peer.name, peer]));

/** OpenBLAS of Debian does not know newer CPUs: it is told the best set of kernels this one can run. */
function openblasCore() {
  const flags = spawnSync("lscpu", { encoding: "utf8" }).stdout ?? "";
  return /avx512f/.test(flags) ? "SKYLAKEX" : /avx2/.test(flags) ? "HASWELL" : "NEHALEM";
}

/** The wanted peers that are here and can do the task; says which are absent. */
export function choosePeers(wanted, task, network, log) {
  const chosen = [];
  for (const name of wanted) {
    const peer = peers[name];
    if (peer === undefined) throw new Error(`no peer "${name}"; there are ${Object.keys(peers).join(", ")}`);
    if (!peer.tasks.includes(task) || peer.networks?.includes(network) === false) continue;
    const why = peer.absent();
    if (why === null) chosen.push(peer);
    else log(`${name}: absent (${why})`);
  }
  return chosen;
}
