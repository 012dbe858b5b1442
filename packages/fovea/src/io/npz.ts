import { parseNpy, type NpyArray } from "./npy.ts";
import { readZip } from "./zip.ts";

/** Reads an .npz file: NumPy arrays by name. */
export function parseNpz(bytes: Uint8Array, name: string): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>();
  for (const [file, content] of readZip(bytes, name)) {
    if (file.endsWith(".npy")) arrays.set(file.slice(0, -".npy".length), parseNpy(content, `${name}: ${file}`));
  }
  return arrays;
}
