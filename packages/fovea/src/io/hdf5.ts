import { Worker } from "node:worker_threads";
import { FormatError, FoveaError } from "../base/errors.ts";
import { readHdf5Objects, type Hdf5Object, type Hdf5Value } from "./hdf5Worker.ts";
import { inflationLimit } from "./limits.ts";
import { readElements, type StoredDType, type StoredTensor } from "./safetensors.ts";

// Node only: the library runs in a worker thread.

/** The contents of an HDF5 file by path, without the leading slash: `model_weights/conv1/kernel:0`. */
export interface Hdf5File {
  /** Attributes of groups and datasets; the root's path is "". */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, Hdf5Value>>;
  /** Datasets of numbers. */
  readonly datasets: ReadonlyMap<string, StoredTensor>;
}

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** Memory of the library beside what it reads. */
const LIBRARY_BYTES = 64 * 2 ** 20;

/** Whether a file begins as HDF5 files do. A user block before the signature is not looked for. */
export const isHdf5 = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte);

/** What the worker does before the library's own code: no word on the console, no memory beyond the limit. */
const guard = `
  for (const method of ["log", "warn", "error"]) console[method] = () => {};
  const grow = WebAssembly.Memory.prototype.grow;
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (this.buffer.byteLength + pages * 65536 > workerData.memory) throw new RangeError("memory limit");
    return grow.call(this, pages);
  };`;

const source = `
  const { parentPort, workerData } = require("node:worker_threads");
  ${guard}
  const read = ${readHdf5Objects.toString()};
  import(workerData.library)
    .then(({ ready }) => ready)
    .then((h5) => {
      let answer;
      try {
        answer = { found: read(h5, workerData.bytes, workerData.limit) };
      } catch (error) {
        answer = { why: error instanceof Error ? error.message : "the library failed" };
      }
      parentPort.postMessage(answer);
    });`;

/**
 * Reads a whole HDF5 file in a worker thread that has a deadline and a limit of memory, with a library that sees no file of
 * this machine. `name` appears in the errors, which are FormatErrors.
 *
 * @param deadline Milliseconds; by default 20 seconds and one more for each 4 MB.
 */
export async function readHdf5(
  bytes: Uint8Array,
  name: string,
  deadline = 20_000 + bytes.length / 4000,
): Promise<Hdf5File> {
  const limit = inflationLimit(bytes.length);
  const memory = LIBRARY_BYTES + bytes.length + limit;
  const library = import.meta.resolve("h5wasm");
  const worker = new Worker(source, {
    eval: true,
    execArgv: [],
    stdout: true,
    stderr: true,
    workerData: { bytes, limit, memory, library },
  });
  try {
    return collect(await answerOf(worker, name, deadline), name);
  } finally {
    await worker.terminate();
  }
}

function answerOf(worker: Worker, name: string, deadline: number): Promise<readonly Hdf5Object[]> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string) => reject(new FormatError(`${name} is not a sound HDF5 file: ${why}`));
    const timer = setTimeout(
      () => refuse(`reading it takes more than ${Math.round(deadline / 1000)} seconds`),
      deadline,
    );
    worker.on("message", (answer: { found: Hdf5Object[] } | { why: string }) => {
      clearTimeout(timer);
      if ("found" in answer) resolve(answer.found);
      else refuse(innermost(answer.why));
    });
    worker.on("error", (error) => {
      clearTimeout(timer);
      // The library itself may be missing; everything else is the file's fault.
      const { code, message } = error as NodeJS.ErrnoException;
      if (code?.startsWith("ERR_MODULE") === true) reject(new FoveaError(`h5wasm cannot be loaded: ${message}`));
      else refuse(message.split("\n")[0]!);
    });
    worker.on("exit", () => refuse("the library ended without an answer"));
  });
}

/** The library's messages are stacks of C functions: what the innermost one says. */
function innermost(why: string): string {
  const lines = [...why.matchAll(/^ *#\d+: .* in \w+\(\): (.+)$/gm)];
  return lines.at(-1)?.[1] ?? why.split("\n")[0]!;
}

/** The objects that the worker found, as tensors. */
export function collect(found: readonly Hdf5Object[], name: string): Hdf5File {
  const attributes = new Map<string, ReadonlyMap<string, Hdf5Value>>();
  const datasets = new Map<string, StoredTensor>();
  for (const { path, attributes: own, dataset } of found) {
    if (attributes.has(path)) throw new FormatError(`${name} is not a sound HDF5 file: ${path} is there twice`);
    attributes.set(path, new Map(own));
    if (dataset === null) continue;
    const dtype = dataset.dtype as StoredDType;
    datasets.set(path, { dtype, shape: dataset.shape, data: readElements(dataset.bytes, dtype) });
  }
  return { attributes, datasets };
}
