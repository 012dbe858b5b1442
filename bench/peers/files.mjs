// What contestants read and write. No dependency, so that every peer can use it.
import { readFileSync, writeFileSync } from "node:fs";
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

/** Named weights in the order of the file's names: Map of { shape, data }. */
export function readWeights() {
  const bytes = readFileSync(pathOf("weights.safetensors"));
  const size = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + size));
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== "__metadata__")
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => {
          const raw = bytes.subarray(8 + size + from, 8 + size + to);
          const array = dtype === "I32" ? Int32Array : Float32Array;
          return [name, { shape, data: new array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)) }];
        },
      ),
  );
}

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
