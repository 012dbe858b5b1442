// TensorFlow.js training LeNet-5 on its plain CPU backend: its wasm backend has no gradient of a convolution's filter.
import * as tf from "@tensorflow/tfjs";
import { SGD } from "../sgd.mjs";
import { job, labels, lenetWeights, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";

await tf.setBackend("cpu");
const w = lenetWeights().map(({ shape, data }) => {
  const t = tf.tensor(data, shape);
  // OIHW -> HWIO; dense [out, in] -> [in, out]
  return tf.variable(shape.length === 4 ? t.transpose([2, 3, 1, 0]) : shape.length === 2 ? t.transpose() : t);
});
const x = tf.tensor(readInput(), [job.batch, 28, 28, 1]);
const y = tf.oneHot(tf.tensor1d(labels(job.batch, 10), "int32"), 10);
const optimizer = tf.train.momentum(SGD.lr, SGD.momentum);
const loss = () => {
  let h = tf.maxPool(tf.relu(tf.conv2d(x, w[0], 1, "same").add(w[1])), 2, 2, "valid");
  h = tf.maxPool(tf.relu(tf.conv2d(h, w[2], 1, "valid").add(w[3])), 2, 2, "valid");
  h = h.transpose([0, 3, 1, 2]).reshape([job.batch, 400]);
  h = tf.relu(h.matMul(w[4]).add(w[5]));
  h = tf.relu(h.matMul(w[6]).add(w[7]));
  return tf.losses.softmaxCrossEntropy(y, h.matMul(w[8]).add(w[9])).asScalar();
};

await serve(tf.version.tfjs, () => {
  const l = optimizer.minimize(loss, true);
  const value = l.dataSync()[0];
  l.dispose();
  return value;
});
