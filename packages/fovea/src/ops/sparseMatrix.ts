import { ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexAdd, indexSelect } from "./gather.ts";
import { reshape } from "./movement.ts";

/**
 * A matrix of few entries in compressed rows (CSR): row i has the entries `rowPointers[i]` … `rowPointers[i + 1] − 1`.
 *
 * Entries at one place are added. The values are a tensor, so a product has gradients for them too.
 */
export class SparseMatrix {
  readonly shape: readonly [rows: number, columns: number];
  readonly rowPointers: Int32Array;
  /** The column of each entry. */
  readonly columns: Int32Array;
  /** The value of each entry. */
  readonly values: Tensor;

  constructor(shape: readonly [number, number], rowPointers: Int32Array, columns: Int32Array, values: Tensor) {
    if (rowPointers.length !== shape[0] + 1 || values.rank !== 1 || values.size !== columns.length) {
      throw new ShapeError(
        `SparseMatrix: ${showShape(shape)} wants ${shape[0] + 1} row pointers and as many values as columns, got ` +
          `${rowPointers.length} pointers, ${columns.length} columns and values ${showShape(values.shape)}`,
      );
    }
    this.shape = shape;
    this.rowPointers = rowPointers;
    this.columns = columns;
    this.values = values;
  }

  /** Stored entries. */
  get entries(): number {
    return this.columns.length;
  }

  /** This matrix times a vector [columns], or times every column of [columns, n]. */
  matmul(x: Tensor): Tensor {
    const [rows, columns] = this.shape;
    if (x.rank < 1 || x.rank > 2 || x.shape[0] !== columns) {
      throw new ShapeError(
        `SparseMatrix.matmul: a matrix ${showShape(this.shape)} wants a vector [${columns}] or a matrix ` +
          `[${columns}, n], got ${showShape(x.shape)}`,
      );
    }
    const scale = x.rank === 1 ? this.values : reshape(this.values, [this.entries, 1]);
    return indexAdd(indexSelect(x, indices(this.columns), 0).mul(scale), indices(this.rows()), 0, rows);
  }

  /** The row of each entry. */
  rows(): Int32Array {
    const rows = new Int32Array(this.entries);
    for (let i = 0; i < this.shape[0]; i++) rows.fill(i, this.rowPointers[i]!, this.rowPointers[i + 1]!);
    return rows;
  }

  /** Rows and columns exchanged. */
  transpose(): SparseMatrix {
    const [rows, columns] = this.shape;
    const pointers = new Int32Array(columns + 1);
    for (const column of this.columns) pointers[column + 1]!++;
    for (let i = 0; i < columns; i++) pointers[i + 1]! += pointers[i]!;
    const next = pointers.slice(0, columns);
    const from = this.rows();
    const [order, targets] = [new Int32Array(this.entries), new Int32Array(this.entries)];
    this.columns.forEach((column, entry) => {
      const at = next[column]!++;
      order[at] = entry;
      targets[at] = from[entry]!;
    });
    return new SparseMatrix([columns, rows], pointers, targets, indexSelect(this.values, indices(order), 0));
  }

  /** All elements: [rows, columns]. */
  toDense(): Tensor {
    const [rows, columns] = this.shape;
    const from = this.rows();
    const places = this.columns.map((column, entry) => from[entry]! * columns + column);
    return reshape(indexAdd(this.values, indices(places), 0, rows * columns), [rows, columns]);
  }

  toString(): string {
    return `SparseMatrix(${showShape(this.shape)}, ${this.entries} entries)`;
  }
}

const indices = (values: Int32Array): Tensor => fromHost(values, [values.length], "int32");
