import { expect, it } from "vitest";
import { stopOnSignals } from "./signals.ts";

it("the first signal asks to stop, and gives the second its usual meaning back", () => {
  const before = process.listenerCount("SIGINT");
  let told = 0;
  const stop = stopOnSignals(() => told++);
  expect(process.listenerCount("SIGINT")).toBe(before + 1);
  process.emit("SIGINT");
  expect([stop.signal.aborted, told]).toEqual([true, 1]);
  expect(process.listenerCount("SIGINT")).toBe(before); // nobody listens: the system ends the process
  stop.dispose();
});

it("nothing is left behind after a run that was not stopped", () => {
  const before = process.listenerCount("SIGTERM");
  stopOnSignals(() => {}).dispose();
  expect(process.listenerCount("SIGTERM")).toBe(before);
});
