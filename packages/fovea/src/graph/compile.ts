import { FoveaError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Backend, DeviceBuffer, Executable } from "../backend/contract.ts";
import { currentEngine, exact } from "../backend/engines.ts";
import { isRecording, withRecorder } from "../tensor/apply.ts";
import { adopt, endStep } from "../tensor/memory.ts";
import { Storage, storageMoves } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { toProgram, type Graph } from "./graph.ts";
import { passes } from "./passes/index.ts";
import { GraphRecorder } from "./recorder.ts";

/** What a compiled function may return. */
export type TensorTree = Tensor | readonly Tensor[] | { readonly [name: string]: Tensor } | void;

/** A compiled function, called like the original. */
export interface Compiled<Args extends readonly Tensor[], R extends TensorTree> {
  (...args: Args): R;
  /** The recorded programs by input shapes, for inspection. */
  readonly plans: ReadonlyMap<string, CompiledPlan>;
  /** Frees the memory plans; the next call records anew. */
  dispose(): void;
}

/** A function as recorded for one combination of input shapes. */
export interface CompiledPlan {
  readonly graph: Graph;
  /** Bytes of the static memory plan, which all compiled functions use in turn. */
  readonly arenaBytes: number;
  /** Bytes of what is computed from weights once and kept, such as packed weights. */
  readonly preparedBytes: number;
}

interface Plan extends CompiledPlan {
  readonly executable: Executable;
  /** Captured tensors where they were when the plan was made. */
  readonly captured: readonly DeviceBuffer[];
  /** `storageMoves()` when they were last seen there. */
  seenAt: number;
  readonly rebuild: (outputs: readonly Tensor[]) => TensorTree;
}

/** Plans kept per function; the least recently used one goes. */
const MAX_PLANS = 16;

/**
 * Records `fn` once per combination of input shapes and replays it from a static memory plan.
 *
 * A whole training step may be inside: forward, backward and the optimizer's update. Inside, tensors have no values
 * yet, so `await x.item()` is an error, and JavaScript control flow is frozen as it was when recorded: compile
 * separate functions for training and for evaluation. Numbers equal those of calling `fn` directly, up to rounding where
 * a sum starts with a residual that was added behind it, or takes in a batch norm of inference.
 */
export function compile<Args extends readonly Tensor[], R extends TensorTree>(
  fn: (...args: Args) => R,
): Compiled<Args, R> {
  const plans = new Map<string, Plan>();

  const call = (...args: Args): R => {
    if (isRecording()) return fn(...args);
    const engine = currentEngine();
    const key = `${engine.name}${exact() ? " exact" : ""} ${args.map((x) => `${x.dtype}${showShape(x.shape)}`).join(" ")}`;
    let plan = plans.get(key);
    if (plan !== undefined && moved(plan, engine)) {
      forget(plans, key);
      plan = undefined;
    }
    plan ??= record(fn, args, engine);
    plans.delete(key);
    plans.set(key, plan); // the most recently used is last
    if (plans.size > MAX_PLANS) forget(plans, plans.keys().next().value!);

    const buffers = plan.executable.run(args.map((x) => x.storage.buffer(engine)));
    for (const storage of plan.graph.mutated) storage.touched();
    const outputs = buffers.map((device) => new Tensor(device.spec, new Storage(device.spec, { device, engine })));
    if (plan.graph.mutated.length > 0) endStep(); // it changes weights: a training step
    return plan.rebuild(outputs) as R;
  };

  return Object.assign(call, {
    plans,
    dispose: () => {
      for (const key of plans.keys()) forget(plans, key);
    },
  });
}

/** A weight that another engine used meanwhile lives elsewhere now. */
function moved(plan: Plan, engine: Backend): boolean {
  if (plan.seenAt === storageMoves()) return false;
  const gone = plan.graph.captured.some(({ storage }, i) => storage.buffer(engine) !== plan.captured[i]);
  plan.seenAt = storageMoves();
  return gone;
}

function forget(plans: Map<string, Plan>, key: string): void {
  const { executable, graph } = plans.get(key)!;
  executable.dispose();
  plans.delete(key);
  for (const { storage, made } of graph.captured) {
    if (!made) continue;
    storage.pinned = false;
    adopt(storage);
  }
}

function record<Args extends readonly Tensor[]>(fn: (...args: Args) => TensorTree, args: Args, engine: Backend): Plan {
  const recorder = new GraphRecorder();
  const result = withRecorder(recorder, () => fn(...(args.map((x) => recorder.input(x)) as unknown as Args)));
  const { tensors, rebuild } = flatten(result);
  let graph = recorder.finish(tensors);
  for (const pass of passes) graph = pass(graph);
  const captured = graph.captured.map(({ storage }) => storage.buffer(engine));
  const executable = engine.compile(toProgram(graph, captured));
  const { arenaBytes, preparedBytes } = executable;
  return { graph, executable, captured, seenAt: storageMoves(), arenaBytes, preparedBytes, rebuild };
}

function flatten(result: TensorTree): { tensors: readonly Tensor[]; rebuild: (t: readonly Tensor[]) => TensorTree } {
  if (result === undefined) return { tensors: [], rebuild: () => undefined };
  if (result instanceof Tensor) return { tensors: [result], rebuild: (t) => t[0]! };
  if (Array.isArray(result)) return { tensors: result as readonly Tensor[], rebuild: (t) => t };
  if (typeof result !== "object" || result instanceof Promise) {
    throw new FoveaError(
      "compile: the function must return tensors (one, an array, or a record of them) and not be async",
    );
  }
  const names = Object.keys(result);
  return {
    tensors: names.map((n) => (result as Record<string, Tensor>)[n]!),
    rebuild: (t) => Object.fromEntries(names.map((n, i) => [n, t[i]!])),
  };
}
