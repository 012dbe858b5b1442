import type { Storage } from "./storage.ts";

/**
 * The generations of unpinned storages. `young`: made since the last `endStep`; `old`: made in the step before.
 * Finalizers are only a net, for programs that never train.
 */
let young = new Set<Storage>();
let old = new Set<Storage>();
const scopes: Set<Storage>[] = [];

/** Activations up to this size are copied out instead of dropped, so that losses and logits stay readable. */
const SMALL_BYTES = 16 * 1024;
/** Device bytes that may be young before the oldest are moved to the host even without a training step. */
const PRESSURE_BYTES = 1 << 30;
let youngBytes = 0;

const net = new FinalizationRegistry<Storage>((storage) => {
  young.delete(storage);
  old.delete(storage);
  storage.dispose();
});

/** Puts a new storage under the care of the innermost scope, or of the current step; a pinned one lives as long as its owner. */
export function track(owner: object, storage: Storage): void {
  net.register(owner, storage);
  if (storage.pinned) return;
  const scope = scopes.at(-1);
  if (scope !== undefined) {
    scope.add(storage);
    return;
  }
  young.add(storage);
  youngBytes += storage.deviceBytes;
  if (youngBytes > PRESSURE_BYTES) relievePressure();
}

/** Hands a storage that a scope or an owner let go of to the current step. */
export function adopt(storage: Storage): void {
  (scopes.at(-1) ?? young).add(storage);
}

/** Closes a step: what the step before left behind is evicted, what this one made becomes old. */
export function endStep(): void {
  for (const storage of old) {
    if (!storage.pinned) storage.evict(storage.taped && storage.bytes > SMALL_BYTES);
  }
  old = young;
  young = new Set();
  youngBytes = 0;
}

function relievePressure(): void {
  for (const storage of [...old, ...young]) if (!storage.pinned) storage.evict(false);
  old = new Set();
  young = new Set();
  youngBytes = 0;
}

/** Runs `fn`; every storage made inside is freed at the end, except those that `keep` of the result names. */
export function runScope<T>(fn: () => T, keep: (result: T) => Iterable<Storage>): T {
  const scope = new Set<Storage>();
  scopes.push(scope);
  let result: T;
  try {
    result = fn();
  } catch (error) {
    scopes.pop();
    for (const storage of scope) storage.dispose();
    throw error;
  }
  scopes.pop();
  for (const storage of keep(result)) {
    if (scope.delete(storage)) adopt(storage);
  }
  for (const storage of scope) if (!storage.pinned) storage.dispose();
  return result;
}
