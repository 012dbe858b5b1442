import type { Attrs, Chain, OpKernel, ProgramNode, ProgramSpec, TensorSpec } from "../contract.ts";
import { bytesOf, type Block, type CpuBuffer } from "./buffer.ts";
import { kernelOf } from "./backend.ts";
import { destinations, type Destination } from "./destinations.ts";
import type { KernelName } from "./kernels.generated.ts";
import { sameLayout, type Layout } from "./layout.ts";
import {
  lowerOp,
  type Algorithm,
  type CommandOptions,
  type Convolution,
  type CpuKernel,
  type CpuValue,
  type Emitter,
  type Ref,
} from "./lower.ts";
import { findBands, lowerBands, type Bands } from "./lower/bands.ts";
import { lowerChain } from "./lower/chain.ts";
import { emitRelayout } from "./lower/relayout.ts";
import type { Tuning } from "./tuning.ts";

/** A piece of memory of its own. */
export interface Slot {
  /** `arena`: placed by the plan. `given`: known at each run. `captured`: a tensor from outside. `host`: filled before each run. */
  kind: "arena" | "given" | "captured" | "host";
  readonly bytes: number;
  /** The memory of a captured tensor or of a host input. */
  readonly block: Block | null;
}

/** Where a value is: in which slot (by number), and how many bytes behind its start. Several values may share a slot. */
export interface Place {
  readonly slot: number;
  readonly offset: number;
}

/** A kernel call; `writes` of its buffers, counted from the last, are written. */
export interface Command {
  readonly kernel: KernelName;
  readonly buffers: readonly Place[];
  readonly writes: number;
  /** Slots that may take over the memory of slots that are read here for the last time. */
  readonly over: readonly (readonly [result: number, input: number])[];
  readonly params: readonly number[];
  readonly threads: number | undefined;
  readonly node: number;
}

export interface PlacedValue extends Place {
  readonly spec: TensorSpec;
  readonly layout: Layout;
}

/** An op without a C kernel, run by the host between two stretches of commands. */
export interface HostStep {
  readonly op: OpKernel;
  readonly attrs: Attrs;
  readonly inputs: readonly (PlacedValue | undefined)[];
  readonly output: PlacedValue;
  readonly node: number;
}

export type Step = Command | HostStep;

/** The slots a step only reads, and those it writes. */
export function touches(step: Step): { readonly reads: readonly number[]; readonly writes: readonly number[] } {
  if ("kernel" in step) {
    const slots = step.buffers.map(({ slot }) => slot);
    const at = slots.length - step.writes;
    return { reads: slots.slice(0, at), writes: slots.slice(at) };
  }
  return { reads: step.inputs.flatMap((v) => (v === undefined ? [] : [v.slot])), writes: [step.output.slot] };
}

/** Lowers the nodes of a program into steps over slots. */
export class Planner implements Emitter {
  readonly slots: Slot[] = [];
  readonly steps: Step[] = [];
  readonly inputs: readonly number[];
  readonly outputs: readonly PlacedValue[];
  /** Of each node's result; undefined for one that lives only inside another one's loop. */
  readonly layouts: readonly (Layout | undefined)[];
  readonly lanes: number;
  /** What a `Ref` stands for. */
  readonly #places: Place[] = [];
  readonly #values = new Map<number, CpuValue>();
  readonly #program: ProgramSpec;
  readonly #destinations: ReadonlyMap<number, Destination>;
  /** Values that in-place ops change, with those that share their memory. */
  readonly #overwritten: ReadonlySet<number>;
  /** Outputs of joins that were placed before their turn, because a part was computed. */
  readonly #early = new Map<number, CpuValue>();
  readonly #twins = new Map<Ref, CpuValue>();
  readonly #constant = new Set<Ref>();
  /** The node being lowered; −1 before the first and after the last. */
  #node = -1;

  readonly #tuning: Tuning | null;
  /** What the tuning was asked for, and answered. */
  readonly tuned = new Set<string>();

  constructor(lanes: number, program: ProgramSpec, hostBuffers: readonly CpuBuffer[], tuning: Tuning | null = null) {
    this.lanes = lanes;
    this.#tuning = tuning;
    this.#program = program;
    this.#overwritten = overwritten(program.nodes);
    this.#destinations = destinations(program, this.#overwritten);
    const add = (id: number, layout: Layout, kind: Slot["kind"], block: Block | null) => {
      const spec = program.values[id]!;
      const ref = this.#slot(kind, bytesOf(spec), block);
      this.#values.set(id, { spec, layout, ref });
      if (kind === "captured" && !this.#overwritten.has(id)) this.#constant.add(ref);
      return this.#places[ref]!.slot;
    };
    this.inputs = program.inputs.map((id) => add(id, "contiguous", "given", null));
    for (const { value, buffer } of program.captured) {
      add(value, (buffer as CpuBuffer).layout, "captured", (buffer as CpuBuffer).block);
    }
    program.hostInputs.forEach(({ value }, i) => add(value, hostBuffers[i]!.layout, "host", hostBuffers[i]!.block));
    const bands = findBands(program, this.#overwritten);
    const chains = new Map(program.chains.map((chain) => [chain.from, chain]));
    for (let i = 0; i < program.nodes.length; i++) {
      this.#node = i;
      const chain = chains.get(i);
      if (chain !== undefined && this.#lowerChain(chain)) i = chain.to - 1;
      else if (bands.last.has(i)) this.#values.set(program.nodes[i]!.output, this.#lowerBands(bands.last.get(i)!));
      else if (!bands.others.has(i)) this.#values.set(program.nodes[i]!.output, this.#lower(program.nodes[i]!));
    }
    this.#node = -1;
    this.layouts = program.nodes.map(({ output }) => this.#values.get(output)?.layout);
    this.outputs = program.outputs.map((id) => this.#placed(this.#asOutput(this.#values.get(id)!)));
  }

  command(kernel: KernelName, buffers: readonly Ref[], params: readonly number[], options?: CommandOptions): void {
    const { threads, writes = 1, over = [] } = options ?? {};
    const places = buffers.map((ref) => this.#places[ref]!);
    const pairs = over.flatMap(([result, inputs]) =>
      inputs.flatMap((input) => this.#over(result, input, buffers) ?? []),
    );
    this.steps.push({ kernel, buffers: places, writes, over: pairs, params, threads, node: this.#node });
  }

  /** The slots of a result and an input, if they are whole and of one size, and no other buffer lies in them. */
  #over(result: Ref, input: Ref, buffers: readonly Ref[]): [readonly [number, number]] | undefined {
    const [to, from] = [this.#places[result]!.slot, this.#places[input]!.slot];
    const others = buffers.filter((ref) => ref !== result && ref !== input).map((ref) => this.#places[ref]!.slot);
    if (to === from || others.includes(to) || others.includes(from)) return undefined;
    return this.slots[to]!.bytes === this.slots[from]!.bytes ? [[to, from]] : undefined;
  }

  scratch(bytes: number): Ref {
    return this.#slot("arena", Math.max(4, bytes));
  }

  lies(part: Ref, whole: Ref, offset: number): boolean {
    const [a, b] = [this.#places[part]!, this.#places[whole]!];
    return a.slot === b.slot && a.offset === b.offset + offset;
  }

  choose(convolution: Convolution, algorithms: readonly Algorithm[]): Algorithm {
    if (this.#tuning === null || algorithms.length === 1) return algorithms[0]!;
    const { algorithm, report } = this.#tuning.choose(convolution, algorithms);
    this.tuned.add(report);
    return algorithm;
  }

  constant(ref: Ref): boolean {
    return this.#constant.has(ref);
  }

  #lowerChain(chain: Chain): boolean {
    const nodes = this.#program.nodes.slice(chain.from, chain.to);
    const done = lowerChain(this, nodes, chain, {
      values: this.#values,
      spec: (id) => this.#program.values[id]!,
      relayout: (v, to) => this.#twin(v, to),
      output: (id, layout) => this.#early.get(id) ?? this.#result(id, layout),
    });
    for (const { op, output } of nodes) if (done && op.inPlace) this.#twins.delete(this.#values.get(output)!.ref);
    return done;
  }

  #lowerBands(bands: Bands): CpuValue {
    return lowerBands(this, bands, {
      values: this.#values,
      relayout: (v, to) => this.#twin(v, to),
      output: (id, layout) => this.#early.get(id) ?? this.#result(id, layout),
    });
  }

  #lower({ op, inputs: ids, attrs, output: id }: ProgramNode): CpuValue {
    const args = ids.map((i) => (i < 0 ? undefined : this.#values.get(i)!));
    const output = this.#program.values[id]!;
    const kernel = kernelOf(op);
    if (kernel === undefined) return this.#lowerToHost(op, args, attrs, id);
    const piece = this.#piece(kernel, ids[0]!, args[0], attrs, output);
    if (piece !== undefined) return piece;
    const y = lowerOp(op, kernel, this, args, attrs, output, {
      relayout: (v, to) => this.#twin(v, to),
      output: (layout) => this.#early.get(id) ?? this.#result(id, layout),
      alias: (of) => ({ spec: output, layout: of.layout, ref: of.ref }),
    });
    if (op.inPlace) this.#twins.delete(args[0]!.ref);
    else if (args.every((v) => v === undefined || this.#constant.has(v.ref))) this.#constant.add(y.ref);
    return y;
  }

  /** The output as a part of the first input's memory, if the op allows it and nobody changes that in place. */
  #piece(
    kernel: CpuKernel,
    id: number,
    x: CpuValue | undefined,
    attrs: Attrs,
    output: TensorSpec,
  ): CpuValue | undefined {
    if (kernel.piece === undefined || x === undefined || this.#overwritten.has(id)) return undefined;
    const offset = kernel.piece(x, attrs, output);
    return offset === undefined ? undefined : { spec: output, layout: x.layout, ref: this.#part(x.ref, offset) };
  }

  #lowerToHost(op: OpKernel, args: readonly (CpuValue | undefined)[], attrs: Attrs, id: number): CpuValue {
    const inputs = args.map((v) => v && (v.layout === "contiguous" ? v : this.#twin(v, "contiguous")));
    const output = op.inPlace ? args[0]! : this.#result(id, "contiguous");
    const placed = inputs.map((v) => v && this.#placed(v));
    this.steps.push({ op, attrs, inputs: placed, output: this.#placed(output), node: this.#node });
    return output;
  }

  /** Memory for a node's output: a slot, or its part of the join that it will go into. */
  #result(id: number, layout: Layout): CpuValue {
    const spec = this.#program.values[id]!;
    const to = this.#destinations.get(id);
    if (to !== undefined) {
      let whole = this.#early.get(to.join);
      if (whole === undefined) this.#early.set(to.join, (whole = this.#result(to.join, layout)));
      if (sameLayout(spec.shape, layout, whole.layout)) return { spec, layout, ref: this.#part(whole.ref, to.offset) };
    }
    return { spec, layout, ref: this.#slot("arena", bytesOf(spec)) };
  }

  #twin(v: CpuValue, to: Layout): CpuValue {
    const known = this.#twins.get(v.ref);
    if (known !== undefined && known.layout === to) return known;
    const twin = { spec: v.spec, layout: to, ref: this.#slot("arena", bytesOf(v.spec)) };
    emitRelayout(this, v, twin);
    this.#twins.set(v.ref, twin);
    if (this.#constant.has(v.ref)) this.#constant.add(twin.ref);
    return twin;
  }

  /** An output gets memory of its own at each run; a value that is an input, a weight or a part of another is copied. */
  #asOutput(v: CpuValue): CpuValue {
    const { slot } = this.#places[v.ref]!;
    const { kind, bytes } = this.slots[slot]!;
    if (bytes === bytesOf(v.spec)) {
      if (kind === "arena") this.slots[slot]!.kind = "given";
      if (kind === "arena" || (kind === "given" && !this.inputs.includes(slot))) return v;
    }
    const copy = { ...v, ref: this.#slot("given", bytesOf(v.spec)) };
    emitRelayout(this, v, copy);
    return copy;
  }

  #placed({ spec, layout, ref }: CpuValue): PlacedValue {
    return { spec, layout, ...this.#places[ref]! };
  }

  #slot(kind: Slot["kind"], bytes: number, block: Block | null = null): Ref {
    const slot = this.slots.push({ kind, bytes, block }) - 1;
    return this.#places.push({ slot, offset: 0 }) - 1;
  }

  #part(of: Ref, offset: number): Ref {
    const whole = this.#places[of]!;
    return this.#places.push({ slot: whole.slot, offset: whole.offset + offset }) - 1;
  }
}

/** Values that in-place ops change, and those that they are other shapes or parts of: their memory is not constant. */
function overwritten(nodes: readonly ProgramNode[]): ReadonlySet<number> {
  const producers = new Map(nodes.map((node) => [node.output, node]));
  const found = new Set<number>();
  for (const { op, inputs, output } of nodes) {
    if (!op.inPlace) continue;
    found.add(output);
    for (let id: number | undefined = inputs[0]!; id !== undefined;) {
      found.add(id);
      const node = producers.get(id);
      const kernel = node && kernelOf(node.op);
      id = kernel?.alias || kernel?.piece || node?.op.inPlace ? node!.inputs[0] : undefined;
    }
  }
  return found;
}
