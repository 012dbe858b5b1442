import { describe, expect, it } from "vitest";
import { availableEngines } from "fovea";
import { repository, run, sharedFolder } from "./workspace.ts";

const vectors = sharedFolder("data/keras-layer-vectors");
const engines = availableEngines().filter((name) => name !== "reference");

describe.skipIf(vectors === null)("Keras 2's layer vectors (../shared/data/keras-layer-vectors)", () => {
  it("every vector about a layer of a CNN passes; recurrent layers and embeddings are unsupported by name", () => {
    const lines = run(
      "node",
      [
        "conformance/main.mjs",
        "--keras",
        `${vectors!}/keras_js_vectors.tar.gz`,
        "--engine",
        engines.join(","),
        "--json",
      ],
      { cwd: repository, maxBuffer: 1 << 24 },
    );
    const summary = JSON.parse(lines.trim().split("\n").at(-1)!) as {
      passed: number;
      failed: number;
      byLayer: Record<string, { unsupported: number }>;
    };
    expect(summary.failed).toBe(0);
    expect(summary.passed).toBe(186);
    const unsupported = Object.entries(summary.byLayer).filter(([, counts]) => counts.unsupported > 0);
    expect(unsupported.map(([layer]) => layer).toSorted()).toEqual(["Bidirectional", "Embedding", "GRU", "LSTM"]);
  });
});
