import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { FormatError } from "../../base/errors.ts";
import { readFile } from "../files.ts";
import { loadOnnx, type LoadOnnxOptions, type OnnxModel } from "./module.ts";
import type { ExternalData } from "./tensors.ts";

// Node only: it opens the files that a model names.

/**
 * Reads an ONNX model from a file. Data files that it names must lie in its own folder (or below), under their real
 * path: a model from a stranger cannot read anything else.
 */
export async function readOnnx(path: string, options: LoadOnnxOptions = {}): Promise<OnnxModel> {
  const bytes = await readFile(path);
  return loadOnnx(bytes, basename(path), { externalData: dataBeside(path), ...options });
}

/** The data files in the folder of a model. */
export function dataBeside(model: string): ExternalData {
  const folder = realpathSync(dirname(model));
  const opened = new Map<string, Uint8Array>();
  return (location) => {
    const known = opened.get(location);
    if (known !== undefined) return known;
    const bytes = open(folder, location, basename(model));
    opened.set(location, bytes);
    return bytes;
  };
}

function open(folder: string, location: string, model: string): Uint8Array {
  const refuse = (why: string): never => {
    throw new FormatError(`${model}: the data file ${JSON.stringify(location)} ${why}`);
  };
  if (location === "" || location.includes("\0")) return refuse("has no sound name");
  if (isAbsolute(location) || /^[A-Za-z]:/.test(location)) {
    return refuse("is an absolute path; data must lie in the model's own folder, under a relative path");
  }
  if (location.split(/[\\/]/).includes("..")) return refuse('leads out of the model\'s folder by ".."');
  let real: string;
  try {
    real = realpathSync(resolve(folder, location));
  } catch {
    return refuse(`is not in the folder of the model (${folder}); put it there`);
  }
  // The same path again: a link, wherever in it, could lead elsewhere.
  const inside = relative(folder, real);
  if (
    inside.startsWith("..") ||
    isAbsolute(inside) ||
    inside.split(sep).join("/") !==
      location
        .split(/[\\/]/)
        .filter((part) => part !== ".")
        .join("/")
  ) {
    return refuse("is a link to another place; put the file itself into the model's folder");
  }
  if (!statSync(real).isFile()) return refuse("is no file");
  const handle = openSync(real, "r");
  try {
    const { size } = fstatSync(handle);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size;) {
      const count = readSync(handle, bytes, at, size - at, at);
      if (count === 0) return refuse("changed while it was read");
      at += count;
    }
    return bytes;
  } finally {
    closeSync(handle);
  }
}
