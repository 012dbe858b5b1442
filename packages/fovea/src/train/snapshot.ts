import { FormatError, FoveaError } from "../base/errors.ts";
import type { AnyModule } from "../nn/module.ts";
import type { Optimizer, OptimizerState } from "../optim/optimizer.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CallbackList } from "./callback.ts";
import { describeModel, difference, textDifference, type DataDescription } from "./fingerprint.ts";
import type { FitState } from "./fitState.ts";
import { decodeTensors, encodeTensors } from "./weights.ts";

/** A run at one moment, as the bytes of files: a copy, which what happens next does not change. */
export interface Snapshot {
  /** Sorts by age. */
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The parts of a run that a snapshot holds. */
export interface RunParts {
  readonly model: AnyModule;
  readonly optimizer: Optimizer;
  readonly callbacks: CallbackList;
  readonly data: DataDescription;
}

interface StateFile {
  readonly version: 2;
  readonly fit: FitState;
  readonly optimizer: OptimizerState["scalars"];
  readonly callbacks: { readonly [name: string]: unknown };
  readonly model: string;
  readonly data: DataDescription;
}

const WEIGHTS = "weights.safetensors";
const OPTIMIZER = "optimizer.safetensors";
const CALLBACKS = "callbacks.safetensors";
const STATE = "state.json";

export async function takeSnapshot({ model, optimizer, callbacks, data }: RunParts, fit: FitState): Promise<Snapshot> {
  const { tensors, scalars } = optimizer.stateDict();
  const kept = new Map<string, Tensor>();
  const values: Record<string, unknown> = {};
  for (const [name, callback] of callbacks.stateful()) {
    const state = callback.state!();
    for (const [key, tensor] of state.tensors ?? []) kept.set(`${name}/${key}`, tensor);
    values[name] = state.values ?? null;
  }
  const state: StateFile = {
    version: 2,
    fit,
    optimizer: scalars,
    callbacks: values,
    model: describeModel(model),
    data,
  };
  const files = new Map([
    [WEIGHTS, await encodeTensors(model.stateDict())],
    [OPTIMIZER, await encodeTensors(tensors)],
    [CALLBACKS, await encodeTensors(kept)],
    [STATE, new TextEncoder().encode(`${JSON.stringify(state, keepNonFinite)}\n`)],
  ]);
  // Zeros in front: names sort by age. The epoch tells apart what comes before and after a validation.
  return { name: `step-${zeros(fit.step, 9)}-epoch-${zeros(fit.epoch, 5)}`, files };
}

/** Puts a run back to a snapshot. Nothing is changed when the snapshot is of another network or of other data. */
export function restoreSnapshot({ name, files }: Snapshot, { model, optimizer, callbacks, data }: RunParts): FitState {
  const bytes = (file: string) => {
    const found = files.get(file);
    if (found === undefined) throw new FormatError(`the checkpoint ${name} has no ${file}`);
    return found;
  };
  const tensorsOf = (file: string) => decodeTensors(bytes(file), `${name}/${file}`).tensors;
  const state = parseState(new TextDecoder().decode(bytes(STATE)), `${name}/${STATE}`);
  const otherModel = textDifference(state.model, describeModel(model));
  if (otherModel !== null) throw new FoveaError(`the checkpoint ${name} is of another network: ${otherModel}`);
  const otherData = difference(state.data, data);
  if (otherData !== null) throw new FoveaError(`the checkpoint ${name} is of a run on other data: ${otherData}`);
  const known = callbacks.stateful();
  const missing = Object.keys(state.callbacks).filter((callback) => !known.has(callback));
  if (missing.length > 0) {
    throw new FoveaError(
      `the checkpoint ${name} is of a run with the callbacks ${missing.join(", ")}, which are not given now`,
    );
  }

  model.loadStateDict(tensorsOf(WEIGHTS));
  optimizer.loadStateDict({ tensors: tensorsOf(OPTIMIZER), scalars: state.optimizer });
  const kept = tensorsOf(CALLBACKS);
  for (const [callbackName, callback] of known) {
    if (!(callbackName in state.callbacks)) continue; // added since
    const prefix = `${callbackName}/`;
    const own = [...kept].filter(([key]) => key.startsWith(prefix));
    callback.restore?.({
      tensors: new Map(own.map(([key, tensor]) => [key.slice(prefix.length), tensor])),
      values: state.callbacks[callbackName],
    });
  }
  return state.fit;
}

/** What a snapshot says of the run, without restoring it. */
export function readFitState({ name, files }: Snapshot): FitState {
  return parseState(new TextDecoder().decode(files.get(STATE) ?? new Uint8Array()), `${name}/${STATE}`).fit;
}

function parseState(text: string, path: string): StateFile {
  let state: Partial<StateFile> | null = null;
  try {
    state = JSON.parse(text, giveNonFinite) as Partial<StateFile> | null;
  } catch {
    // said below
  }
  if (state?.version !== 2 || state.fit === undefined || state.optimizer === undefined) {
    throw new FormatError(`${path} is not the state of a run of version 2 (other versions of fovea write others)`);
  }
  return state as StateFile;
}

/** JSON has no NaN (a score of nothing) and no infinities. */
function keepNonFinite(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value;
}

function giveNonFinite(_key: string, value: unknown): unknown {
  const { number } = (value ?? {}) as { number?: unknown };
  return number === "NaN" || number === "Infinity" || number === "-Infinity" ? Number(number) : value;
}

function zeros(n: number, digits: number): string {
  return String(n).padStart(digits, "0");
}
