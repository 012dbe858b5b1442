// TensorFlow.js on its wasm backend with SIMD (its threads do not work in Node): the same ONNX file, interpreted op by
// op in its own layout (NHWC), batch norms folded into the convolutions and bias and activation fused, as its converter
// would do.
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths, version_wasm as version } from "@tensorflow/tfjs-backend-wasm";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { io } from "../fovea.mjs";
import { job, pathOf, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";
import { foldNorms, fuseActivations } from "./tfjs-fold.mjs";

setWasmPaths(fileURLToPath(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url)));
await tf.setBackend("wasm");

const { nodes, initializers, outputs } = io.readGraph(readFileSync(pathOf("model.onnx")), "model.onnx");
const constants = new Map([...initializers].map(([name, c]) => [name, { shape: c.shape, data: c.data }]));
const steps = fuseActivations(foldNorms(nodes, constants));
/** Activations and constants, by name (and turn). */
const values = new Map();
/** Images are NHWC here; everything else is as in the file. */
const NHWC = [0, 2, 3, 1];
const moveAxis = (axis) => [0, 3, 1, 2][axis];

const constant = (name, turn) => {
  const key = `${name} ${turn ?? ""}`;
  if (!values.has(key)) {
    const { shape, data } = constants.get(name);
    const t = tf.tensor(Float32Array.from(data, Number), shape);
    values.set(key, tf.keep(turn === undefined ? t : t.transpose(turn)));
  }
  return values.get(key);
};
const list = (name) => Array.from(constants.get(name).data, Number);
/** A value, or a constant of one number or one per channel. */
const valueOf = (name) => {
  if (values.has(name)) return values.get(name);
  const { shape } = constants.get(name);
  return shape.length === 4 ? constant(name, NHWC) : constant(name);
};
const image = (name) => valueOf(name).rank === 4;

/** tfjs takes explicit paddings only as pairs in NHWC order; some wasm kernels want "valid", so it pads beforehand. */
function padded(x, [top, left, bottom, right], value = 0) {
  if (top + left + bottom + right === 0) return x;
  return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], value); // prettier-ignore
}

function window(a) {
  return { size: a("kernel_shape"), strides: a("strides"), pads: a("pads") };
}

/** Paddings of a pool; where it counts up, the last window's missing rows and columns belong to them. */
function poolPads([, height, width], a) {
  const { size, strides, pads } = window(a);
  const more = [height, width].map((length, k) => {
    const rest = (length + pads[k] + pads[k + 2] - size[k]) % strides[k];
    return a("ceil_mode") === 1 && rest > 0 ? strides[k] - rest : 0;
  });
  return [pads[0], pads[1], pads[2] + more[0], pads[3] + more[1]];
}

/** True where TensorFlow's "same" pads as the file says: it needs no copy. */
function isSame([, height, width], a, pads) {
  const { size, strides } = window(a);
  return [height, width].every((length, k) => {
    const total = Math.max((Math.ceil(length / strides[k]) - 1) * strides[k] + size[k] - length, 0);
    return pads[k] === Math.floor(total / 2) && pads[k + 2] === Math.ceil(total / 2);
  });
}

const operators = {
  Conv({ inputs: [x, w, b], activation }, a) {
    const { strides, pads } = window(a);
    const [channels, perGroup] = constants.get(w).shape;
    const depthwise = perGroup === 1 && a("group") === channels && channels > 1;
    const [top, left, bottom, right] = pads;
    const even = top === bottom && left === right && top === left;
    const options = {
      x: even ? valueOf(x) : padded(valueOf(x), pads),
      filter: constant(w, depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]),
      strides,
      pad: even ? top : 0,
      dataFormat: "NHWC",
      dilations: a("dilations"),
      bias: b === undefined ? undefined : constant(b),
      activation,
    };
    return depthwise ? tf.fused.depthwiseConv2d(options) : tf.fused.conv2d(options);
  },
  ConvTranspose({ inputs: [x, w] }, a) {
    const { strides, pads, size } = window(a);
    const t = valueOf(x);
    const [n, height, width] = t.shape;
    const side = (k, length) => (length - 1) * strides[k] + size[k] - pads[k] - pads[k + 2];
    const channels = constants.get(w).shape[1];
    return tf.conv2dTranspose(
      t,
      constant(w, [2, 3, 1, 0]),
      [n, side(0, height), side(1, width), channels],
      strides,
      "valid",
    );
  },
  MaxPool({ inputs: [x] }, a) {
    const t = valueOf(x);
    const { size, strides } = window(a);
    const pads = poolPads(t.shape, a);
    if (isSame(t.shape, a, pads)) return tf.maxPool(t, size, strides, "same");
    return tf.maxPool(padded(t, pads, -3e38), size, strides, "valid");
  },
  AveragePool({ inputs: [x] }, a) {
    const t = valueOf(x);
    const { size, strides } = window(a);
    const pads = poolPads(t.shape, a);
    if (pads.some((p) => p > 0) && a("count_include_pad") !== 1) throw new Error("AveragePool without its border");
    return tf.avgPool(padded(t, pads), size, strides, "valid");
  },
  BatchNormalization({ inputs: [x, scale, shift, mean, variance], activation }, a) {
    const y = tf.batchNorm(
      valueOf(x),
      constant(mean),
      constant(variance),
      constant(shift),
      constant(scale),
      a("epsilon"),
    );
    return activation === undefined ? y : tf[activation](y);
  },
  Relu: ({ inputs: [x] }) => tf.relu(valueOf(x)),
  Clip: ({ inputs: [x, low, high] }) => tf.clipByValue(valueOf(x), list(low)[0], list(high)[0]),
  Add: ({ inputs: [x, y] }) => tf.add(valueOf(x), valueOf(y)),
  Mul: ({ inputs: [x, y] }) => tf.mul(valueOf(x), valueOf(y)),
  Concat: ({ inputs }, a) => tf.concat(inputs.map(valueOf), image(inputs[0]) ? moveAxis(a("axis")) : a("axis")),
  Gemm({ inputs: [x, w, b], activation }, a) {
    // Turned beforehand: its fused product gives wrong numbers for a transposed second factor.
    const factor = constant(w, a("transB") === 1 ? [1, 0] : [0, 1]);
    return tf.fused.matMul({ a: valueOf(x), b: factor, bias: b === undefined ? undefined : constant(b), activation });
  },
  Reshape({ inputs: [x, shape] }) {
    if (constants.has(x)) return tf.reshape(constant(x), [list(shape)[1]]); // a number per channel
    const t = valueOf(x);
    return tf.reshape(t.rank === 4 ? tf.transpose(t, [0, 3, 1, 2]) : t, list(shape));
  },
  ReduceSum({ inputs: [x, axes] }, a) {
    const t = valueOf(x);
    return tf.sum(t, t.rank === 4 ? list(axes).map(moveAxis) : list(axes), a("keepdims") === 1);
  },
  Slice({ inputs: [x, starts, ends, axes, steps] }) {
    const t = valueOf(x);
    const [begin, end, step] = [t.shape.map(() => 0), [...t.shape], t.shape.map(() => 1)];
    list(axes).forEach((axis, i) => {
      const k = moveAxis(axis);
      [begin[k], end[k], step[k]] = [list(starts)[i], list(ends)[i], list(steps)[i]];
    });
    return tf.stridedSlice(t, begin, end, step);
  },
  Pad({ inputs: [x, pads] }) {
    const p = list(pads);
    return tf.pad(
      valueOf(x),
      NHWC.map((axis) => [p[axis], p[axis + 4]]),
    );
  },
  Identity: ({ inputs: [x] }) => tf.clone(valueOf(x)),
};

const attribute = (node) => (name) => node.attributes.get(name)?.value;
const images = tf.keep(tf.tensor(readInput(), [job.batch, ...job.input]).transpose(NHWC));

/** After which step each activation is needed no more. */
const lastUse = new Map(steps.flatMap(({ inputs }, i) => inputs.map((name) => [name, i])));

await serve(version, () => {
  values.set("input", images);
  for (const [i, node] of steps.entries()) {
    const operator = operators[node.op];
    if (operator === undefined) throw new Error(`tfjs-wasm: the peer does not interpret ${node.op}`);
    values.set(
      node.outputs[0],
      tf.tidy(() => operator(node, attribute(node))),
    );
    for (const name of new Set(node.inputs)) {
      if (lastUse.get(name) !== i || name === "input" || !values.has(name)) continue;
      values.get(name).dispose();
      values.delete(name);
    }
  }
  const [{ name }] = outputs;
  const y = values.get(name);
  const result = y.rank === 4 ? tf.transpose(y, [0, 3, 1, 2]) : y;
  const data = result.dataSync();
  result.dispose();
  if (result !== y) y.dispose();
  values.delete(name);
  return data;
});
