import { hostArray } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import { planArena, type Lifetime } from "../arena.ts";
import type { DeviceBuffer, Executable, NodeWork, ProgramSpec } from "../contract.ts";
import { CpuBuffer, singlePrecision, type Block } from "./buffer.ts";
import type { CpuBackend } from "./backend.ts";
import { hostNdArray } from "./backend.ts";
import { constantSteps } from "./constantWork.ts";
import { joinChains, labelOf } from "./joinedChains.ts";
import {
  Planner,
  touches,
  type Command,
  type HostStep,
  type Place,
  type PlacedValue,
  type Slot,
  type Step,
} from "./plan.ts";
import { isStale, type Prepared } from "./prepared.ts";
import type { Tuning } from "./tuning.ts";
import { ProgramWords, writeAddress } from "./words.ts";

/** Captured tensors that only constant commands read are in the engine's memory while these run, about so many bytes at a time. */
const BORROWED_BYTES = 4 << 20;

/** A result of the program: memory of its own at each run, or that of an earlier result under another shape. */
interface Output {
  readonly value: PlacedValue;
  readonly sharedWith: number;
}

/** Commands by their positions in the words, and the host step after them. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly next: HostStep | null;
}

/** A recorded program as one list of commands over a static memory plan. Replay allocates only its outputs. */
export class CpuProgram implements Executable {
  readonly arenaBytes: number;
  readonly preparedBytes: number;
  readonly work: readonly NodeWork[];
  readonly tuned: readonly string[];
  readonly #engine: CpuBackend;
  readonly #program: ProgramSpec;
  readonly #slots: readonly Slot[];
  /** Where each slot is now. */
  readonly #addresses: Float64Array;
  /** Where in the words an address in each slot is written: position, offset in the slot, and so on. */
  readonly #patches: readonly number[][];
  readonly #words = new ProgramWords();
  /** Stretches of commands (positions in words) and the host steps after them. */
  readonly #stretches: Stretch[] = [];
  /** The same, cut between nodes, with the node of each. */
  readonly #pieces: (Stretch & { readonly node: number })[] = [];
  readonly #hostBuffers: CpuBuffer[];
  readonly #inputs: readonly number[];
  readonly #outputs: readonly Output[];
  /** Where in the arena each slot of the main steps is, and of the constant ones. */
  readonly #offsets: ReadonlyMap<number, number>;
  readonly #constantOffsets: ReadonlyMap<number, number>;
  readonly #constant: readonly Command[];
  readonly #held: Prepared[] = [];
  /** Slots that constant commands write and others read. Several may have the same value, and one is computed. */
  readonly #kept = new Map<number, Prepared>();
  /** Tensors from outside that main steps read or write: their memory stays where it is. */
  readonly #blocks: readonly Block[];
  /** Captured tensors that the program changes. */
  readonly #changed: readonly CpuBuffer[];
  #arenaVersion = -1;
  /** The engine's clock when prepared values were last known to be right. */
  #checkedAt = -1;

  constructor(engine: CpuBackend, program: ProgramSpec, tuning: Tuning | null = null) {
    this.#engine = engine;
    this.#program = program;
    for (const { buffer } of program.captured) buffer.retain();
    this.#hostBuffers = program.hostInputs.map(({ value }) => engine.allocate(program.values[value]!, "contiguous"));

    const planner = new Planner(engine.runtime.lanes, program, this.#hostBuffers, tuning);
    const { slots, steps, inputs, outputs, layouts } = planner;
    this.tuned = [...planner.tuned];
    const constant = constantSteps(slots, steps);
    const main = joinChains(
      steps.filter((_, i) => !constant[i]),
      slots,
    );
    this.#slots = slots;
    this.#inputs = inputs;
    this.#outputs = outputs.map((value, i) => ({
      value,
      sharedWith: outputs.findIndex(({ slot }, k) => k < i && slot === value.slot),
    }));
    this.#addresses = new Float64Array(slots.length);
    this.#patches = slots.map(() => []);
    this.#constant = steps.filter((_, i) => constant[i]) as Command[];
    this.preparedBytes = this.#keep(main);
    this.#changed = this.#changedBy(main);
    this.#blocks = this.#hold(main);

    const [mainPlan, constantPlan] = [main, this.#constant].map((list) => this.#placeInArena(list));
    this.#offsets = mainPlan!.offsets;
    this.#constantOffsets = constantPlan!.offsets;
    this.arenaBytes = Math.max(mainPlan!.bytes, constantPlan!.bytes);
    this.#encode(main);
    this.work = workOf(program.nodes.length, main, this.#constant, layouts);
    engine.arena.join(this);
  }

  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[] {
    return this.#execute(inputs, () => {
      for (const stretch of this.#stretches) this.#runStretch(stretch);
    });
  }

  profile(inputs: readonly DeviceBuffer[], runs: number): number[] {
    const times = new Map<number, number>(this.work.map(({ node }) => [node, Infinity]));
    for (let i = 0; i < runs; i++) {
      const now = new Map<number, number>();
      const outputs = this.#execute(inputs, () => {
        for (const piece of this.#pieces) {
          const start = performance.now();
          this.#runStretch(piece);
          now.set(piece.node, (now.get(piece.node) ?? 0) + performance.now() - start);
        }
      });
      for (const buffer of outputs) buffer.release();
      for (const node of times.keys()) times.set(node, Math.min(times.get(node)!, now.get(node) ?? 0));
    }
    return [...times.values()];
  }

  #runStretch({ from, to, next }: Stretch): void {
    const { words } = this.#words;
    if (to > from) this.#engine.runtime.run(from === 0 ? words : words.subarray(from), to - from);
    if (next !== null) this.#runOnHost(next);
  }

  #execute(inputs: readonly DeviceBuffer[], commands: () => void): DeviceBuffer[] {
    const engine = this.#engine;
    const { runtime, arena } = engine;
    if (this.#checkedAt !== engine.clock) this.#prepare();
    if (arena.version !== this.#arenaVersion) this.#link();
    for (let i = 0; i < inputs.length; i++) {
      this.#point(this.#inputs[i]!, engine.contiguous(inputs[i] as CpuBuffer).address);
    }
    const outputs: CpuBuffer[] = [];
    for (const { value, sharedWith } of this.#outputs) {
      if (sharedWith >= 0) {
        outputs.push(new CpuBuffer(value.spec, value.layout, outputs[sharedWith]!.block));
        continue;
      }
      const buffer = engine.allocate(value.spec, value.layout);
      this.#point(value.slot, buffer.address);
      outputs.push(buffer);
    }
    this.#program.hostInputs.forEach(({ fill }, i) => runtime.write(this.#hostBuffers[i]!.address, fill()));
    commands();
    if (this.#changed.length > 0) {
      for (const buffer of this.#changed) engine.changed(buffer);
      this.#checkedAt = engine.clock; // it prepares nothing that depends on what it changes
    }
    return outputs;
  }

  dispose(): void {
    this.#engine.prepared.release(this.#held);
    for (const block of this.#blocks) block.readers--;
    for (const { buffer } of this.#program.captured) buffer.release();
    for (const buffer of this.#hostBuffers) buffer.release();
    this.#engine.arena.leave(this);
  }

  /** Finds the constant values that the main steps read, and gives them memory. Returns their bytes. */
  #keep(main: readonly Step[]): number {
    const { prepared } = this.#engine;
    const values = prepared.follow(this.#slots, this.#constant, this.#held);
    for (const slot of new Set(main.flatMap((step) => touches(step).reads))) {
      const value = values.get(slot);
      if (value === undefined) continue;
      prepared.keep(value, this.#slots[slot]!.bytes);
      this.#kept.set(slot, value);
      this.#addresses[slot] = value.memory!.address;
    }
    return [...new Set(this.#kept.values())].reduce((sum, { memory }) => sum + memory!.bytes, 0);
  }

  #hold(main: readonly Step[]): Block[] {
    const used = new Set(main.flatMap((step) => Object.values(touches(step)).flat()));
    const held = new Set<Block>();
    for (const slot of used) {
      const { block } = this.#slots[slot]!;
      if (block === null) continue;
      if (!held.has(block)) block.readers++;
      held.add(block);
      this.#addresses[slot] = block.address;
    }
    return [...held];
  }

  #changedBy(main: readonly Step[]): CpuBuffer[] {
    const blocks = new Set(main.flatMap((step) => touches(step).writes.map((slot) => this.#slots[slot]!.block)));
    return this.#program.captured.map(({ buffer }) => buffer as CpuBuffer).filter(({ block }) => blocks.has(block));
  }

  #placeInArena(steps: readonly Step[]): { offsets: Map<number, number>; bytes: number } {
    const pieces = new Map<number, Lifetime & { last: number }>();
    steps.forEach((step, at) => {
      const { reads, writes } = touches(step);
      for (const slot of [...reads, ...writes]) {
        const piece = pieces.get(slot);
        const { kind, bytes } = this.#slots[slot]!;
        if (piece !== undefined) piece.last = at;
        else if (kind === "arena" && !this.#kept.has(slot)) pieces.set(slot, { bytes, first: at, last: at });
      }
    });
    const hosts = takeOver(steps, pieces);
    const { offsets, bytes } = planArena([...pieces.values()]);
    const placed = new Map([...pieces.keys()].map((slot, i) => [slot, offsets[i]!]));
    for (const [slot, host] of hosts) placed.set(slot, placed.get(host)!);
    return { offsets: placed, bytes };
  }

  #encode(main: readonly Step[]): void {
    const words = this.#words;
    let from = 0;
    main.forEach((step, i) => {
      const start = words.count;
      const host = "kernel" in step ? null : step;
      if ("kernel" in step) {
        const at = start + 4;
        step.buffers.forEach(({ slot, offset }, k) => this.#patches[slot]!.push(at + 2 * k, offset));
        const addresses = step.buffers.map((place) => this.#at(place));
        words.command(step.kernel, addresses, step.params, step.threads);
      }
      if (host !== null || i === main.length - 1) {
        this.#stretches.push({ from, to: words.count, next: host });
        from = words.count;
      }
      const piece = this.#pieces.at(-1);
      if (piece !== undefined && piece.node === step.node && piece.next === null) this.#pieces.pop();
      const joined = piece !== undefined && piece.node === step.node && piece.next === null ? piece.from : start;
      this.#pieces.push({ from: joined, to: words.count, next: host, node: step.node });
    });
  }

  /** Runs the constant commands whose captured tensors have changed since. */
  #prepare(): void {
    const { runtime, arena, clock } = this.#engine;
    this.#checkedAt = clock;
    const stale = new Map<Prepared, number>();
    for (const [slot, value] of this.#kept) if (isStale(value) && !stale.has(value)) stale.set(value, slot);
    if (stale.size === 0) return;
    const needed = new Set(stale.values());
    const commands = this.#constant.toReversed().filter((command) => {
      const { reads, writes } = touches(command);
      if (!writes.some((slot) => needed.has(slot))) return false;
      for (const slot of writes) needed.add(slot);
      for (const slot of reads) {
        const value = this.#kept.get(slot);
        if (value === undefined || isStale(value)) needed.add(slot);
      }
      return true;
    });
    const words = new ProgramWords();
    const borrowed = new Set<Block>();
    let bytes = 0;
    const address = ({ slot, offset }: Place) => {
      const { block } = this.#slots[slot]!;
      if (block !== null) {
        if (!block.present) {
          borrowed.add(block);
          bytes += block.bytes;
        }
        return block.address + offset;
      }
      const start = this.#constantOffsets.get(slot);
      return start === undefined ? this.#at({ slot, offset }) : arena.address + start + offset;
    };
    const flush = () => {
      runtime.run(words.words, words.count);
      words.reset();
      for (const block of borrowed) block.leave();
      borrowed.clear();
      bytes = 0;
    };
    for (const { kernel, buffers, params, threads } of commands.toReversed()) {
      words.command(kernel, buffers.map(address), params, threads);
      if (bytes > BORROWED_BYTES) flush();
    }
    flush();
    for (const value of stale.keys()) value.madeAt = clock;
  }

  /** Writes the addresses of all arena slots for where the arena is now. */
  #link(): void {
    const { arena } = this.#engine;
    for (const [slot, offset] of this.#offsets) this.#point(slot, arena.address + offset);
    this.#arenaVersion = arena.version;
  }

  #point(slot: number, address: number): void {
    if (this.#addresses[slot] === address) return;
    this.#addresses[slot] = address;
    const patches = this.#patches[slot]!;
    for (let i = 0; i < patches.length; i += 2) writeAddress(this.#words.words, patches[i]!, address + patches[i + 1]!);
  }

  #at({ slot, offset }: Place): number {
    return this.#addresses[slot]! + offset;
  }

  #runOnHost({ op, attrs, inputs, output }: HostStep): void {
    const { runtime } = this.#engine;
    const read = (value: PlacedValue) => {
      const data = hostArray(value.spec.dtype, sizeOf(value.spec.shape));
      runtime.read(this.#at(value), data);
      return hostNdArray(value.spec, data);
    };
    const args = inputs.map((v) => v && read(v));
    const y = op.inPlace ? args[0]! : hostNdArray(output.spec, hostArray(output.spec.dtype, sizeOf(output.spec.shape)));
    op.reference(args, attrs, y);
    runtime.write(this.#at(output), singlePrecision(y.data));
  }
}

/**
 * Joins the lives of results and of inputs that end where these begin, so that a result is computed in place. Returns
 * for each result in whose memory it is; `pieces` keeps one life for both.
 */
function takeOver(steps: readonly Step[], pieces: Map<number, Lifetime & { last: number }>): Map<number, number> {
  const hosts = new Map<number, number>();
  steps.forEach((step, at) => {
    if (!("kernel" in step)) return;
    for (const [result, input] of step.over) {
      const host = hosts.get(input) ?? input;
      const [mine, its] = [pieces.get(result), pieces.get(host)];
      if (mine === undefined || its === undefined || mine.first !== at || its.last !== at) continue;
      its.last = mine.last;
      pieces.delete(result);
      hosts.set(result, host);
    }
  });
  return hosts;
}

/** What is done for each node, in the order of the program. */
function workOf(
  nodes: number,
  main: readonly Step[],
  constant: readonly Command[],
  layouts: readonly (string | undefined)[],
): NodeWork[] {
  const names = (steps: readonly Step[]) => {
    const found = new Map<number, string[]>();
    for (const step of steps) {
      const list = found.get(step.node);
      const name = "kernel" in step ? labelOf(step) : `${step.op.name} on the host`;
      if (list === undefined) found.set(step.node, [name]);
      else list.push(name);
    }
    return (node: number) => found.get(node) ?? [];
  };
  const [often, once] = [names(main), names(constant)];
  return [...Array.from({ length: nodes }, (_, i) => i), -1].map((node) => ({
    node,
    kernels: often(node),
    once: once(node),
    layout: node < 0 ? "contiguous" : (layouts[node] ?? "registers"),
  }));
}
