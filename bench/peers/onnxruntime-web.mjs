// onnxruntime-web on its CPU engine: WebAssembly with SIMD, and threads where more than one is asked for.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { job, pathOf, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";

// Its CommonJS build: with threads, the other one fetches itself, which Node does not do for files.
const { env, InferenceSession, Tensor } = createRequire(import.meta.url)("onnxruntime-web/wasm");
env.wasm.numThreads = job.threads;
const session = await InferenceSession.create(new Uint8Array(readFileSync(pathOf("model.onnx"))), {
  graphOptimizationLevel: "all",
  executionProviders: ["wasm"],
});
const feeds = { input: new Tensor("float32", readInput(), [job.batch, ...job.input]) };
await serve(env.versions.web ?? env.versions.common, async () => (await session.run(feeds)).output.data);
