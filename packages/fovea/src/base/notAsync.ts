import { UsageError } from "./errors.ts";

/** Throws for an async function where what `who` arranges ends at its first `await`. */
export function checkNotAsync(fn: () => unknown, who: string): void {
  if (Object.prototype.toString.call(fn) !== "[object AsyncFunction]") return;
  throw new UsageError(
    `${who}: got an async function, but ${who} ends at its first await: compute inside, and await the values of what it returns`,
  );
}
