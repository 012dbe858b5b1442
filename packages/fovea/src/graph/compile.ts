import { FoveaError, UsageError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { Backend, CompileOptions, DeviceBuffer, Executable, TensorSpec } from "../backend/contract.ts";
import { currentEngine, exact } from "../backend/engines.ts";
import { isRecording, withRecorder } from "../tensor/apply.ts";
import { adopt, endStep } from "../tensor/memory.ts";
import { Storage, storageMoves } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { toProgram, type Graph } from "./graph.ts";
import { PlanReport } from "./planReport.ts";
import { passes } from "./passes/index.ts";
import { GraphRecorder } from "./recorder.ts";

export type { CompileOptions };

/** What a compiled function may return. */
export type TensorTree = Tensor | readonly Tensor[] | { readonly [name: string]: Tensor } | void;

/** A compiled function, called like the original. */
export interface Compiled<Args extends readonly Tensor[], R extends TensorTree> {
  (...args: Args): R;
  /** The recorded programs by input shapes, for inspection. */
  readonly plans: ReadonlyMap<string, CompiledPlan>;
  /** What the latest call does, op by op; with `profile`, also how long each takes. */
  explainPlan(options?: ExplainOptions<Args>): PlanReport;
  /** Frees the memory plans; the next call records anew. */
  dispose(): void;
}

export interface ExplainOptions<Args extends readonly Tensor[]> {
  /** Arguments to explain the plan for, instead of those of the latest call. They are recorded if need be. */
  args?: Args;
  /** Times every op with these arguments. The runs count as calls: a training step trains. */
  profile?: Args;
  /** Timed runs, of which the fastest counts for each op; default 5. */
  runs?: number;
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
  readonly key: string;
  readonly engine: Backend;
  readonly exact: boolean;
  readonly specs: readonly TensorSpec[];
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
 * a sum takes in the residual that was added behind it, or a batch norm of inference.
 *
 * With `autotune`, the algorithms of each convolution (direct, Winograd's with its tiles) are timed on this machine when
 * its shape is first met, and the fastest is taken; choices are kept in the cache folder, and `explainPlan()` lists them.
 * Without it they depend on shapes alone, so that a program gives the same bits on every run and machine of one instruction
 * set: that is why it is off by default.
 */
export function compile<Args extends readonly Tensor[], R extends TensorTree>(
  fn: (...args: Args) => R,
  options: CompileOptions = {},
): Compiled<Args, R> {
  const plans = new Map<string, Plan>();
  let latest: Plan | null = null;

  const planFor = (args: Args): Plan => {
    const engine = currentEngine();
    if (latest !== null && fits(latest, args, engine) && !moved(latest)) return latest;
    const key = `${engine.name}${exact() ? " exact" : ""} ${args.map((x) => `${x.dtype}${showShape(x.shape)}`).join(" ")}`;
    let plan = plans.get(key);
    if (plan !== undefined && moved(plan)) {
      forget(plans, key);
      plan = undefined;
    }
    plan ??= record(fn, args, engine, key, options);
    plans.delete(key);
    plans.set(key, plan); // the most recently used is last
    if (plans.size > MAX_PLANS) forget(plans, plans.keys().next().value!);
    return (latest = plan);
  };

  const run = <T>(plan: Plan, args: Args, execute: (inputs: readonly DeviceBuffer[]) => T): T => {
    const result = execute(args.map((x) => x.storage.buffer(plan.engine)));
    for (const storage of plan.graph.mutated) storage.touched();
    return result;
  };

  const call = (...args: Args): R => {
    if (isRecording()) return fn(...args);
    const plan = planFor(args);
    const { engine, executable } = plan;
    const buffers = run(plan, args, (inputs) => executable.run(inputs));
    const outputs = buffers.map((device) => new Tensor(device.spec, new Storage(device.spec, { device, engine })));
    if (plan.graph.mutated.length > 0) endStep(); // it changes weights: a training step
    return plan.rebuild(outputs) as R;
  };

  return Object.assign(call, {
    plans,
    explainPlan: ({ args, profile, runs = 5 }: ExplainOptions<Args> = {}) => {
      const wanted = profile ?? args;
      const plan = wanted === undefined ? latest : planFor(wanted);
      if (plan === null) {
        throw new UsageError("explainPlan: nothing is recorded yet; call the function first, or give { args: [x] }");
      }
      const { executable } = plan;
      const times = profile && run(plan, profile, (inputs) => executable.profile(inputs, runs));
      return new PlanReport(plan.key, plan.graph, executable, times ?? null);
    },
    dispose: () => {
      for (const key of plans.keys()) forget(plans, key);
      latest = null;
    },
  });
}

/** Whether a plan was recorded for arguments like these. */
function fits(plan: Plan, args: readonly Tensor[], engine: Backend): boolean {
  const { specs } = plan;
  if (plan.engine !== engine || plan.exact !== exact() || specs.length !== args.length) return false;
  for (let i = 0; i < specs.length; i++) {
    if (specs[i]!.dtype !== args[i]!.dtype || !sameShape(specs[i]!.shape, args[i]!.shape)) return false;
  }
  return true;
}

/** A weight that another engine used meanwhile lives elsewhere now. */
function moved(plan: Plan): boolean {
  if (plan.seenAt === storageMoves()) return false;
  const gone = plan.graph.captured.some(({ storage }, i) => storage.buffer(plan.engine) !== plan.captured[i]);
  if (!gone) plan.seenAt = storageMoves();
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

function record<Args extends readonly Tensor[]>(
  fn: (...args: Args) => TensorTree,
  args: Args,
  engine: Backend,
  key: string,
  options: CompileOptions,
): Plan {
  const recorder = new GraphRecorder();
  const result = withRecorder(recorder, () => fn(...(args.map((x) => recorder.input(x)) as unknown as Args)));
  const { tensors, rebuild } = flatten(result);
  let graph = recorder.finish(tensors);
  for (const pass of passes) graph = pass(graph);
  const captured = graph.captured.map(({ storage }) => storage.buffer(engine));
  const executable = engine.compile(toProgram(graph, captured), options);
  const { arenaBytes, preparedBytes } = executable;
  const specs = args.map(({ shape, dtype }) => ({ shape, dtype }));
  const asked = { key, engine, exact: exact(), specs };
  return { ...asked, graph, executable, captured, seenAt: storageMoves(), arenaBytes, preparedBytes, rebuild };
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
