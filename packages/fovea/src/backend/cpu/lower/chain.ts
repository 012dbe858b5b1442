import { byteSize } from "../../../base/dtype.ts";
import { sameShape, sizeOf, type Shape } from "../../../base/shape.ts";
import type { Chain, ProgramNode, TensorSpec } from "../../contract.ts";
import { kernelOf } from "../backend.ts";
import type { KernelName } from "../kernels.generated.ts";
import { layoutFree, memoryOrder, sameLayout, type Layout } from "../layout.ts";
import type { CpuValue, Emitter, Ref } from "../lower.ts";
import { kernelIds } from "../words.ts";
import { broadcastStrides, merged, reordered, walkParams } from "./strides.ts";

/** As in kernels/c/chain.c. */
const BLOCK = 512;
const MAX_BUFFERS = 16;
const MAX_SLOTS = 12;
/** Up to so many elements one thread does it all (WALK_GRAIN in kernels/c/walk.h). */
export const CHAIN_GRAIN = 1024;

/** What a chain needs of the program it is in. */
export interface ChainScope {
  readonly values: Map<number, CpuValue>;
  readonly spec: (id: number) => TensorSpec;
  relayout(value: CpuValue, to: Layout): CpuValue;
  /** Memory for the result `id`. */
  output(id: number, layout: Layout): CpuValue;
}

/** Where the elements of a value are while a block goes through the steps. */
type Place = Buffer | { readonly slot: number };

interface Buffer {
  readonly ref: Ref;
  readonly bytes: 1 | 4;
  /** Rank, dims, strides; [0] = element by element, [−1] = one element for all. */
  readonly walk: readonly number[];
}

interface Step {
  readonly kernel: KernelName;
  readonly target: Place;
  readonly sources: readonly Place[];
  readonly params: readonly number[];
}

const DENSE = [0];
const SINGLE = [-1];

/**
 * Lowers a chain of elementwise nodes to one command and notes where its outputs are. Returns false for a
 * chain that the kernel does not take; its nodes are then lowered one by one.
 */
export function lowerChain(e: Emitter, nodes: readonly ProgramNode[], chain: Chain, scope: ChainScope): boolean {
  const { values, spec } = scope;
  const { shape } = spec(nodes[0]!.output);
  const own = new Set(nodes.map(({ output }) => output));
  const given = [...new Set(nodes.flatMap(sourcesOf))].filter((id) => !own.has(id));
  const targets = nodes.filter(({ op }) => op.inPlace).map(({ inputs }) => rootOf(inputs[0]!, nodes));
  const layout = layoutOf(
    shape,
    [...targets, ...given].map((id) => values.get(id)!),
  );
  const targetRefs = targets.map((id) => values.get(id)!.ref);
  if (targets.some((id) => !sameLayout(shape, values.get(id)!.layout, layout))) return false;

  const operands = new Map<string, Buffer>();
  const places = new Map<number, Place>();
  for (const id of given) {
    const value = alike(values.get(id)!, shape, layout, scope.relayout);
    const operand = operandOf(value, shape, layout);
    if (operand.walk !== DENSE && targetRefs.includes(operand.ref)) return false;
    const key = `${operand.ref} ${operand.walk.join(" ")}`;
    if (!operands.has(key)) operands.set(key, operand);
    places.set(id, operands.get(key)!);
  }

  const results = new Map<Ref, Buffer>();
  const result = (value: CpuValue): Buffer => {
    const buffer = { ref: value.ref, bytes: byteSize[value.spec.dtype], walk: DENSE };
    if (!results.has(value.ref)) results.set(value.ref, buffer);
    return results.get(value.ref)!;
  };
  const made = new Map<number, CpuValue>();
  const direct = writtenInPlace(nodes, chain, values);
  const slots = new Slots(nodes);
  const steps: Step[] = [];
  nodes.forEach((node, i) => {
    const { op, inputs, attrs, output } = node;
    if (op.inPlace) {
      const target = made.get(inputs[0]!) ?? values.get(inputs[0]!)!;
      made.set(output, target);
      places.set(output, result(target));
      const source = places.get(inputs[1]!)!;
      if (source === places.get(output) || ("ref" in source && source.ref === target.ref)) return;
    } else if (chain.outputs.includes(output)) {
      const value = scope.output(output, shape.length < 3 ? "contiguous" : layout);
      made.set(output, value);
      places.set(output, result(value));
    } else {
      const target = direct.get(output);
      places.set(output, target === undefined ? slots.take(output) : result(values.get(target)!));
    }
    const [kernel, ...params] = kernelOf(op)!.step!(attrs);
    const sources = sourcesOf(node).map((id) => places.get(id)!);
    steps.push({ kernel, target: places.get(output)!, sources, params });
    slots.release(i);
  });
  const buffers = [...operands.values(), ...results.values()];
  const walked = buffers.filter(({ walk }) => walk[0]! > 0).length;
  if (buffers.length > MAX_BUFFERS || walked + slots.most > MAX_SLOTS) return false;
  for (const [id, value] of made) values.set(id, value);
  if (sizeOf(shape) > 0) emitSteps(e, sizeOf(shape), [...operands.values()], [...results.values()], steps, slots.most);
  return true;
}

function emitSteps(
  e: Emitter,
  size: number,
  operands: readonly Buffer[],
  results: readonly Buffer[],
  steps: readonly Step[],
  slots: number,
): void {
  const buffers = [...operands, ...results];
  const walked = buffers.filter(({ walk }) => walk[0]! > 0);
  const number = (place: Place) =>
    "slot" in place ? buffers.length + walked.length + place.slot : buffers.indexOf(place);
  // Blocks of whole rows where a short row repeats (a bias per channel): it is laid out once.
  const row = walked.find(({ walk: [rank, , columns, repeat] }) => rank === 2 && repeat === 0 && columns! <= BLOCK);
  const columns = row?.walk[2] ?? 1;
  const params = [1, size, BLOCK - (BLOCK % columns), operands.length, results.length];
  params.push(walked.length + slots, steps.length);
  for (const { bytes, walk } of buffers) params.push(bytes, ...walk);
  for (const {
    kernel,
    target,
    sources,
    params: [a = 0, b = 0],
  } of steps) {
    const [x = 0, y = 0, z = 0] = sources.map(number);
    params.push(kernelIds.get(kernel)!, number(target), x, y, z, a, b);
  }
  const refs = buffers.map(({ ref }) => ref);
  const over = results.map((result): [Ref, Ref[]] => {
    const written = steps.findIndex(({ target }) => target === result);
    const done = operands.filter(
      (x) =>
        x.walk === DENSE &&
        !steps.some(({ sources }, i) => i > written && sources.includes(x)) &&
        !operands.some((other) => other !== x && other.ref === x.ref),
    );
    return [result.ref, done.map(({ ref }) => ref)];
  });
  e.command("chain", refs, params, { writes: results.length, threads: size <= CHAIN_GRAIN ? 1 : undefined, over });
}

/** The values a node reads: not the target of an assignment. */
function sourcesOf({ op, inputs }: ProgramNode): readonly number[] {
  return op.inPlace ? inputs.slice(1) : inputs;
}

/** The value before the first of several assignments to one tensor. */
function rootOf(id: number, nodes: readonly ProgramNode[]): number {
  const node = nodes.find(({ op, output }) => op.inPlace && output === id);
  return node === undefined ? id : rootOf(node.inputs[0]!, nodes);
}

/** The layout of the first whole operand that has one. */
function layoutOf(shape: Shape, operands: readonly CpuValue[]): Layout {
  if (layoutFree(shape)) return "contiguous";
  return operands.find((v) => sameShape(v.spec.shape, shape))?.layout ?? "contiguous";
}

/** A whole operand in the layout of the chain. */
function alike(v: CpuValue, shape: Shape, layout: Layout, relayout: ChainScope["relayout"]): CpuValue {
  return !sameShape(v.spec.shape, shape) || sameLayout(shape, v.layout, layout) ? v : relayout(v, layout);
}

function operandOf(v: CpuValue, shape: Shape, layout: Layout): Buffer {
  const bytes = byteSize[v.spec.dtype];
  if (sizeOf(v.spec.shape) === 1 && !sameShape(v.spec.shape, shape)) return { ref: v.ref, bytes, walk: SINGLE };
  const strides = broadcastStrides(v, shape);
  const walk = merged(reordered({ dims: shape, strides: [strides] }, memoryOrder(shape, layout)));
  const dense = walk.dims.length === 1 && walk.strides[0]![0] === 1;
  return { ref: v.ref, bytes, walk: dense ? DENSE : walkParams(walk) };
}

/**
 * Computed values that can be written straight into the tensor they are assigned to: nobody outside reads them, and
 * nobody in the chain reads the old elements any more.
 */
function writtenInPlace(
  nodes: readonly ProgramNode[],
  chain: Chain,
  values: ReadonlyMap<number, CpuValue>,
): ReadonlyMap<number, number> {
  const direct = new Map<number, number>();
  const assignments = nodes.flatMap(({ op, inputs: [target, value] }, at) =>
    op.inPlace ? [{ at, target: target!, value: value! }] : [],
  );
  const refOf = (id: number) => values.get(id)?.ref;
  for (const { at, target, value } of assignments) {
    const ref = refOf(target);
    const from = nodes.findIndex(({ op, output }) => output === value && !op.inPlace);
    const again = ref === undefined || assignments.some((a) => a.at !== at && refOf(a.target) === ref);
    if (from < 0 || again || direct.has(value) || chain.outputs.includes(value)) continue;
    const between = nodes.slice(from + 1, at).flatMap(sourcesOf);
    if (!between.some((id) => refOf(id) === ref)) direct.set(value, target);
  }
  return direct;
}

/** Blocks for values that live only inside the chain. */
class Slots {
  /** How many are needed at once. */
  most = 0;
  readonly #lastUse = new Map<number, number>();
  readonly #free: number[] = [];
  readonly #taken: { readonly value: number; readonly slot: number }[] = [];

  constructor(nodes: readonly ProgramNode[]) {
    nodes.forEach(({ inputs, output }, i) => {
      for (const id of [...inputs, output]) this.#lastUse.set(id, i);
    });
  }

  take(value: number): Place {
    const slot = this.#free.pop() ?? this.most++;
    this.#taken.push({ value, slot });
    return { slot };
  }

  /** Frees what nobody reads after node i. */
  release(i: number): void {
    for (let k = this.#taken.length - 1; k >= 0; k--) {
      if (this.#lastUse.get(this.#taken[k]!.value)! > i) continue;
      this.#free.push(this.#taken[k]!.slot);
      this.#taken.splice(k, 1);
    }
  }
}
