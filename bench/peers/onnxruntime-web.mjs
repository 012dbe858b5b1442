// onnxruntime-web on its CPU engine: WebAssembly with SIMD, and threads where more than one is asked for.
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { readFileSync } from "node:fs";
import { job, pathOf, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";

env.wasm.numThreads = job.threads;
const session = await InferenceSession.create(new Uint8Array(readFileSync(pathOf("model.onnx"))), {
  graphOptimizationLevel: "all",
  executionProviders: ["wasm"],
});
const feeds = { input: new Tensor("float32", readInput(), [job.batch, ...job.input]) };
await serve(env.versions.web ?? env.versions.common, async () => (await session.run(feeds)).output.data);
