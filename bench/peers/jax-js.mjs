// jax-js training LeNet-5 on its wasm device: jitted value-and-gradient, plain SGD with momentum over the parameters.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { readFileSync } from "node:fs";
import { SGD } from "../sgd.mjs";
import { job, labels, lenetWeights, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";

await init("wasm");
defaultDevice("wasm");
const batch = job.batch;
let weights = lenetWeights().map(({ shape, data }) => np.array(data).reshape(shape));
let momenta = lenetWeights().map(({ shape }) => np.zeros(shape));
const x = np.array(readInput()).reshape([batch, 1, 28, 28]);
const y = nn.oneHot(np.array(labels(batch, 10), { dtype: np.int32 }), 10);

const pool = (h) => lax.reduceWindow(h, (v) => np.max(v), [2, 2], [2, 2]);
const spread = (bias) => bias.reshape([1, -1, 1, 1]);
const PAD_2 = [
  [2, 2],
  [2, 2],
];
const forward = (w, images, targets) => {
  let h = pool(nn.relu(lax.conv(images, w[0], [1, 1], PAD_2).add(spread(w[1]))));
  h = pool(nn.relu(lax.conv(h, w[2], [1, 1], "VALID").add(spread(w[3])))).reshape([batch, 400]);
  h = nn.relu(np.matmul(h, w[4].transpose()).add(w[5]));
  h = nn.relu(np.matmul(h, w[6].transpose()).add(w[7]));
  const logits = np.matmul(h, w[8].transpose()).add(w[9]);
  return nn
    .logSoftmax(logits)
    .mul(targets)
    .sum()
    .mul(-1 / batch);
};
const step = jit((w, m, images, targets) => {
  const [loss, grads] = valueAndGrad(forward)(
    w.map((t) => t.ref),
    images,
    targets,
  );
  const nextM = m.map((t, i) => t.mul(SGD.momentum).add(grads[i]));
  return [loss, w.map((t, i) => t.sub(nextM[i].ref.mul(SGD.lr))), nextM];
});

const manifest = new URL("node_modules/@jax-js/jax/package.json", import.meta.url);
await serve(JSON.parse(readFileSync(manifest, "utf8")).version, async () => {
  const [loss, w, m] = step(weights, momenta, x.ref, y.ref);
  weights = w;
  momenta = m;
  return (await loss.data())[0];
});
