// A contestant: a process that does its job on request (peers/protocol.mjs). While it is not its turn it is stopped, so
// that no spinning thread pool takes time from the others.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts a contestant and waits until it is ready. */
export async function startContestant({ name, command, args, env = {} }, job) {
  const child = spawn(command, [...args, JSON.stringify({ ...job, name })], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk) => (errors = (errors + chunk).slice(-4000)));
  const waiting = [];
  let gone = null;
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) waiting.shift()?.resolve(JSON.parse(line));
  });
  const end = (why) => {
    gone ??= Object.assign(new Error(`${name} stopped: ${why}\n${errors}`), { contestant: name });
    for (const w of waiting.splice(0)) w.reject(gone);
  };
  child.on("error", (error) => end(error.message));
  child.on("close", (code, signal) => end(signal ?? `exit code ${code}`));
  child.stdin.on("error", () => {});
  const answer = () =>
    gone === null ? new Promise((resolve, reject) => waiting.push({ resolve, reject })) : Promise.reject(gone);
  const ask = async (line) => {
    child.kill("SIGCONT");
    const answered = answer();
    child.stdin.write(`${line}\n`);
    const result = await answered;
    child.kill("SIGSTOP");
    return result;
  };
  const { ready } = await answer();
  child.kill("SIGSTOP");
  return {
    name,
    version: ready,
    run: (n) => ask(`run ${n}`),
    output: () => ask("output"),
    memory: () => ask("memory"),
    stop: () =>
      new Promise((resolve) => {
        if (gone !== null) return resolve();
        child.on("close", resolve);
        child.kill("SIGKILL");
      }),
  };
}
