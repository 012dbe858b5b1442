// A job: one network at one batch size, its files in a temporary folder, and the contestants that do it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startContestant } from "./contestant.mjs";

const prepareScript = fileURLToPath(new URL("prepare.mjs", import.meta.url));

/** Runs `fn(folder)` with a temporary folder that is removed afterwards. */
export async function withFolder(fn) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "fovea-bench-"));
  try {
    return await fn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes weights, inputs and, if wanted, the ONNX file into the folder. */
export function prepare(job) {
  const { status, stderr } = spawnSync(process.execPath, [prepareScript, JSON.stringify(job)], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${job.network} could not be prepared: ${stderr.trim()}`);
}

/** Starts contestants one after the other, runs `fn` with them, and ends them whatever happens. */
export async function withContestants(peers, job, fn) {
  const started = [];
  try {
    for (const peer of peers) {
      const threads = peer.threads === false ? 1 : job.threads;
      started.push(await startContestant(peer, { ...job, threads, engine: peer.engine ?? job.engine }));
    }
    return await fn(started);
  } finally {
    await Promise.all(started.map((c) => c.stop()));
  }
}

/** How far each peer's outputs for the same images are from ours, relative to the largest output. */
export async function outputErrors(mine, others) {
  const values = async (c) => {
    await c.run(1);
    return floats((await c.output()).file);
  };
  const own = await values(mine);
  const errors = [];
  for (const other of others) errors.push(distance(own, await values(other), other.name));
  return errors;
}

function distance(own, theirs, name) {
  if (own.length !== theirs.length) throw new Error(`we have ${own.length} outputs, ${name} ${theirs.length}`);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < own.length; i++) {
    difference = Math.max(difference, Math.abs(own[i] - theirs[i]));
    largest = Math.max(largest, Math.abs(theirs[i]));
    if (Number.isNaN(own[i] - theirs[i])) return NaN;
  }
  return difference / largest;
}

function floats(file) {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
