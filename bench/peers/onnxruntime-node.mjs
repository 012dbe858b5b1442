// onnxruntime in Node: all graph optimisations, as many threads as ours.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { createRequire } from "node:module";
import { job, pathOf, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
const session = await InferenceSession.create(pathOf("model.onnx"), {
  graphOptimizationLevel: "all",
  intraOpNumThreads: job.threads,
  interOpNumThreads: 1,
  executionMode: "sequential",
});
const feeds = { input: new Tensor("float32", readInput(), [job.batch, ...job.input]) };
await serve(version, async () => (await session.run(feeds)).output.data);
