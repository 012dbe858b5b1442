// A 1-D network hears spoken digits, from the raw wave (course S001, S003, S004: "audio → 1-D tensor").
//
// As it stands: a few steps on what is there, in seconds. With --full, which `npm run recipe -- spoken-digits` gives it: 30
// epochs, at least 95 % of the test recordings, in some minutes.
//
// The recordings are the Free Spoken Digit Dataset (8 kHz; index 0–4 of each speaker and digit is the test set). Where
// they are not found (FOVEA_SHARED/data/fsdd/recordings.tar.gz), digits are replaced by chirps that rise and fall.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import {
  compile,
  crossEntropy,
  manualSeed,
  nn,
  noGrad,
  optim,
  RandomStream,
  setThreads,
  tensor,
  type Tensor,
} from "fovea";
import { readWav } from "fovea/data";
import { readTar } from "fovea/io";

const full = process.argv.includes("--full");
const LENGTH = 4096; // half a second; longer recordings are cut, shorter ones padded

interface Recording {
  readonly wave: Float32Array;
  readonly digit: number;
  readonly test: boolean;
}

function recordings(archive: string): Recording[] {
  return readTar(gunzipSync(readFileSync(archive)), archive).flatMap(({ path, bytes }) => {
    const [, digit, index] = /(\d)_\w+_(\d+)\.wav$/.exec(path) ?? [];
    if (digit === undefined) return [];
    return [{ wave: readWav(bytes, path).channels[0]!, digit: Number(digit), test: Number(index) < 5 }];
  });
}

/** Ten kinds of chirp: how high they begin, and whether they rise or fall. */
function chirps(count: number): Recording[] {
  const random = new RandomStream(7);
  return Array.from({ length: count }, (_, i) => {
    const digit = i % 10;
    const start = 0.05 + 0.05 * (digit % 5) + 0.01 * random.uniform();
    const bend = digit < 5 ? 1e-5 : -1e-5;
    const wave = Float32Array.from(
      { length: 3000 },
      (_, t) => Math.sin((start + bend * t) * t) + 0.1 * random.normal(),
    );
    return { wave, digit, test: i < count / 5 };
  });
}

const archive = join(process.env["FOVEA_SHARED"] ?? "../shared", "data/fsdd/recordings.tar.gz");
const real = existsSync(archive);
const all = real ? recordings(archive) : chirps(600);
const train = all.filter(({ test }) => !test);
const test = all.filter((r) => r.test);

/** Recordings as [N, 1, LENGTH], each of variance 1. In training they begin somewhere within 0.1 s, and are a little faster or slower. */
function batchOf(list: readonly Recording[], random?: RandomStream): { x: Tensor; y: Tensor } {
  const x = new Float32Array(list.length * LENGTH);
  list.forEach(({ wave }, n) => {
    const from = random ? random.int(800) - 400 : 0;
    const speed = random ? 0.9 + 0.2 * random.uniform() : 1;
    let squares = 0;
    for (const v of wave) squares += v * v;
    const scale = 1 / Math.sqrt(squares / wave.length + 1e-8);
    for (let t = 0; t < LENGTH; t++) {
      const at = (t + from) * speed;
      const i = Math.floor(at);
      if (i < 0 || i + 1 >= wave.length) continue;
      x[n * LENGTH + t] = scale * (wave[i]! + (at - i) * (wave[i + 1]! - wave[i]!));
    }
  });
  return { x: tensor(x, { shape: [list.length, 1, LENGTH] }), y: tensor(Int32Array.from(list, ({ digit }) => digit)) };
}

if (full) setThreads(1);
manualSeed(0);
const block = (from: number, to: number, kernel: number, stride = 1) => [
  new nn.Conv1d(from, to, kernel, { stride, padding: kernel >> 1, bias: false }),
  new nn.BatchNorm1d(to),
  new nn.ReLU(),
];
const model = new nn.Sequential(
  ...block(1, 32, 64, 4), // 8 ms windows: the first layer learns filters of frequencies
  new nn.MaxPool1d(4),
  ...block(32, 64, 5),
  new nn.MaxPool1d(4),
  ...block(64, 128, 3),
  new nn.MaxPool1d(4),
  ...block(128, 128, 3),
  new nn.AdaptiveAvgPool1d(1),
  new nn.Flatten(),
  new nn.Dropout(0.2),
  new nn.Linear(128, 10),
);
const BATCH = 50;
const epochs = full ? 30 : 1;
const batches = full ? Math.ceil(train.length / BATCH) : 8;
const optimizer = new optim.AdamW(model.parameters(), { lr: optim.cosine(4e-3, { steps: epochs * batches }) });
const step = compile((x: Tensor, y: Tensor) => {
  const loss = crossEntropy(model.forward(x), y, { labelSmoothing: 0.1 });
  optimizer.minimize(loss);
  return loss.detach();
});

async function accuracy(): Promise<number> {
  model.eval();
  let right = 0;
  for (let from = 0; from < test.length; from += BATCH) {
    const { x, y } = batchOf(test.slice(from, from + BATCH));
    right += await noGrad(() => model.forward(x).argmax(1).equal(y).sum()).item();
  }
  model.train();
  return right / test.length;
}

const random = new RandomStream(0);
console.log(`${train.length} recordings for training, ${test.length} for testing; waves of ${LENGTH} numbers`);
const started = performance.now();
const losses: number[] = [];
for (let epoch = 0; epoch < epochs; epoch++) {
  const order = random.fork("order").fork(epoch).permutation(train.length);
  const jitter = random.fork("jitter").fork(epoch);
  let sum = 0;
  for (let b = 0; b < batches; b++) {
    const { x, y } = batchOf(
      Array.from(order.subarray(b * BATCH, (b + 1) * BATCH), (i) => train[i]!),
      jitter,
    );
    const loss = await step(x, y).item();
    losses.push(loss);
    sum += loss;
  }
  const seconds = (performance.now() - started) / 1000;
  if (full && (epoch + 1) % 5 === 0) {
    console.log(
      `epoch ${String(epoch + 1).padStart(2)}  loss ${(sum / batches).toFixed(3)}  ` +
        `test ${(100 * (await accuracy())).toFixed(1)} %  ${seconds.toFixed(0)} s`,
    );
  }
}
if (full && real) {
  const final = await accuracy();
  console.log(`spoken digits understood: ${(100 * final).toFixed(1)} %`);
  assert.ok(final >= 0.95, `${final} of the test recordings, wanted 0.95`);
} else {
  console.log(`loss ${losses[0]!.toFixed(2)} → ${losses.at(-1)!.toFixed(2)} in ${losses.length} steps`);
  assert.ok(losses.at(-1)! < losses[0]! - 0.1);
}
