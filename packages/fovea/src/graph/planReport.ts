import { byteSize } from "../base/dtype.ts";
import { showShape, sizeOf, type Shape } from "../base/shape.ts";
import type { Executable, TensorSpec } from "../backend/contract.ts";
import type { Graph } from "./graph.ts";

/** One op of a compiled function, and how the engine does it. */
export interface PlanRow {
  readonly op: string;
  /**
   * Kernels that run at every call, in order. None: the result is another's memory, only depends on weights, or is computed
   * in the loop of another row: `chain ×59` is that of 59 alike, such as the updates of all parameters.
   */
  readonly kernels: readonly string[];
  /** Kernels that run only when a weight changed. */
  readonly once: readonly string[];
  readonly layout: string;
  readonly shape: Shape;
  readonly macs: number;
  /** Bytes of the op's inputs and of its result. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Milliseconds, when timed. */
  readonly ms: number | null;
}

/** The plan of a compiled function: print it, or read `rows`; `JSON.stringify` gives all of it. */
export class PlanReport {
  /** Engine and input shapes. */
  readonly title: string;
  readonly rows: readonly PlanRow[];
  readonly arenaBytes: number;
  readonly preparedBytes: number;
  /** Choices of algorithms by measuring, with `autotune`: shapes, what was chosen, and the time of each. */
  readonly tuned: readonly string[];

  constructor(title: string, graph: Graph, executable: Executable, times: number[] | null) {
    const { work, arenaBytes, preparedBytes, tuned } = executable;
    this.title = title;
    this.tuned = tuned;
    this.arenaBytes = arenaBytes;
    this.preparedBytes = preparedBytes;
    this.rows = work.flatMap(({ node, kernels, once, layout }, i): PlanRow[] => {
      const ms = times === null ? null : times[i]!;
      if (node < 0) {
        if (kernels.length === 0) return [];
        return [{ op: "results", kernels, once, layout, shape: [], macs: 0, bytesRead: 0, bytesWritten: 0, ms }];
      }
      const { op, inputs, attrs, output } = graph.nodes[node]!;
      const specs = inputs.map((id) => (id < 0 ? undefined : graph.values[id]!));
      const result = graph.values[output]!;
      const bytesRead = specs.reduce((sum, spec) => sum + (spec === undefined ? 0 : bytesOf(spec)), 0);
      const sizes = { macs: op.macs(specs, attrs, result), bytesRead, bytesWritten: bytesOf(result) };
      return [{ op: op.name, kernels, once, layout, shape: result.shape, ...sizes, ms }];
    });
  }

  get macs(): number {
    return this.rows.reduce((sum, row) => sum + row.macs, 0);
  }

  /** Sum over the ops, in milliseconds; null when they were not timed. */
  get ms(): number | null {
    return this.rows.every(({ ms }) => ms !== null) ? this.rows.reduce((sum, row) => sum + row.ms!, 0) : null;
  }

  toJSON(): object {
    const { title, rows, arenaBytes, preparedBytes, tuned, macs, ms } = this;
    return { title, rows, macs, ms, arenaBytes, preparedBytes, tuned };
  }

  toString(): string {
    const timed = this.ms !== null;
    const speeds = speedsOf(this.rows);
    const lines = [
      [
        "op",
        "result",
        "layout",
        "MMAC",
        "MB",
        ...(timed ? ["ms", "GFLOP/s"] : []),
        "kernels (once: only when weights change)",
      ],
      ...this.rows.map((row, i) => [
        row.op,
        showShape(row.shape),
        row.layout,
        row.macs > 0 ? (row.macs / 1e6).toFixed(2) : "",
        ((row.bytesRead + row.bytesWritten) / 1e6).toFixed(2),
        ...(timed ? [row.ms!.toFixed(3), speeds[i]!] : []),
        [...row.kernels, ...(row.once.length > 0 ? [`once: ${row.once.join(", ")}`] : [])].join(", ") || "–",
      ]),
    ];
    const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
    const table = lines.map((line) =>
      line
        .map((cell, i) => pad(cell, widths[i]!, i))
        .join("  ")
        .trimEnd(),
    );
    const total = [
      `${(this.macs / 1e6).toFixed(2)} MMAC`,
      ...(timed ? [`${this.ms!.toFixed(3)} ms (ops timed one by one)`] : []),
      `memory plan ${mebibytes(this.arenaBytes)}`,
      `prepared weights ${mebibytes(this.preparedBytes)}`,
    ];
    const tuned = this.tuned.map((line) => `tuned: ${line}`);
    return [this.title, ...table, total.join(", "), ...tuned].join("\n");
  }
}

/** GFLOP/s of each row. What lives in another row's loop is done, and timed, in the next row that has a kernel. */
function speedsOf(rows: readonly PlanRow[]): string[] {
  let macs = 0;
  return rows.map((row) => {
    macs += row.macs;
    if (row.kernels.length === 0 && row.layout === "registers") return "";
    const done = macs;
    macs = 0;
    return done > 0 && row.ms! > 0 ? ((2e-6 * done) / row.ms!).toFixed(0) : "";
  });
}

const bytesOf = ({ shape, dtype }: TensorSpec): number => sizeOf(shape) * byteSize[dtype];
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
/** Words to the left, numbers to the right. */
const pad = (cell: string, width: number, column: number): string =>
  column < 3 ? cell.padEnd(width) : /^[\d.]*$/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
