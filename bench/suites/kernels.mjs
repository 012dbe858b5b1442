// Kernels alone: GFLOP/s of every distinct convolution of the networks and of a matrix product, forward and both
// gradients, against the machine's peak, or what its memory allows where that is lower.
import * as fovea from "../../packages/fovea/dist/index.js"; // not the bundle, which hides single kernels
import { conv2dOp } from "../../packages/fovea/dist/ops/conv2d.js";
import { conv2dInputGradOp } from "../../packages/fovea/dist/ops/conv2dInputGrad.js";
import { conv2dWeightGradOp } from "../../packages/fovea/dist/ops/conv2dWeightGrad.js";
import { matmulOp } from "../../packages/fovea/dist/ops/matmul.js";
import { recordShapes } from "../../packages/fovea/dist/graph/macs.js";
import { withKernel } from "../kernel-run.mjs";
import { withPeakMeter } from "../machine.mjs";
import { chooseNetworks, createNetwork, networks } from "../networks.mjs";
import { noise } from "../peers/noise.mjs";
import { round } from "../race.mjs";
import { dense, denseShares, percent, showBelow, wanted } from "../shares.mjs";

export const defaults = { against: { native: "peak", wasm: "peak" }, needsPeaks: true };

/** Images per batch: one in inference, where it is hardest; several in training, where gradients occur. */
const BATCH = { forward: 1, inputGrad: 8, weightGrad: 8 };

/** The share of the peak that the product of two matrices of 1024² is to reach on one thread. */
const ENOUGH_OF_PRODUCT = 0.88;

/** Short turns, and many: the best of them was not interrupted, however busy the machine is. */
const [TURNS, TURN_MS] = [12, 5];
/** Of kernels that take long. */
const LEAST_TURNS = 4;
/** The peak beside a case is the best of those beside it and its last neighbours. */
const NEIGHBOURS = 5;

/** Sampled outputs may differ from double precision by this share of the largest. */
const TOLERANCE = 1e-4;

export async function run(options) {
  const rows = [];
  const record = (row) => {
    rows.push(row);
    options.record(row);
  };
  await withPeakMeter((peakNow) => measureAll({ ...options, record }, peakNow));
  for (const group of denseShares(rows)) {
    const { network, direction, engine, threads, reached, cases } = group;
    const below = reached < cases ? `; below: ${showBelow(group)}` : "";
    options.log(
      `${network} ${direction}, ${engine} ${threads}t: ${reached} of ${cases} enough (${wanted(group)})${below}`,
    );
  }
}

async function measureAll({ models, batches, threads, engines, peaks, exact, passes, record, wrong, log }, peakNow) {
  if (exact) {
    if (fovea.setExact === undefined) throw new Error("--exact: this tree has no setExact");
    fovea.setExact(true);
  }
  const cases = casesOf(chooseNetworks(models), batches);
  for (const name of engines) {
    await fovea.init({ engine: name });
    const engine = fovea.setEngine(name);
    for (const t of threads) {
      fovea.setThreads(t);
      await fovea.init({ engine: name });
      log(`${name} on ${t} threads: memory ${peaks[t].readGBs} GB/s`);
      const peaksSeen = [];
      const best = new Map();
      for (const c of repeated(cases, passes, (one) => isEnough(best.get(one)))) {
        const { seconds, peak: beside, error } = measure(engine, c, () => peakNow(name, t));
        peaksSeen.push(beside);
        const peak = Math.max(...peaksSeen.slice(-NEIGHBOURS));
        if (!(error <= TOLERANCE)) {
          wrong(`${c.label}: differs from double precision by ${error} of the largest output`);
          continue;
        }
        const flops = 2 * c.macs;
        const roof = Math.min(peak, (flops / c.bytes) * peaks[t].readGBs);
        const rate = flops / seconds / 1e9;
        const row = {
          suite: "kernels",
          model: c.label,
          batch: c.batch,
          threads: t,
          engine: name,
          peer: exact ? "peak, exact" : "peak",
          ours: round(rate, 3),
          theirs: round(roof, 3),
          unit: "GFLOP/s",
          ratio: round(rate / roof, 3),
          maxError: round(error, 2),
        };
        if (!(best.get(c)?.ratio >= row.ratio)) best.set(c, row);
        log(`${c.label}, ${name} ${t}t: ${percent(row.ratio)}`);
      }
      for (const row of best.values()) record(row);
    }
  }
}

/** Whether what was measured needs no further pass. */
const isEnough = (row) => row !== undefined && row.ratio >= (dense(row)?.enough ?? ENOUGH_OF_PRODUCT);

/** All cases, then in every further pass those that are not done: slow minutes of the machine only lower a share. */
function* repeated(cases, passes, done) {
  for (let pass = 0; pass < passes; pass++) for (const c of cases) if (!done(c)) yield c;
}

const float32 = (shape) => ({ shape, dtype: "float32" });
const sizeOf = (shape) => shape.reduce((a, d) => a * d, 1);

/** Every distinct convolution, in three directions each, and the product of two matrices. */
function casesOf(names, batches) {
  const cases = new Map();
  for (const network of names) {
    const model = createNetwork(network, fovea.models).eval();
    const { nodes, values, inputs: images } = recordShapes((x) => model.forward(x), [[1, ...networks[network].input]]);
    for (const { op, inputs, attrs } of nodes) {
      if (op.name !== "conv2d") continue;
      const [x, weight] = inputs.map((id) => values[id]?.shape);
      for (const direction of Object.keys(BATCH)) {
        if (direction === "inputGrad" && images.includes(inputs[0])) continue; // nobody asks for it
        for (const batch of batches ?? [BATCH[direction]]) {
          const c = convolution(direction, [batch, ...x.slice(1)], weight, attrs);
          const key = `${c.label} ${batch}`;
          if (!cases.has(key)) cases.set(key, { ...c, networks: [] });
          const { networks: users } = cases.get(key);
          if (!users.includes(network)) users.push(network);
        }
      }
    }
  }
  return [product(1024), ...cases.values()].map((c) => ({
    ...c,
    label: c.networks === undefined ? c.label : `${c.label} (${c.networks.join(", ")})`,
  }));
}

function convolution(direction, x, weight, attrs) {
  const y = conv2dOp.shape([float32(x), float32(weight)], attrs).shape;
  const [[top], [left]] = attrs.padding;
  const kernel = `${weight[2]}×${weight[3]}`;
  const label =
    `conv ${x[1]}→${weight[0]} ${kernel} /${attrs.stride[0]} on ${x[2]}×${x[3]} pad ${top},${left}` +
    `${attrs.groups > 1 ? ` groups ${attrs.groups}` : ""}${attrs.dilation[0] > 1 ? ` dilation ${attrs.dilation[0]}` : ""} ${direction}`;
  const shapes = { x, weight, y };
  const [op, reads, writes] = {
    forward: [conv2dOp, ["x", "weight"], "y"],
    inputGrad: [conv2dInputGradOp, ["y", "weight"], "x"],
    weightGrad: [conv2dWeightGradOp, ["x", "y"], "weight"],
  }[direction];
  return {
    label,
    op,
    batch: x[0],
    // Weights change in every training step, so packing them belongs to the gradients.
    inputs: reads.map((name) => ({ shape: shapes[name], constant: direction === "forward" && name === "weight" })),
    attrs: direction === "forward" ? attrs : { ...attrs, shape: shapes[writes] },
    macs: sizeOf(y) * sizeOf(weight.slice(1)),
    bytes: 4 * (sizeOf(x) + sizeOf(weight) + sizeOf(y)),
    check: (values, output) => convolutionError(direction, shapes, attrs, values, output),
  };
}

function product(n) {
  return {
    label: `matmul ${n}³`,
    op: matmulOp,
    batch: 1,
    inputs: [{ shape: [n, n] }, { shape: [n, n] }],
    attrs: { transposeA: false, transposeB: false },
    macs: n ** 3,
    bytes: 12 * n * n,
    check: ([a, b], output) =>
      sampleError(output, (at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        let sum = 0;
        for (let k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
        return sum;
      }),
  };
}

/** The best of several turns, and the best of the peaks measured after each: a machine's speed drifts, and both with it. */
function measure(engine, { op, inputs, attrs, check }, peakNow) {
  const given = inputs.map(({ shape, constant }, i) => ({
    spec: float32(shape),
    data: noise(i + 1, sizeOf(shape)),
    constant,
  }));
  return withKernel(engine, op, given, attrs, (run, read) => {
    run();
    const error = check(
      given.map(({ data }) => data),
      read(),
    );
    const start = performance.now();
    run();
    const count = Math.max(1, Math.round(TURN_MS / (performance.now() - start)));
    const [seconds, peaks] = [[], []];
    const end = performance.now() + 1500;
    for (let turn = 0; turn < TURNS && (turn < LEAST_TURNS || performance.now() < end); turn++) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) run();
      seconds.push((performance.now() - begin) / 1000 / count);
      peaks.push(peakNow() ?? Infinity);
    }
    return { seconds: Math.min(...seconds), peak: Math.max(...peaks), error };
  });
}

/** The greatest difference of some outputs from sums in double precision, relative to the largest output. */
function sampleError(output, expected) {
  const largest = output.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  let worst = 0;
  for (let i = 0; i < 24; i++) {
    const at = Math.floor(((i * 0.618034 + 0.001) % 1) * output.length);
    worst = Math.max(worst, Math.abs(output[at] - expected(at)));
    if (Number.isNaN(output[at])) return NaN;
  }
  return worst / largest;
}

/** y[n, k, p, q] = Σ x[n, c, i, j] · w[k, c, r, s]: each direction sums the products that its output takes part in. */
function convolutionError(direction, { x, weight, y }, { stride, padding, dilation, groups }, [a, b], output) {
  const [images, channels, height, width] = x;
  const [out, perGroup, kh, kw] = weight;
  const [, , oh, ow] = y;
  const xAt = (n, c, i, j) => ((n * channels + c) * height + i) * width + j;
  const wAt = (k, c, r, s) => ((k * perGroup + c) * kh + r) * kw + s;
  const yAt = (n, k, p, q) => ((n * out + k) * oh + p) * ow + q;
  const source = (p, r, axis) => p * stride[axis] + r * dilation[axis] - padding[axis][0];
  const first = (k) => Math.floor(k / (out / groups)) * perGroup;
  const within = (i, j) => i >= 0 && i < height && j >= 0 && j < width;
  const expected = {
    forward(at) {
      const [n, k, p, q] = places(at, y);
      let sum = 0;
      for (let c = 0; c < perGroup; c++)
        for (let r = 0; r < kh; r++)
          for (let s = 0; s < kw; s++) {
            const [i, j] = [source(p, r, 0), source(q, s, 1)];
            if (within(i, j)) sum += a[xAt(n, first(k) + c, i, j)] * b[wAt(k, c, r, s)];
          }
      return sum;
    },
    inputGrad(at) {
      const [n, channel, i, j] = places(at, x);
      let sum = 0;
      for (let r = 0; r < kh; r++)
        for (let s = 0; s < kw; s++) {
          const [p, q] = [
            (i - r * dilation[0] + padding[0][0]) / stride[0],
            (j - s * dilation[1] + padding[1][0]) / stride[1],
          ];
          if (!Number.isInteger(p) || !Number.isInteger(q) || p < 0 || p >= oh || q < 0 || q >= ow) continue;
          for (let k = 0; k < out; k++) {
            const c = channel - first(k);
            if (c >= 0 && c < perGroup) sum += a[yAt(n, k, p, q)] * b[wAt(k, c, r, s)];
          }
        }
      return sum;
    },
    weightGrad(at) {
      const [k, c, r, s] = places(at, weight);
      let sum = 0;
      for (let n = 0; n < images; n++)
        for (let p = 0; p < oh; p++)
          for (let q = 0; q < ow; q++) {
            const [i, j] = [source(p, r, 0), source(q, s, 1)];
            if (within(i, j)) sum += a[xAt(n, first(k) + c, i, j)] * b[yAt(n, k, p, q)];
          }
      return sum;
    },
  }[direction];
  return sampleError(output, expected);
}

/** The index along each axis of element `at` of a row-major shape. */
function places(at, shape) {
  const found = [];
  for (const size of shape.toReversed()) {
    found.unshift(at % size);
    at = Math.floor(at / size);
  }
  return found;
}
