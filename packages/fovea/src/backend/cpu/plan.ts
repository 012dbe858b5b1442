import type { Attrs, OpKernel, ProgramSpec, TensorSpec } from "../contract.ts";
import { bytesOf, type Block, type CpuBuffer } from "./buffer.ts";
import { kernelOf } from "./backend.ts";
import type { KernelName } from "./kernels.generated.ts";
import type { Layout } from "./layout.ts";
import { lowerOp, type CommandOptions, type CpuValue, type Emitter, type Ref } from "./lower.ts";
import { emitRelayout } from "./lower/relayout.ts";

/** A piece of memory that commands name by its number; several values may share one. */
export interface Slot {
  /** `arena`: placed by the plan. `given`: known at each run. `captured`: a tensor from outside. `host`: filled before each run. */
  kind: "arena" | "given" | "captured" | "host";
  readonly bytes: number;
  /** The memory of a captured tensor or of a host input. */
  readonly block: Block | null;
}

/** A kernel call; `writes` of its buffers, counted from the last, are written. */
export interface Command {
  readonly kernel: KernelName;
  readonly buffers: readonly Ref[];
  readonly writes: number;
  readonly params: readonly number[];
  readonly serial: boolean;
  readonly node: number;
}

/** An op without a C kernel, run by the host between two stretches of commands. */
export interface HostStep {
  readonly op: OpKernel;
  readonly attrs: Attrs;
  readonly inputs: readonly (CpuValue | undefined)[];
  readonly output: CpuValue;
  readonly node: number;
}

export type Step = Command | HostStep;

/** The slots a step only reads, and those it writes. */
export function touches(step: Step): { readonly reads: readonly Ref[]; readonly writes: readonly Ref[] } {
  if ("kernel" in step) {
    const at = step.buffers.length - step.writes;
    return { reads: step.buffers.slice(0, at), writes: step.buffers.slice(at) };
  }
  return { reads: step.inputs.flatMap((v) => (v === undefined ? [] : [v.ref])), writes: [step.output.ref] };
}

/** Lowers the nodes of a program into steps over slots. */
export class Planner implements Emitter {
  readonly slots: Slot[] = [];
  readonly steps: Step[] = [];
  readonly inputs: Ref[];
  readonly outputs: CpuValue[];
  readonly lanes: number;
  readonly #twins = new Map<Ref, CpuValue>();
  /** The node being lowered; −1 before the first and after the last. */
  #node = -1;

  constructor(lanes: number, program: ProgramSpec, hostBuffers: readonly CpuBuffer[]) {
    this.lanes = lanes;
    const values = new Map<number, CpuValue>();
    const spec = (id: number) => program.values[id]!;
    this.inputs = program.inputs.map((id) => {
      const ref = this.#slot("given", bytesOf(spec(id)));
      values.set(id, { spec: spec(id), layout: "contiguous", ref });
      return ref;
    });
    const known = (kind: "captured" | "host", id: number, { layout, block }: CpuBuffer) => {
      const ref = this.#slot(kind, bytesOf(spec(id)), block);
      values.set(id, { spec: spec(id), layout, ref });
    };
    for (const { value, buffer } of program.captured) known("captured", value, buffer as CpuBuffer);
    program.hostInputs.forEach(({ value }, i) => known("host", value, hostBuffers[i]!));

    program.nodes.forEach((node, i) => {
      this.#node = i;
      const args = node.inputs.map((id) => (id < 0 ? undefined : values.get(id)!));
      values.set(node.output, this.#lower(node.op, args, node.attrs, spec(node.output)));
    });
    this.#node = -1;
    this.outputs = program.outputs.map((id) => this.#asOutput(values.get(id)!));
  }

  command(kernel: KernelName, buffers: readonly Ref[], params: readonly number[], options?: CommandOptions): void {
    const { serial = false, writes = 1 } = options ?? {};
    this.steps.push({ kernel, buffers, writes, params, serial, node: this.#node });
  }

  scratch(bytes: number): Ref {
    return this.#slot("arena", Math.max(4, bytes));
  }

  #lower(op: OpKernel, args: readonly (CpuValue | undefined)[], attrs: Attrs, output: TensorSpec): CpuValue {
    const kernel = kernelOf(op);
    const make = {
      relayout: (v: CpuValue, to: Layout) => this.#twin(v, to),
      output: (layout: Layout) => ({ spec: output, layout, ref: this.#slot("arena", bytesOf(output)) }),
      alias: (of: CpuValue): CpuValue => ({ spec: output, layout: of.layout, ref: of.ref }),
    };
    if (kernel === undefined) return this.#lowerToHost(op, args, attrs, make.output);
    const y = lowerOp(op, kernel, this, args, attrs, output, make);
    if (op.inPlace) this.#twins.delete(args[0]!.ref);
    return y;
  }

  #lowerToHost(
    op: OpKernel,
    args: readonly (CpuValue | undefined)[],
    attrs: Attrs,
    makeOutput: (layout: Layout) => CpuValue,
  ): CpuValue {
    const inputs = args.map((v) => v && (v.layout === "contiguous" ? v : this.#twin(v, "contiguous")));
    const output = op.inPlace ? args[0]! : makeOutput("contiguous");
    this.steps.push({ op, attrs, inputs, output, node: this.#node });
    return output;
  }

  #twin(v: CpuValue, to: Layout): CpuValue {
    const known = this.#twins.get(v.ref);
    if (known !== undefined && known.layout === to) return known;
    const twin = { spec: v.spec, layout: to, ref: this.#slot("arena", bytesOf(v.spec)) };
    emitRelayout(this, v, twin);
    this.#twins.set(v.ref, twin);
    return twin;
  }

  /** An output gets memory of its own at each run; a value that is an input or a weight is copied. */
  #asOutput(v: CpuValue): CpuValue {
    const slot = this.slots[v.ref]!;
    if (slot.kind === "arena") slot.kind = "given";
    else if (slot.kind !== "given" || this.inputs.includes(v.ref)) {
      const copy = { ...v, ref: this.#slot("given", slot.bytes) };
      emitRelayout(this, v, copy);
      return copy;
    }
    return v;
  }

  #slot(kind: Slot["kind"], bytes: number, block: Block | null = null): Ref {
    return this.slots.push({ kind, bytes, block }) - 1;
  }
}
