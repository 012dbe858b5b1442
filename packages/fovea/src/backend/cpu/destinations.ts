import { byteSize } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { ProgramSpec } from "../contract.ts";
import { kernelOf } from "./backend.ts";

/** The part of a joined value that a value will be. */
export interface Destination {
  /** The value that joins it with others. */
  readonly join: number;
  /** In bytes. */
  readonly offset: number;
}

/**
 * Which values can be computed right where a concatenation along the first axis would copy them: it is the slowest axis
 * in every layout, so that parts are pieces of memory. A value goes to one place only, and it must be computed: no
 * argument, no weight, no other value's memory under another shape.
 */
export function destinations(program: ProgramSpec, overwritten: ReadonlySet<number>): Map<number, Destination> {
  const { nodes, values } = program;
  const found = new Map<number, Destination>();
  const results = new Set<number>(program.outputs);
  const computed = new Set(
    nodes.flatMap(({ op, output }) => {
      const kernel = kernelOf(op);
      return op.inPlace || kernel?.alias || kernel?.piece || results.has(output) ? [] : [output];
    }),
  );
  for (const { op, inputs, attrs, output } of nodes) {
    if (op.name !== "concat" || attrs.axis !== 0 || overwritten.has(output)) continue;
    let offset = 0;
    for (const id of inputs) {
      const { shape, dtype } = values[id]!;
      if (computed.has(id) && !overwritten.has(id) && !found.has(id)) found.set(id, { join: output, offset });
      offset += sizeOf(shape) * byteSize[dtype];
    }
  }
  return found;
}
