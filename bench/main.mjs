// npm run bench -- <suite> [options]; see README.md.
import path from "node:path";
import { parseArgs } from "node:util";
import { measurePeaks } from "./machine.mjs";
import { recordResults } from "./results.mjs";

const suites = ["kernels", "inference", "training", "coldstart", "memory", "scaling", "threads"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: "string" },
    batch: { type: "string" },
    threads: { type: "string", default: "1,2" },
    engine: { type: "string", default: "native" },
    against: { type: "string" },
    rounds: { type: "string" },
    passes: { type: "string", default: "1" },
    exact: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});
const [name] = positionals;
if (name === "table") {
  await import("./table.mjs");
  process.exit(0);
}
if (!suites.includes(name)) {
  console.error(
    `${name === undefined ? "which suite?" : `no suite "${name}";`} there are ${suites.join(", ")}, and table`,
  );
  process.exit(2);
}

const suite = await import(`./suites/${name}.mjs`);
const numbers = (list) => list?.split(",").map(Number);
const engines = values.engine.split(",");
const rows = [];
const log = (line) => console.error(line);

const threads = numbers(values.threads);
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
  console.error(`--rounds: "${values.rounds}" is not a whole number from 1 on`);
  process.exit(2);
}
const peaks = suite.defaults.needsPeaks || values.record ? await measurePeaks(threads) : null;
await suite.run({
  models: values.models ?? suite.defaults.models,
  batches: numbers(values.batch ?? suite.defaults.batch),
  threads,
  peaks,
  exact: values.exact,
  engines,
  against: Object.fromEntries(
    engines.map((engine) => [engine, (values.against ?? suite.defaults.against[engine]).split(",")]),
  ),
  rounds,
  passes: Number(values.passes),
  log,
  wrong: (message) => {
    log(message);
    process.exitCode = 1;
  },
  record: (row, spread) => {
    rows.push(row);
    const { model, batch, threads, engine, peer, ours, theirs, unit, ratio, maxError, failed } = row;
    const range = spread === undefined ? "" : ` (${spread.join("–")})`;
    const result = `${ours} ${unit}, ${peer} ${theirs}: ${ratio}×${range}, error ${maxError}`;
    log(`${model} b${batch} ${threads}t ${engine}: ${failed === undefined ? result : `failed: ${failed}`}`);
  },
});

if (values.record) log(`recorded in ${path.relative(process.cwd(), recordResults(rows, peaks))}`);
const geomean = {};
for (const { suite: s, engine, peer, ratio } of rows.filter((row) => row.ratio !== null))
  (geomean[`${s}/${engine}/${peer}`] ??= []).push(ratio);
for (const [key, ratios] of Object.entries(geomean)) {
  geomean[key] = Number(Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length).toFixed(3));
}
if (values.json) console.log(JSON.stringify({ rows, geomean }));
else for (const [key, mean] of Object.entries(geomean)) log(`${key}: geometric mean ${mean}×`);
