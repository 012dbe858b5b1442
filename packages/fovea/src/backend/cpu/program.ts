import { hostArray } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import { planArena } from "../arena.ts";
import type { Attrs, Chain, DeviceBuffer, Executable, OpKernel, ProgramSpec, TensorSpec } from "../contract.ts";
import { bytesOf, CpuBuffer } from "./buffer.ts";
import type { CpuBackend } from "./backend.ts";
import { hostNdArray, kernelOf, singlePrecision } from "./backend.ts";
import type { KernelName } from "./kernels.generated.ts";
import type { Layout } from "./layout.ts";
import { lowerOp, type CommandOptions, type CpuValue, type Emitter, type Ref } from "./lower.ts";
import { lowerChain } from "./lower/chain.ts";
import { emitRelayout } from "./lower/relayout.ts";
import { ProgramWords, writeAddress } from "./words.ts";

/** A piece of memory that commands name; several values may share one. */
interface Slot {
  /** `arena`: placed by the plan. `given`: address set before each run. `fixed`: weights and host inputs. */
  kind: "arena" | "given" | "fixed";
  readonly bytes: number;
  address: number;
  first: number;
  last: number;
  /** Word positions where the address is written. */
  readonly patches: number[];
}

interface Command {
  readonly kernel: KernelName;
  readonly slots: readonly Ref[];
  readonly params: readonly number[];
  readonly serial: boolean;
}

/** An op without a C kernel, run by the host between two stretches of commands. */
interface HostStep {
  readonly op: OpKernel;
  readonly attrs: Attrs;
  readonly inputs: readonly (CpuValue | undefined)[];
  readonly output: CpuValue;
}

/** A recorded program as one list of commands over a static memory plan. Replay allocates only its outputs. */
export class CpuProgram implements Executable {
  readonly arenaBytes: number;
  readonly #engine: CpuBackend;
  readonly #program: ProgramSpec;
  readonly #slots: Slot[];
  readonly #words = new ProgramWords();
  /** Stretches of commands (end positions in words) and the host steps after them. */
  readonly #stretches: { readonly from: number; readonly to: number; readonly next: HostStep | null }[] = [];
  readonly #hostBuffers: CpuBuffer[];
  readonly #inputs: readonly Ref[];
  readonly #outputs: readonly CpuValue[];
  readonly #offsets = new Map<Slot, number>();
  #arenaVersion = -1;

  constructor(engine: CpuBackend, program: ProgramSpec) {
    this.#engine = engine;
    this.#program = program;
    for (const { buffer } of program.captured) buffer.retain();
    this.#hostBuffers = program.hostInputs.map(({ value }) => engine.allocate(program.values[value]!, "contiguous"));

    const plan = new Planner(engine, program, this.#hostBuffers);
    this.#slots = plan.slots;
    this.#inputs = plan.inputs;
    this.#outputs = plan.outputs;
    this.#encode(plan);
    this.arenaBytes = this.#placeArena(plan);
    engine.arena.join(this);
  }

  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[] {
    const { runtime, arena } = this.#engine;
    if (arena.version !== this.#arenaVersion) this.#link();
    const held = inputs.map((b) => this.#engine.contiguous(b as CpuBuffer));
    held.forEach((b, i) => this.#point(this.#slots[this.#inputs[i]!]!, b.address));
    const made = new Map<Ref, CpuBuffer>();
    const outputs = this.#outputs.map((v) => {
      const first = made.get(v.ref);
      const buffer =
        first === undefined ? this.#engine.allocate(v.spec, v.layout) : new CpuBuffer(v.spec, v.layout, first.block);
      if (first === undefined) {
        made.set(v.ref, buffer);
        this.#point(this.#slots[v.ref]!, buffer.address);
      }
      return buffer;
    });
    this.#program.hostInputs.forEach(({ fill }, i) => runtime.write(this.#hostBuffers[i]!.address, fill()));
    for (const { from, to, next } of this.#stretches) {
      if (to > from) runtime.run(from === 0 ? this.#words.words : this.#words.words.subarray(from), to - from);
      if (next !== null) this.#runOnHost(next);
    }
    return outputs;
  }

  dispose(): void {
    for (const { buffer } of this.#program.captured) buffer.release();
    for (const buffer of this.#hostBuffers) buffer.release();
    this.#engine.arena.leave(this);
  }

  #encode(plan: Planner): void {
    let from = 0;
    let next = 0;
    plan.commands.forEach((c, i) => {
      while (next < plan.hostSteps.length && plan.hostSteps[next]!.after === i) {
        this.#stretches.push({ from, to: this.#words.count, next: plan.hostSteps[next++]!.step });
        from = this.#words.count;
      }
      const at = this.#words.count + 4;
      c.slots.forEach((ref, k) => this.#slots[ref]!.patches.push(at + 2 * k));
      this.#words.command(
        c.kernel,
        c.slots.map((ref) => this.#slots[ref]!.address),
        c.params,
        c.serial,
      );
    });
    for (; next < plan.hostSteps.length; next++) {
      this.#stretches.push({ from, to: this.#words.count, next: plan.hostSteps[next]!.step });
      from = this.#words.count;
    }
    this.#stretches.push({ from, to: this.#words.count, next: null });
  }

  #placeArena(plan: Planner): number {
    const pieces = plan.slots.filter((s) => s.kind === "arena" && s.last >= 0);
    const { offsets, bytes } = planArena(pieces);
    pieces.forEach((slot, i) => this.#offsets.set(slot, offsets[i]!));
    return bytes;
  }

  /** Writes the addresses of all arena slots for where the arena is now. */
  #link(): void {
    const { arena } = this.#engine;
    for (const [slot, offset] of this.#offsets) this.#point(slot, arena.address + offset);
    this.#arenaVersion = arena.version;
  }

  #point(slot: Slot, address: number): void {
    if (slot.address === address) return;
    slot.address = address;
    for (const at of slot.patches) writeAddress(this.#words.words, at, address);
  }

  #runOnHost({ op, attrs, inputs, output }: HostStep): void {
    const { runtime } = this.#engine;
    const read = ({ spec, ref }: CpuValue) => {
      const data = hostArray(spec.dtype, sizeOf(spec.shape));
      runtime.read(this.#slots[ref]!.address, data);
      return hostNdArray(spec, data);
    };
    const args = inputs.map((v) => v && read(v));
    const y = op.inPlace ? args[0]! : hostNdArray(output.spec, hostArray(output.spec.dtype, sizeOf(output.spec.shape)));
    op.reference(args, attrs, y);
    runtime.write(this.#slots[output.ref]!.address, singlePrecision(y.data));
  }
}

/** Lowers the nodes into commands over slots, and notes from where to where each slot is needed. */
class Planner implements Emitter {
  readonly slots: Slot[] = [];
  readonly commands: Command[] = [];
  readonly hostSteps: { readonly after: number; readonly step: HostStep }[] = [];
  readonly inputs: Ref[];
  readonly outputs: CpuValue[];
  readonly lanes: number;
  readonly #twins = new Map<Ref, CpuValue>();

  constructor(engine: CpuBackend, program: ProgramSpec, hostBuffers: readonly CpuBuffer[]) {
    this.lanes = engine.runtime.lanes;
    const values = new Map<number, CpuValue>();
    const spec = (id: number) => program.values[id]!;
    this.inputs = program.inputs.map((id) => {
      const ref = this.#slot("given", bytesOf(spec(id)));
      values.set(id, { spec: spec(id), layout: "contiguous", ref });
      return ref;
    });
    const fixed = (id: number, buffer: CpuBuffer) => {
      const ref = this.#slot("fixed", bytesOf(spec(id)), buffer.address);
      values.set(id, { spec: spec(id), layout: buffer.layout, ref });
    };
    for (const { value, buffer } of program.captured) fixed(value, buffer as CpuBuffer);
    program.hostInputs.forEach(({ value }, i) => fixed(value, hostBuffers[i]!));

    const chains = new Map(program.chains.map((chain) => [chain.from, chain]));
    for (let i = 0; i < program.nodes.length; i++) {
      const chain = chains.get(i);
      if (chain !== undefined && this.#lowerChain(program, chain, values)) {
        i = chain.to - 1;
        continue;
      }
      const node = program.nodes[i]!;
      const args = node.inputs.map((id) => (id < 0 ? undefined : values.get(id)!));
      values.set(node.output, this.#lower(node.op, args, node.attrs, spec(node.output)));
    }
    this.outputs = program.outputs.map((id) => this.#asOutput(values.get(id)!));
  }

  command(kernel: KernelName, buffers: readonly Ref[], params: readonly number[], options?: CommandOptions): void {
    const at = this.commands.length;
    for (const ref of buffers) {
      const slot = this.slots[ref]!;
      slot.first = Math.min(slot.first, at);
      slot.last = Math.max(slot.last, at);
    }
    this.commands.push({ kernel, slots: buffers, params, serial: options?.serial ?? false });
  }

  scratch(bytes: number): Ref {
    return this.#slot("arena", Math.max(4, bytes));
  }

  #lowerChain(program: ProgramSpec, chain: Chain, values: Map<number, CpuValue>): boolean {
    const nodes = program.nodes.slice(chain.from, chain.to);
    const done = lowerChain(this, nodes, chain, {
      values,
      spec: (id) => program.values[id]!,
      relayout: (v, to) => this.#twin(v, to),
      output: (spec, layout) => ({ spec, layout, ref: this.#slot("arena", bytesOf(spec)) }),
    });
    for (const { op, output } of nodes) if (done && op.inPlace) this.#twins.delete(values.get(output)!.ref);
    return done;
  }

  #lower(op: OpKernel, args: readonly (CpuValue | undefined)[], attrs: Attrs, output: TensorSpec): CpuValue {
    const kernel = kernelOf(op);
    const make = {
      relayout: (v: CpuValue, to: Layout) => this.#twin(v, to),
      output: (layout: Layout) => ({ spec: output, layout, ref: this.#slot("arena", bytesOf(output)) }),
      alias: (of: CpuValue): CpuValue => ({ spec: output, layout: of.layout, ref: of.ref }),
    };
    if (kernel !== undefined) {
      const y = lowerOp(op, kernel, this, args, attrs, output, make);
      if (op.inPlace) this.#twins.delete(args[0]!.ref);
      return y;
    }
    return this.#lowerToHost(op, args, attrs, output, make.output);
  }

  #lowerToHost(
    op: OpKernel,
    args: readonly (CpuValue | undefined)[],
    attrs: Attrs,
    output: TensorSpec,
    makeOutput: (layout: Layout) => CpuValue,
  ): CpuValue {
    const inputs = args.map((v) => v && (v.layout === "contiguous" ? v : this.#twin(v, "contiguous")));
    const y = op.inPlace ? args[0]! : makeOutput("contiguous");
    this.hostSteps.push({ after: this.commands.length, step: { op, attrs, inputs, output: y } });
    // The step sits between two commands: keep its memory from the one before to the one after.
    for (const v of [...inputs, y]) {
      if (v === undefined) continue;
      const slot = this.slots[v.ref]!;
      slot.first = Math.min(slot.first, this.commands.length - 1);
      slot.last = Math.max(slot.last, this.commands.length);
    }
    return y;
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
    else if (slot.kind === "fixed" || this.inputs.includes(v.ref)) {
      const copy = { ...v, ref: this.#slot("given", slot.bytes) };
      emitRelayout(this, v, copy);
      return copy;
    }
    return v;
  }

  #slot(kind: Slot["kind"], bytes: number, address = 0): Ref {
    return this.slots.push({ kind, bytes, address, first: Infinity, last: -1, patches: [] }) - 1;
  }
}
