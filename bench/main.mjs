// npm run bench -- training [--engine native,wasm] [--threads 1,2] [--batch 128] [--against pytorch,...] [--json]
import { parseArgs } from "node:util";
import { training } from "./training.mjs";

const suites = { training };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: "string", default: "native,wasm" },
    threads: { type: "string", default: "1,2" },
    batch: { type: "string", default: "128" },
    against: { type: "string", default: "pytorch,convnetjs,jax-js,tfjs-cpu" },
    rounds: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
  },
});
const suite = positionals[0] ?? "training";
if (!Object.hasOwn(suites, suite)) {
  console.error(`no suite "${suite}"; there are ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}

const rows = [];
for (const engine of values.engine.split(",")) {
  for (const threads of values.threads.split(",").map(Number)) {
    rows.push(
      ...(await suites[suite]({
        batch: Number(values.batch),
        threads,
        engine,
        against: values.against.split(","),
        rounds: Number(values.rounds),
        log: (line) => console.error(line),
      })),
    );
  }
}
const geomean = {};
for (const { suite: s, engine, peer, ratio } of rows) (geomean[`${s}/${engine}/${peer}`] ??= []).push(ratio);
for (const key of Object.keys(geomean)) {
  const logs = geomean[key].map(Math.log);
  geomean[key] = Number(Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length).toFixed(3));
}
if (values.json) console.log(JSON.stringify({ rows, geomean }));
else
  console.table(
    rows.map(({ engine, threads, peer, ours, theirs, ratio }) => ({ engine, threads, peer, ours, theirs, ratio })),
  );
