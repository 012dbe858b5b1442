// TensorFlow.js on its plain CPU backend: its wasm backend has no gradient of a convolution's filter.
import * as tf from "@tensorflow/tfjs";
import { lenetBatch, lenetWeights, LR, MOMENTUM, serve } from "./protocol.mjs";

const batch = Number(process.argv[2]);
await tf.setBackend("cpu");
const w = lenetWeights().map(({ shape, values }) => {
  const t = tf.tensor(values, shape);
  // OIHW -> HWIO; dense [out, in] -> [in, out]
  return tf.variable(shape.length === 4 ? t.transpose([2, 3, 1, 0]) : shape.length === 2 ? t.transpose() : t);
});
const data = lenetBatch(batch);
const x = tf.tensor(data.x, [batch, 28, 28, 1]);
const y = tf.oneHot(tf.tensor1d(data.y, "int32"), 10);
const optimizer = tf.train.momentum(LR, MOMENTUM);
const loss = () => {
  let h = tf.maxPool(tf.relu(tf.conv2d(x, w[0], 1, "same").add(w[1])), 2, 2, "valid");
  h = tf.maxPool(tf.relu(tf.conv2d(h, w[2], 1, "valid").add(w[3])), 2, 2, "valid");
  h = h.transpose([0, 3, 1, 2]).reshape([batch, 400]);
  h = tf.relu(h.matMul(w[4]).add(w[5]));
  h = tf.relu(h.matMul(w[6]).add(w[7]));
  return tf.losses.softmaxCrossEntropy(y, h.matMul(w[8]).add(w[9])).asScalar();
};

serve((n) => {
  let last = 0;
  for (let i = 0; i < n; i++) {
    const l = optimizer.minimize(loss, true);
    last = l.dataSync()[0];
    l.dispose();
  }
  return last;
});
