import { encodeNpy, parseNpy, readNpy, type NpyArray } from "./npy.ts";
import type { StoredTensor } from "./safetensors.ts";
import { encodeZip, readZip } from "./zip.ts";

/** What ends the names in an archive. */
export const SUFFIX = ".npy";

/** Reads an .npz file: NumPy arrays by name. */
export function parseNpz(bytes: Uint8Array, name: string): Map<string, NpyArray> {
  return readArrays(bytes, name, parseNpy);
}

/** The arrays of an .npz file as they are stored. */
export function readNpz(bytes: Uint8Array, name: string): Map<string, StoredTensor> {
  return readArrays(bytes, name, readNpy);
}

/** Writes an .npz file as `numpy.savez` does, not compressed. */
export function encodeNpz(tensors: ReadonlyMap<string, StoredTensor>): Uint8Array {
  return encodeZip(new Map(Array.from(tensors, ([name, tensor]) => [`${name}${SUFFIX}`, encodeNpy(tensor, name)])));
}

function readArrays<A>(
  bytes: Uint8Array,
  name: string,
  read: (content: Uint8Array, name: string) => A,
): Map<string, A> {
  const arrays = new Map<string, A>();
  for (const [file, content] of readZip(bytes, name)) {
    if (file.endsWith(SUFFIX)) arrays.set(file.slice(0, -SUFFIX.length), read(content, `${name}: ${file}`));
  }
  return arrays;
}
