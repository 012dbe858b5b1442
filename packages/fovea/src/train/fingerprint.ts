import { ImageDataset } from "../data/dataset.ts";
import type { AnySample, Dataset } from "../data/sample.ts";
import type { AnyModule } from "../nn/module.ts";
import { showShape } from "../base/shape.ts";
import type { Arrays } from "./source.ts";

/** What tells data from others: a resumed run must see those that it began with. Each entry is compared. */
export type DataDescription = { readonly [property: string]: string | number };

/** Elements that a hash looks at, evenly spread: enough to notice other data, and quick. */
const LOOKED_AT = 1 << 18;

export function describeArrays({ x, y, length }: Arrays): DataDescription {
  const found: Record<string, string | number> = { examples: length };
  for (const [i, { shape, data }] of x.entries()) {
    found[x.length > 1 ? `x ${i}` : "x"] = `${showShape(shape.slice(1))} ${hashOf(data)}`;
  }
  for (const [name, { shape, data }] of y) found[`y ${name}`.trim()] = `${showShape(shape.slice(1))} ${hashOf(data)}`;
  return found;
}

/** Of a dataset behind a loader: its pixels where they are in memory, else what it says of itself. */
export function describeDataset(data: Dataset<AnySample> | undefined): DataDescription {
  if (data === undefined) return {};
  const found: Record<string, string | number> = { examples: data.length, classes: data.classes.join(", ") };
  if (data.shape !== undefined) found["shape"] = showShape(data.shape);
  if (data.labels !== undefined) found["labels"] = hashOf(data.labels);
  if (data instanceof ImageDataset) found["pixels"] = hashOf(data.images);
  else if (data.nameOf !== undefined) {
    const names = Array.from({ length: data.length }, (_, i) => data.nameOf!(i).replace(/^.*[/\\]/, ""));
    found["names"] = hashOf(new TextEncoder().encode(names.join("\n")));
  }
  return found;
}

/** A network's layers with their arguments, and its weights by shape: a line each. */
export function describeModel(model: AnyModule): string {
  const weights = [...model.stateDict()].map(([name, { shape }]) => `${name} ${showShape(shape)}`);
  return [model.toString(), ...weights].join("\n");
}

/** What differs between two descriptions, as a sentence; null when nothing does. */
export function difference(before: DataDescription, now: DataDescription): string | null {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  const found = [...names]
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name}: ${before[name] ?? "none"} then, ${now[name] ?? "none"} now`);
  return found.length === 0 ? null : found.join("; ");
}

/** The first lines in which two texts differ. */
export function textDifference(before: string, now: string): string | null {
  if (before === now) return null;
  const [a, b] = [before.split("\n"), now.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  const shown = (lines: string[]) => lines[at < 0 ? a.length : at]?.trim() ?? "nothing more";
  return `"${shown(a)}" then, "${shown(b)}" now`;
}

/** FNV-1a over numbers evenly spread over the array. */
function hashOf(values: ArrayLike<number>): string {
  const step = Math.max(1, Math.floor(values.length / LOOKED_AT));
  const bits = new Int32Array(1);
  const float = new Float32Array(bits.buffer);
  let hash = 0x811c9dc5 ^ values.length;
  for (let i = 0; i < values.length; i += step) {
    float[0] = values[i]!;
    hash = Math.imul(hash ^ bits[0]!, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
