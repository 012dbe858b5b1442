import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";

/** Parsers of option values: each takes the text and gives the value, or a UsageError that says what was wanted. */

/** One of the choices. */
export function choice<const T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((c) => c === text);
    if (found !== undefined) return found;
    const near = nearest(text, choices);
    throw new UsageError(
      `"${text}" is not one of ${choices.join(", ")}${near === null ? "" : `; did you mean ${near}?`}`,
    );
  };
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `≥ ${min}` : `from ${min} to ${max}`;
    throw new UsageError(`"${text}" is not a whole number ${range}`);
  };
}

/** A number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < Infinity) return value;
  throw new UsageError(`"${text}" is not a number above 0`);
}

/** A number from 0 on, below `end`. */
export function numberBelow(end: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= 0 && value < end) return value;
    throw new UsageError(`"${text}" is not a number from 0 to ${end} (${end} itself is too much)`);
  };
}

const units = { s: 1, m: 60, h: 3600 } as const;

/** A time in seconds: `90s`, `10m`, `1.5h`, `1h30m`, or plain seconds. */
export function duration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([smh]?)/g)];
  const whole = parts.map(([part]) => part).join("") === text.replaceAll(" ", "");
  const seconds = parts.reduce((sum, [, n, unit]) => sum + Number(n) * units[(unit || "s") as keyof typeof units], 0);
  if (whole && parts.length > 0 && seconds > 0) return seconds;
  throw new UsageError(`"${text}" is not a time; write 90s, 10m, or 1h30m`);
}
