// The machine, and the most it can do: measured anew in every run that states shares of a peak.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { withFolder } from "./job.mjs";
import { round } from "./race.mjs";
import { multiplyAdds, rateOf } from "./wasm-peak.mjs";

const source = fileURLToPath(new URL("peaks.c", import.meta.url));

/** Vector instruction sets by architecture: the flag the CPU lists, and how to compile for it. */
const isas = {
  x64: [
    { isa: "avx512", has: /\bavx512f\b/, flags: ["-march=x86-64-v4", "-mprefer-vector-width=512", "-DVB=64"] },
    { isa: "avx2", has: /\bavx2\b/, flags: ["-march=x86-64-v3", "-DVB=32"] },
    { isa: "sse2", has: /\bsse2\b/, flags: ["-march=x86-64", "-DVB=16"] },
  ],
  arm64: [{ isa: "neon", has: /\basimd\b|^$/, flags: ["-DVB=16"] }],
};

/** What identifies a machine in results: its CPU and cores, and Node, whose V8 decides about the wasm engine; nothing else. */
export function describeMachine() {
  const cpus = os.cpus();
  const info = cpuInfo();
  const family = /cpu family\s*: (\d+)[\s\S]*?model\s*: (\d+)/.exec(info);
  const model = family === null ? "" : ` (family ${family[1]}, model ${family[2]})`;
  const isa = isas[process.arch]?.find(({ has }) => has.test(flagsOf(info)))?.isa ?? "no vectors known";
  const cpu = `${cpus[0].model.trim()}${model}`;
  return {
    name: `${cpu} ${cpus.length} cores ${isa} node ${process.version.split(".")[0]}`
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-"),
    cpu,
    cores: cpus.length,
    isa,
    node: process.version,
  };
}

function cpuInfo() {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

const flagsOf = (info) => /^(?:flags|Features)\s*: (.*)$/m.exec(info)?.[1] ?? "";

/** `peaks.c` compiled for each instruction set of this machine, widest vectors first. */
function peakPrograms(folder) {
  const info = cpuInfo();
  return (isas[process.arch] ?? [])
    .filter(({ has }) => has.test(flagsOf(info)))
    .flatMap(({ isa, flags }) => {
      const program = path.join(folder, isa);
      const { status } = spawnSync("cc", ["-O3", "-ffp-contract=fast", "-pthread", ...flags, source, "-o", program]);
      return status === 0 ? [{ isa, program }] : [];
    });
}

/**
 * Calls `fn(peakNow)`: `peakNow(engine, threads)` measures the peak of multiply-adds in a few milliseconds, so that it can be
 * asked beside every measurement that is a share of it; GFLOP/s, or null where there is no compiler.
 */
export async function withPeakMeter(fn) {
  const kind = WebAssembly.validate(multiplyAdds("relaxed")) ? "relaxed" : "simd";
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(multiplyAdds(kind))).exports;
  const inWasm = () => rateOf(run, 2_000_000);
  for (let i = 0; i < 5; i++) inWasm(); // compiled by the optimising compiler
  return withFolder((folder) => {
    const [widest] = peakPrograms(folder);
    return fn((engine, threads) => {
      if (engine === "wasm") return threads * Math.max(inWasm(), inWasm());
      if (widest === undefined) return null;
      return Number(spawnSync(widest.program, [String(threads), "now"], { encoding: "utf8" }).stdout);
    });
  });
}

/** Peaks for each number of threads: { native: { avx2: GFLOP/s }, wasm, wasmRelaxed, readGBs, copyGBs }. */
export async function measurePeaks(threads) {
  const peaks = {};
  await withFolder(async (folder) => {
    const programs = peakPrograms(folder);
    for (const t of threads) {
      peaks[t] = { native: {} };
      for (const { isa, program } of programs) {
        const { gflops, ...memory } = await runPeaks(program, t);
        peaks[t].native[isa] = gflops;
        if (isa === programs[0].isa) Object.assign(peaks[t], memory); // widest vectors
      }
      peaks[t].wasm = await wasmPeak("simd", t);
      peaks[t].wasmRelaxed = await wasmPeak("relaxed", t);
    }
  });
  return peaks;
}

async function runPeaks(program, threads) {
  const child = spawn(program, [String(threads)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) output += chunk;
  return JSON.parse(output);
}

/** GFLOP/s of multiply-adds in WebAssembly, one worker per thread; null where the instructions are unknown. */
async function wasmPeak(kind, threads) {
  if (!WebAssembly.validate(multiplyAdds(kind))) return null;
  let best = 0;
  for (let attempt = 0; attempt < 5; attempt++) {
    const rates = await Promise.all(Array.from({ length: threads }, () => inWorker(kind)));
    best = Math.max(
      best,
      rates.reduce((a, b) => a + b),
    );
  }
  return round(best);
}

function inWorker(kind) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("wasm-peak.mjs", import.meta.url), { workerData: kind });
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}
