// What contestants read and write. No dependency, so that every peer can use it.
import { openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The job this process was started with: see contestant.mjs. */
export const job = JSON.parse(process.argv[2]);

export const pathOf = (name) => path.join(job.folder, name);

/** The batch of images, row-major [N, C, H, W]. */
export function readInput() {
  const bytes = readFileSync(pathOf("input.f32"));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** Label i is i modulo the number of classes (at most 10), for each image or each pixel. */
export const labels = (size, classes) => Int32Array.from({ length: size }, (_, i) => i % classes);

/** Named weights in the order of the file's names: [name, { shape, dtype, read }]. The file stays open for `read`. */
export function* eachWeight() {
  const file = openSync(pathOf("weights.safetensors"));
  const read = (bytes, position) => {
    readSync(file, bytes, 0, bytes.length, position);
    return bytes;
  };
  const size = Number(read(Buffer.alloc(8), 0).readBigUInt64LE(0));
  const header = JSON.parse(read(Buffer.alloc(size), 8).toString("utf8"));
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const [dtype, array] = entry.dtype === "I32" ? ["int32", Int32Array] : ["float32", Float32Array];
    const values = () => new array(read(new Uint8Array(to - from), 8 + size + from).buffer);
    yield [name, { shape: entry.shape, dtype, read: values }];
  }
}

/** Named weights: Map of { shape, data }. */
export const readWeights = () =>
  new Map([...eachWeight()].map(([name, { shape, read }]) => [name, { shape, data: read() }]));

export function writeOutput(values) {
  const file = pathOf(`output.${job.name}.f32`);
  writeFileSync(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return file;
}

/** LeNet-5's weights, layer by layer. */
export function lenetWeights() {
  const weights = readWeights();
  const layers = ["conv1", "conv2", "fc1", "fc2", "fc3"];
  return layers.flatMap((layer) => [weights.get(`${layer}.weight`), weights.get(`${layer}.bias`)]);
}
