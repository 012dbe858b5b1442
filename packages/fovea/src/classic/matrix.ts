import { ShapeError, UsageError } from "../base/errors.ts";

/** Samples as rows of numbers: row r, column c is `values[r * columns + c]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array | Float64Array;
}

/** What classifiers take: a matrix, or a list of rows of one length. */
export type Rows = Matrix | readonly ArrayLike<number>[];

/** Checks samples and makes a matrix of them; `who` begins the errors. */
export function toMatrix(x: Rows, who: string): Matrix {
  const matrix = isList(x) ? fromList(x, who) : x;
  const { rows, columns, values } = matrix;
  if (values.length !== rows * columns) {
    throw new ShapeError(`${who}: a matrix [${rows}, ${columns}] needs ${rows * columns} values, got ${values.length}`);
  }
  if (rows === 0 || columns === 0) throw new ShapeError(`${who}: there are no numbers in x [${rows}, ${columns}]`);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) {
      throw new UsageError(
        `${who}: x holds ${values[i]} in row ${Math.floor(i / columns)}, column ${i % columns}; remove or replace it first`,
      );
    }
  }
  return matrix;
}

/** Like `toMatrix`, and each sample must have as many numbers as those that were fitted. */
export function toFitted(x: Rows, columns: number | null, who: string): Matrix {
  if (columns === null) throw new UsageError(`${who}: call fit(x, y) first`);
  const matrix = toMatrix(x, who);
  if (matrix.columns !== columns) {
    throw new ShapeError(`${who}: x has ${matrix.columns} numbers a row, but ${columns} when it was fitted`);
  }
  return matrix;
}

export function matrix(rows: number, columns: number): { rows: number; columns: number; values: Float64Array } {
  return { rows, columns, values: new Float64Array(rows * columns) };
}

/** The rows at `indices`, copied. */
export function takeRows({ columns, values }: Matrix, indices: ArrayLike<number>): Matrix {
  const taken =
    values instanceof Float32Array
      ? new Float32Array(indices.length * columns)
      : new Float64Array(indices.length * columns);
  for (let r = 0; r < indices.length; r++) {
    taken.set(values.subarray(indices[r]! * columns, (indices[r]! + 1) * columns), r * columns);
  }
  return { rows: indices.length, columns, values: taken };
}

/** Row `r` of `a` times row `s` of `b`. */
export function dotRows(a: Matrix, r: number, b: Matrix, s: number): number {
  const { columns, values: left } = a;
  const right = b.values;
  let sum = 0;
  for (let i = r * columns, j = s * columns, end = i + columns; i < end; i++, j++) sum += left[i]! * right[j]!;
  return sum;
}

function isList(x: Rows): x is readonly ArrayLike<number>[] {
  return Array.isArray(x);
}

function fromList(list: readonly ArrayLike<number>[], who: string): Matrix {
  const columns = list[0]?.length ?? 0;
  const made = matrix(list.length, columns);
  for (let r = 0; r < list.length; r++) {
    if (list[r]!.length !== columns) {
      throw new ShapeError(`${who}: row ${r} of x has ${list[r]!.length} numbers, row 0 has ${columns}`);
    }
    made.values.set(list[r]!, r * columns);
  }
  return made;
}
