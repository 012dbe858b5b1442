import { UsageError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";

/** `; did you mean "same"?` when something near is allowed, else nothing. Spellings of case count little. */
function suggestion(word: string, allowed: readonly string[]): string {
  const near = nearest(word, allowed) ?? nearest(plain(word), allowed.map(plain));
  const found = allowed.find((name) => name === near) ?? allowed.find((name) => plain(name) === near);
  return found === undefined ? "" : `; did you mean "${found}"?`;
}

/** A list behind a suggestion, or in its place. */
const listed = (hint: string, list: string): string =>
  hint === "" ? `; ${list}` : `${hint} ${list[0]!.toUpperCase()}${list.slice(1)}`;

const show = (value: unknown): string =>
  typeof value === "function" ? `function ${value.name}` : (JSON.stringify(value) ?? String(value));

/** Throws unless `options` is an object whose keys are all known arguments of the layer. */
export function checkArguments(who: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new UsageError(
      `${who}: takes its arguments as one object, { ${known.slice(0, 2).join(", ")}, … }, got ${show(options)}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const hint = listed(suggestion(name, known), `it takes ${known.join(", ")}`);
    throw new UsageError(`${who}: there is no argument "${name}"${hint}`);
  }
}

/** The value of an argument that has no default. */
export function required<T>(who: string, name: string, value: T | undefined | null): T {
  if (value !== undefined && value !== null) return value;
  throw new UsageError(`${who}: ${name} is missing; it has no default`);
}

/** A whole number of at least `least`. */
export function count(who: string, name: string, value: unknown, least = 1): number {
  if (Number.isInteger(value) && (value as number) >= least) return value as number;
  throw new UsageError(`${who}: ${name} must be a whole number ≥ ${least}, got ${show(value)}`);
}

/** A finite number in a range. */
export function numberIn(who: string, name: string, value: unknown, low: number, high: number, range: string): number {
  if (typeof value === "number" && value >= low && value <= high) return value;
  throw new UsageError(`${who}: ${name} must be ${range}, got ${show(value)}`);
}

/** True or false, nothing that merely looks like it. */
export function flag(who: string, name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new UsageError(`${who}: ${name} must be true or false, got ${show(value)}`);
}

/** One of a few words. */
export function choice<T extends string>(who: string, name: string, value: unknown, allowed: readonly T[]): T {
  if ((allowed as readonly unknown[]).includes(value)) return value as T;
  const words = allowed.map((word) => `"${word}"`).join(" or ");
  const hint = typeof value === "string" ? suggestion(value, allowed) : "";
  throw new UsageError(`${who}: ${name} must be ${words}, got ${show(value)}${hint}`);
}

/** Spellings that mean the same: `glorot_uniform`, `glorotUniform`, `GlorotUniform`. */
const plain = (name: string): string => name.replaceAll(/[_\- ]/g, "").toLowerCase();

/** The entry of a table by its name, in Keras' spelling (`he_normal`) or ours (`heNormal`). */
export function named<T>(who: string, name: string, value: string, table: Readonly<Record<string, T>>): T {
  const names = Object.keys(table);
  const found = names.find((key) => plain(key) === plain(value));
  if (found !== undefined) return table[found]!;
  const hint = listed(suggestion(value, names), `known: ${names.join(", ")}`);
  throw new UsageError(`${who}: ${name} "${value}" is not known${hint}`);
}
