// npm run conformance -- --onnx <folder or .tar.gz> [--engine native,wasm] [--only <text>] [--json]
// Runs test vectors of third parties. The last line is {"passed","failed","unsupported","byFamily"}.
import { parseArgs } from "node:util";
import { availableEngines } from "../packages/fovea/dist/index.js";
import { runOnnx } from "./onnx.mjs";
import { summarize, table } from "./summary.mjs";

const { values } = parseArgs({
  options: {
    onnx: { type: "string", multiple: true, default: [] },
    engine: { type: "string", default: "native,wasm" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const engines = values.engine.split(",");
const missing = engines.filter((name) => !availableEngines().includes(name));
if (values.onnx.length === 0 || missing.length > 0) {
  console.error(
    missing.length > 0
      ? `not available here: ${missing.join(", ")} (available: ${availableEngines().join(", ")})`
      : "usage: npm run conformance -- --onnx <folder or .tar.gz> [--engine native,wasm] [--only <text>] [--json]",
  );
  process.exit(2);
}

const results = [];
for (const path of values.onnx) {
  for await (const result of runOnnx(path, { engines, only: values.only })) {
    results.push(result);
    if (process.env.CONF_VERBOSE) console.log(`${result.outcome.toUpperCase()} ${result.suite}/${result.test} ${result.family}: ${result.why ?? ""}`);
    else if (!values.json && result.outcome === "failed") console.log(`FAILED ${result.suite}/${result.test}: ${result.why}`);
  }
}
const summary = summarize(results);
if (!values.json) console.log(table(summary));
console.log(JSON.stringify(summary));
process.exitCode = summary.failed > 0 ? 1 : 0;
