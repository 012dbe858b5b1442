import { UsageError } from "../base/errors.ts";
import { checkNotAsync } from "../base/notAsync.ts";
import { checkShape } from "../base/shape.ts";
import type { Attrs, TensorSpec } from "../backend/contract.ts";
import { currentEngine } from "../backend/engines.ts";
import type { Inputs, ListOp, NamedOp, Op } from "./op.ts";
import { Storage } from "./storage.ts";
import { Tensor, type SymbolicValue } from "./tensor.ts";
import type { TypedArray } from "../base/dtype.ts";

/** What stands at the door instead of the engine while a graph is recorded. */
export interface Recorder {
  record(op: Op, inputs: readonly (Tensor | undefined)[], attrs: Attrs, spec: TensorSpec): SymbolicValue;
  hostInput(spec: TensorSpec, fill: () => TypedArray): SymbolicValue;
  /** Calls `cleanup` when the recording is over. */
  defer(cleanup: () => void): void;
}

/** Sees the result of every op, run or recorded. */
export type OpObserver = (op: Op, output: Tensor) => void;

let recorder: Recorder | null = null;
let opObserver: OpObserver | null = null;
let gradEnabled = true;
let nodeCount = 0;

/** Applies an op: the single door. Shape rule → record or run → note for the gradient. */
export function apply<N extends string, A extends Attrs>(
  op: NamedOp<string, N, A>,
  inputs: Inputs<N, Tensor>,
  attrs: A,
): Tensor {
  const byName = inputs as unknown as Record<string, Tensor | undefined>;
  return applyOp(
    op,
    op.inputNames.map((k) => byName[k]),
    attrs,
  );
}

/** `apply` for an op over a list of tensors. The gradient keeps a copy of the list: the caller may add to it. */
export function applyList<A extends Attrs>(op: ListOp<string, A>, inputs: readonly Tensor[], attrs: A): Tensor {
  return applyOp(op, [...inputs], attrs);
}

/** `apply` for any op, inputs in its own order: what generic code uses. */
export function applyOp(op: Op, inputs: readonly (Tensor | undefined)[], attrs: Attrs): Tensor {
  const spec = inferShape(op, inputs, attrs);
  const source = recorder === null ? execute(op, inputs, attrs, spec) : recorder.record(op, inputs, attrs, spec);
  if (op.inPlace) return inputs[0]!;
  const y = new Tensor(spec, source);
  if (gradEnabled && op.vjp !== null && spec.dtype === "float32" && inputs.some((x) => x?.requiresGrad)) {
    y.requiresGrad = true;
    y.node = { op, attrs, inputs, order: nodeCount++ };
    if (source instanceof Storage) source.taped = true;
  }
  opObserver?.(op, y);
  return y;
}

function inferShape(op: Op, inputs: readonly (Tensor | undefined)[], attrs: Attrs): TensorSpec {
  try {
    const spec = op.shape(inputs, attrs);
    checkShape(spec.shape, op.name);
    return spec;
  } catch (error) {
    throw notTensor(op, inputs) ?? error;
  }
}

/** What to tell a program without types that gave something else for a tensor; null if it did not. */
function notTensor({ name }: Op, inputs: readonly unknown[]): UsageError | null {
  const i = inputs.findIndex((x) => x !== undefined && !(x instanceof Tensor));
  if (i < 0) return null;
  const given = Array.isArray(inputs[i]) ? "an array" : inputs[i] === null ? "null" : `of type ${typeof inputs[i]}`;
  return new UsageError(`${name}: input ${i + 1} is ${given}, not a tensor; tensor(values) makes one of numbers`);
}

function execute(op: Op, inputs: readonly (Tensor | undefined)[], attrs: Attrs, spec: TensorSpec): Storage {
  const engine = currentEngine();
  const buffers = inputs.map((x) => x?.storage.buffer(engine));
  const device = engine.execute(op, buffers, attrs, spec);
  if (op.inPlace) {
    inputs[0]!.storage.touched();
    return inputs[0]!.storage;
  }
  return new Storage(spec, { device, engine });
}

/**
 * A value the host computes anew for every run: a learning rate, a random counter.
 * Eagerly it is a plain tensor; in a compiled function `fill` is called before every replay.
 */
export function hostInput(spec: TensorSpec, fill: () => TypedArray): Tensor {
  return new Tensor(spec, recorder === null ? new Storage(spec, { host: fill() }) : recorder.hostInput(spec, fill));
}

/** Runs `fn` with a recorder (or none) at the door. */
export function withRecorder<T>(next: Recorder | null, fn: () => T): T {
  const before = recorder;
  recorder = next;
  try {
    return fn();
  } finally {
    recorder = before;
  }
}

/** Runs `fn` with an observer of every op in it, instead of the one before. */
export function observeOps<T>(observer: OpObserver, fn: () => T): T {
  const before = opObserver;
  opObserver = observer;
  try {
    return fn();
  } finally {
    opObserver = before;
  }
}

/** Calls `cleanup` at the end of the recording, if there is one. */
export function afterRecording(cleanup: () => void): void {
  recorder?.defer(cleanup);
}

export function isRecording(): boolean {
  return recorder !== null;
}

/** Runs `fn`, which must not be async, without noting anything for gradients. */
export function noGrad<T>(fn: () => T): T {
  checkNotAsync(fn, "noGrad");
  return withGrad(false, fn);
}

/** Runs `fn` with gradients noted, or not. */
export function withGrad<T>(enabled: boolean, fn: () => T): T {
  const before = gradEnabled;
  gradEnabled = enabled;
  try {
    return fn();
  } finally {
    gradEnabled = before;
  }
}

export function isGradEnabled(): boolean {
  return gradEnabled;
}
