// Results by machine: results/<machine>.json holds the newest row of each kind, and the peaks measured beside them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describeMachine } from "./machine.mjs";

const folder = fileURLToPath(new URL("results", import.meta.url));

const keyOf = (row) => [row.suite, row.engine, row.peer, row.model, row.batch, row.threads].join("/");

/** Adds rows to what is known of this machine; they replace older rows of the same kind. */
export function recordResults(rows, peaks) {
  const { name, ...machine } = describeMachine();
  const file = `${folder}/${name}.json`;
  const known = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { rows: [] };
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: folder.slice(0, -8), encoding: "utf8" });
  const stamp = { date: new Date().toISOString().slice(0, 10), commit: commit.stdout.trim() };
  const all = new Map([...known.rows, ...rows.map((row) => ({ ...row, ...stamp }))].map((row) => [keyOf(row), row]));
  const sorted = [...all.keys()].toSorted().map((key) => all.get(key));
  mkdirSync(folder, { recursive: true });
  const lines = sorted.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
  const head = JSON.stringify({ machine, peaks: { ...known.peaks, ...peaks } }, null, 2).slice(0, -2);
  writeFileSync(file, `${head},\n  "rows": [\n${lines}\n  ]\n}\n`);
  return file;
}

/** All machines' results. */
export function readResults() {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.toSorted().map((name) => JSON.parse(readFileSync(`${folder}/${name}`, "utf8")));
}
