import { FormatError, UsageError } from "../../base/errors.ts";
import { ArrayDataset } from "../arrayDataset.ts";
import { parseCsv } from "./csv.ts";

export interface TimeSeriesOptions {
  /** Rows in a sample. */
  readonly window: number;
  /** Column to predict: its name, or its number from 0. */
  readonly target: string | number;
  /** Columns that a sample has; default all that hold numbers only, the target with them. */
  readonly columns?: readonly (string | number)[];
  /** Rows from one sample to the next; default 1. */
  readonly stride?: number;
  /** How many rows after a sample's last its target is; default 1. 0 is the last row itself. */
  readonly horizon?: number;
  /** Whether the target is a class, a word or number; default false: a number to predict. */
  readonly classify?: boolean;
}

/**
 * Windows of a table whose rows are steps in time, as samples [columns, window]; each with a later value of one column as
 * target. A first row that holds a word is the head. `name` is for errors.
 */
export function timeSeries(text: string, name: string, options: TimeSeriesOptions): ArrayDataset {
  const { window, target, stride = 1, horizon = 1, classify = false } = options;
  for (const [what, value, least] of [
    ["window", window, 1],
    ["stride", stride, 1],
    ["horizon", horizon, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new UsageError(`timeSeries: ${what} must be a whole number ≥ ${least}, got ${value}`);
    }
  }
  const rows = parseCsv(text, name);
  const isHead = rows[0]?.every((field) => toNumber(field) === null) ?? false;
  const head = isHead ? rows.shift()! : (rows[0]?.map((_, column) => String(column)) ?? []);
  const wrong = rows.findIndex((row) => row.length !== head.length);
  if (wrong >= 0) {
    throw new FormatError(
      `${name}: row ${wrong + 1 + Number(isHead)} has ${rows[wrong]!.length} fields, the first has ${head.length}`,
    );
  }
  const find = (column: string | number): number => {
    const at = typeof column === "number" ? column : head.indexOf(column);
    if (Number.isInteger(at) && at >= 0 && at < head.length) return at;
    throw new UsageError(`${name} has no column ${JSON.stringify(column)}; it has ${head.join(", ")}`);
  };
  const numeric = (column: number) => rows.every((row) => toNumber(row[column]!) !== null);
  const columns = options.columns?.map(find) ?? [...head.keys()].filter(numeric);
  const count = Math.floor((rows.length - window - horizon) / stride) + 1;
  if (columns.length === 0 || count < 1) {
    throw new FormatError(
      `${name}: ${rows.length} rows, ${columns.length} columns of numbers; a window of ${window} with its target needs ${window + horizon} rows`,
    );
  }
  const value = (row: number, column: number): number => {
    const number = toNumber(rows[row]![column]!);
    if (number !== null) return number;
    throw new FormatError(
      `${name}: row ${row + 1 + Number(isHead)}, column ${head[column]} is ${JSON.stringify(rows[row]![column])}, no number`,
    );
  };
  const x = new Float32Array(count * columns.length * window);
  let to = 0;
  for (let sample = 0; sample < count; sample++) {
    for (const column of columns) for (let t = 0; t < window; t++) x[to++] = value(sample * stride + t, column);
  }
  const answer = find(target);
  const rowOf = (sample: number) => sample * stride + window - 1 + horizon;
  const parts = { name, x, shape: [columns.length, window] };
  if (!classify) {
    return new ArrayDataset({
      ...parts,
      targets: Float32Array.from({ length: count }, (_, k) => value(rowOf(k), answer)),
    });
  }
  const words = Array.from({ length: count }, (_, k) => rows[rowOf(k)]![answer]!);
  const classes = [...new Set(words)].toSorted();
  return new ArrayDataset({ ...parts, classes, labels: Int32Array.from(words, (word) => classes.indexOf(word)) });
}

/** Null where a field is no finite number. */
function toNumber(field: string): number | null {
  const number = Number(field);
  return field.trim() !== "" && Number.isFinite(number) ? number : null;
}
