import { basename } from "node:path";
import { FormatError } from "../base/errors.ts";
import { isDarknetConfig, isDarknetWeights, readDarknet } from "./darknet/read.ts";
import { readFile } from "./files.ts";
import { isHdf5, readHdf5, type Hdf5File } from "./hdf5.ts";
import { JsonObject } from "./jsonObject.ts";
import { isKerasArchive, readKerasArchive } from "./keras/archive.ts";
import { h5Architecture, inSavedOrder } from "./keras/weights.ts";
import { isNpy, readNpy } from "./npy.ts";
import { SUFFIX } from "./npz.ts";
import { dataBeside } from "./onnx/file.ts";
import { readOnnxWeights } from "./onnx/initializers.ts";
import { parseSafetensors, type StoredTensor } from "./safetensors.ts";
import { readShards } from "./shards.ts";
import { readTfjs } from "./tfjs.ts";
import { isLegacyTorch, parseTorch, parseTorchArchive } from "./torch.ts";
import { weightsFormats, type Beside, type WeightsFile } from "./weightsFile.ts";
import { readZip } from "./zip.ts";

// Node only: HDF5 is read in a worker thread, and files that others name are opened.

export interface ReadWeightsOptions {
  /** What the errors call the file; default its path, or "the file" for bytes. */
  name?: string;
  /** The bytes of a file that this one names. A path has those of its own folder; bytes have none unless given here. */
  beside?: Beside;
}

/**
 * Reads the weights of a network, and the network where the file describes one, from any format that Fovea knows. The
 * format is recognised by the contents, never by the name: safetensors (also an index of shards), PyTorch (archives and
 * the older pickles), HDF5 and `.keras` of Keras, `model.json` of TensorFlow.js, ONNX, Darknet (`.cfg` or `.weights`,
 * the other one beside it), `.npy` and `.npz`.
 *
 * Nothing in a file is executed. What is no sound file of its format is a FormatError that names it.
 *
 * @example
 * const { tensors, architecture } = await readWeights("model.h5");
 * const { model, report } = architecture!.build();
 */
export async function readWeights(source: string | Uint8Array, options: ReadWeightsOptions = {}): Promise<WeightsFile> {
  if (typeof source === "string") {
    const bytes = await readFile(source);
    return readBytes(bytes, options.name ?? source, options.beside ?? dataBeside(source), false);
  }
  const name = options.name ?? "the file";
  const alone: Beside = (other) => {
    throw new FormatError(
      `${name} needs the file ${JSON.stringify(other)} beside it; read it by its path, or pass \`beside\``,
    );
  };
  return readBytes(source, name, options.beside ?? alone, true);
}

/** @param copy Whether somebody else may change the bytes later. */
async function readBytes(bytes: Uint8Array, name: string, beside: Beside, copy: boolean): Promise<WeightsFile> {
  if (isHdf5(bytes)) return fromHdf5(await readHdf5(bytes, name), name);
  if (isZip(bytes)) return readArchive(bytes, name);
  if (isNpy(bytes)) return plain("npy", new Map([[stem(name), readNpy(bytes, name)]]));
  if (isLegacyTorch(bytes)) return plain("PyTorch", parseTorch(bytes, name));
  if (isSafetensors(bytes)) {
    const { tensors, metadata } = parseSafetensors(bytes, name, { copy });
    return { format: "safetensors", tensors, metadata, architecture: null };
  }
  if (isDarknetWeights(bytes)) return readDarknet(await besideStem(name, ".cfg", beside), bytes, name);
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 4096)).trimStart();
  if (start.startsWith("{")) return readIndex(JsonObject.parse(bytes, name), name, beside);
  if (isDarknetConfig(start)) return readDarknet(bytes, await besideStem(name, ".weights", beside), name);
  if (bytes[0] === 0x08) return readOnnxWeights(bytes, name, beside); // the field ir_version
  throw new FormatError(`${name} ${guess(start) ?? `is none of ${weightsFormats.join(", ")}: ${begin(bytes)}`}`);
}

const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2]! < 9;

/** A length of at most the file's, then the brace of a JSON object. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes[8] === 0x7b && view.getUint32(4, true) === 0 && view.getUint32(0, true) <= 100_000_000;
}

const plain = (format: "npy" | "npz" | "PyTorch", tensors: ReadonlyMap<string, StoredTensor>): WeightsFile => ({
  format,
  tensors,
  metadata: new Map(),
  architecture: null,
});

const stem = (name: string): string => basename(name).replace(/\.[^.]*$/, "");

function fromHdf5(file: Hdf5File, name: string): WeightsFile {
  const metadata = new Map<string, string>();
  for (const [key, value] of file.attributes.get("") ?? []) {
    if (key !== "model_config") metadata.set(key, String(value));
  }
  return { format: "HDF5", tensors: inSavedOrder(file), metadata, architecture: h5Architecture(file, name) };
}

async function readArchive(bytes: Uint8Array, name: string): Promise<WeightsFile> {
  const files = readZip(bytes, name);
  if (isKerasArchive(files)) return readKerasArchive(files, name);
  const names = [...files.keys()];
  if (names.some((file) => file.endsWith("/data.pkl")))
    return plain("PyTorch", parseTorchArchive(files, bytes.length, name));
  if (names.length > 0 && names.every((file) => file.endsWith(SUFFIX))) {
    const arrays = Array.from(files, ([file, content]): [string, StoredTensor] => [
      file.slice(0, -SUFFIX.length),
      readNpy(content, `${name}: ${file}`),
    ]);
    return plain("npz", new Map(arrays));
  }
  const some = names.slice(0, 5).join(", ");
  throw new FormatError(`${name} is a zip archive, but none of PyTorch, Keras or NumPy; it holds ${some || "nothing"}`);
}

function readIndex(index: JsonObject, name: string, beside: Beside): WeightsFile {
  if (index.has("weight_map")) return readShards(index, beside);
  if (index.has("weightsManifest")) return readTfjs(index, name, beside);
  return index.fail(
    'is JSON, but has neither "weight_map" (shards of safetensors) nor "weightsManifest" (TensorFlow.js)',
  );
}

async function besideStem(name: string, ending: string, beside: Beside): Promise<Uint8Array> {
  return beside(`${stem(name)}${ending}`);
}

/** What people take for weights. */
function guess(start: string): string | null {
  if (start.startsWith("version https://git-lfs")) {
    return "is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull";
  }
  if (/^<(!doctype|html|\?xml)/i.test(start)) return "is a web page; download the file itself";
  if (start.startsWith("\x1f\x8b")) return "is compressed with gzip; unpack it first";
  if (start.startsWith("\x80") && start.charCodeAt(1) <= 5) {
    return "is a pickle, but not one of PyTorch; save the tensors as safetensors, or with torch.save";
  }
  return null;
}

function begin(bytes: Uint8Array): string {
  if (bytes.length === 0) return "it is empty";
  return `it begins with the bytes ${Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, "0")).join(" ")}`;
}
