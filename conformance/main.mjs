// npm run conformance -- --onnx <folder or .tar.gz> [--engine native,wasm] [--only <text>] [--list] [--json] [--write <doc>]
// npm run conformance -- --keras <folder or .tar.gz> [the same]
// Runs test vectors of third parties. The last line is {"passed","failed","unsupported","byFamily"} ("byLayer" for Keras);
// --list prints every outcome, --json only the last line, and --write puts the table into a document between its markers.
import { parseArgs } from "node:util";
import { availableEngines } from "../packages/fovea/dist/index.js";
import { runKeras } from "./keras.mjs";
import { runOnnx } from "./onnx.mjs";
import { summarize, table, writeTable } from "./summary.mjs";

const { values } = parseArgs({
  options: {
    onnx: { type: "string", multiple: true, default: [] },
    keras: { type: "string", multiple: true, default: [] },
    engine: { type: "string", default: "native,wasm" },
    only: { type: "string" },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "string" },
  },
});
const engines = values.engine.split(",");
const missing = engines.filter((name) => !availableEngines().includes(name));
const [kind, run, paths] =
  values.keras.length > 0 ? ["layer", runKeras, values.keras] : ["family", runOnnx, values.onnx];
if (paths.length === 0 || (values.onnx.length > 0 && values.keras.length > 0) || missing.length > 0) {
  console.error(
    missing.length > 0
      ? `not available here: ${missing.join(", ")} (available: ${availableEngines().join(", ")})`
      : "usage: npm run conformance -- (--onnx | --keras) <folder or .tar.gz> [--engine native,wasm] [--only <text>] [--json]",
  );
  process.exit(2);
}

const results = [];
for (const path of paths) {
  for await (const result of run(path, { engines, only: values.only })) {
    results.push(result);
    const line = `${result.outcome} ${result.suite}/${result.test} (${result.family})${result.why ? `: ${result.why}` : ""}`;
    if (values.list || (!values.json && result.outcome === "failed")) console.log(line.split("\n")[0]);
  }
}
if (results.length === 0) {
  console.error(`no test vectors were found in ${paths.join(", ")}${values.only ? ` with "${values.only}"` : ""}`);
  process.exit(1);
}
const summary = summarize(results, kind);
if (values.write !== undefined) writeTable(values.write, table(summary));
if (!values.json) console.log(table(summary));
console.log(JSON.stringify(summary));
process.exitCode = summary.failed > 0 ? 1 : 0;
