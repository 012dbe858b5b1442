/** Ctrl-C once asks to stop; twice stops at once, because the second has its usual meaning again. */
export interface Stop {
  readonly signal: AbortSignal;
  /** Gives the signals back their usual meaning. */
  dispose(): void;
}

const signals = ["SIGINT", "SIGTERM"] as const;

export function stopOnSignals(onFirst: () => void): Stop {
  const controller = new AbortController();
  const dispose = () => {
    for (const signal of signals) process.off(signal, listener);
  };
  const listener = () => {
    // Without a listener the system itself ends the process: also in the middle of a long computation.
    dispose();
    controller.abort(new Error("stopped by the user"));
    onFirst();
  };
  for (const signal of signals) process.on(signal, listener);
  return { signal: controller.signal, dispose };
}
