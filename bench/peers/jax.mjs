// jax-js on its wasm device: jitted value-and-gradient, plain SGD with momentum over the parameter list.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { lenetBatch, lenetWeights, LR, MOMENTUM, serve } from "./protocol.mjs";

const batch = Number(process.argv[2]);
await init("wasm");
defaultDevice("wasm");
let weights = lenetWeights().map(({ shape, values }) => np.array(values).reshape(shape));
let momenta = lenetWeights().map(({ shape }) => np.zeros(shape));
const data = lenetBatch(batch);
const x = np.array(data.x).reshape([batch, 1, 28, 28]);
const y = nn.oneHot(np.array(data.y, { dtype: np.int32 }), 10);

const pool = (h) => lax.reduceWindow(h, (v) => np.max(v), [1, 1, 2, 2].slice(-2), [2, 2]);
const forward = (w, images, labels) => {
  const bias = (b) => b.reshape([1, -1, 1, 1]);
  let h = pool(
    nn.relu(
      lax
        .conv(
          images,
          w[0],
          [1, 1],
          [
            [2, 2],
            [2, 2],
          ],
        )
        .add(bias(w[1])),
    ),
  );
  h = pool(nn.relu(lax.conv(h, w[2], [1, 1], "VALID").add(bias(w[3])))).reshape([batch, 400]);
  h = nn.relu(np.matmul(h, w[4].transpose()).add(w[5]));
  h = nn.relu(np.matmul(h, w[6].transpose()).add(w[7]));
  const logits = np.matmul(h, w[8].transpose()).add(w[9]);
  return nn
    .logSoftmax(logits)
    .mul(labels)
    .sum()
    .mul(-1 / batch);
};
const step = jit((w, m, images, labels) => {
  const [loss, grads] = valueAndGrad(forward)(
    w.map((t) => t.ref),
    images,
    labels,
  );
  const nextM = m.map((t, i) => t.mul(MOMENTUM).add(grads[i]));
  return [loss, w.map((t, i) => t.sub(nextM[i].ref.mul(LR))), nextM];
});

serve(async (n) => {
  let last = 0;
  for (let i = 0; i < n; i++) {
    const [loss, w, m] = step(weights, momenta, x.ref, y.ref);
    weights = w;
    momenta = m;
    last = (await loss.data())[0];
  }
  return last;
});
