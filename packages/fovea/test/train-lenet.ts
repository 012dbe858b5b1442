// Trains LeNet-5 for 50 steps from a seed. On simd128 the wasm engine gives the same bits on every machine, Node version
// and browser, with any number of threads; browser.test.ts and package.test.ts run this program everywhere.
import {
  compile,
  crossEntropy,
  currentEngine,
  init,
  type InitOptions,
  manualSeed,
  models,
  optim,
  setThreads,
  tensor,
  type Tensor,
} from "fovea";
import { DataLoader, strokes } from "fovea/data";

/** FNV-1a of the weights at the end. It changes only when the arithmetic of kernels, initialisers or data does. */
export const expectedHash = "4b440d9b";

export interface Report {
  engine: string;
  /** Threads that were ready at the end. */
  threads: number;
  losses: number[];
  /** FNV-1a of all weight bits at the end. */
  hash: string;
}

export async function trainLenet(threads: number, options: InitOptions = {}): Promise<Report> {
  await init({ engine: "wasm", isa: "simd128", ...options });
  setThreads(threads);
  await init(); // waits for threads that are new
  manualSeed(7);
  const model = models.create("lenet5", { activation: "relu", pooling: "max" });
  const optimizer = new optim.AdamW(model.parameters(), { lr: 4e-3 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  const losses: number[] = [];
  const data = strokes({ count: 50 * 16, seed: 3 });
  for await (const batch of new DataLoader(data, { batchSize: 16, shuffle: true, seed: 5 }).epoch(0)) {
    const loss = step(tensor(batch.x, { shape: [batch.size, 1, 28, 28] }), tensor(batch.y));
    losses.push(await loss.item());
  }
  let hash = 0x811c9dc5;
  for (const p of model.parameters()) {
    const bytes = new Uint8Array((await p.data()).buffer);
    for (const b of bytes) hash = Math.imul(hash ^ b, 0x01000193);
  }
  const engine = currentEngine() as unknown as { name: string; runtime: { threadsReady: number } };
  return { engine: engine.name, threads: engine.runtime.threadsReady, losses, hash: (hash >>> 0).toString(16) };
}
