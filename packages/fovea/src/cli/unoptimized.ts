import v8 from "node:v8";

/**
 * Switches V8's optimizing compiler off for the rest of the process: for commands that run through networks once. Hardly
 * any of their code runs often enough to pay for being optimized; the compiler took half of what `fovea summary` took.
 */
export function runUnoptimized(): void {
  v8.setFlagsFromString("--no-opt");
}
