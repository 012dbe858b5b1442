// A contestant: a process that runs training steps on request (see peers/protocol.mjs).
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts a contestant; `steps(n)` resolves to { seconds, loss }. */
export function startContestant(name, command, args, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => (errors = (errors + chunk).slice(-2000)));
  const waiting = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) waiting.shift()?.resolve(JSON.parse(line));
  });
  const ended = (why) => {
    for (const w of waiting.splice(0)) w.reject(new Error(`${name} stopped: ${why}\n${errors}`));
  };
  child.on("error", (error) => ended(error.message));
  child.on("exit", (code) => ended(`exit code ${code}`));
  child.stdin.on("error", () => {});
  return {
    name,
    steps: (n) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`steps ${n}\n`);
      }),
    stop: () => child.kill(),
  };
}
