import { expect, it } from "vitest";
import { duration } from "./parse.ts";

it.each([
  ["90s", 90],
  ["10m", 600],
  ["1h30m", 5400],
  ["1.5h", 5400],
  ["45", 45],
])("%s are %d seconds", (text, seconds) => expect(duration(text)).toBe(seconds));

it.each(["", "m", "ten", "-5m", "0s", "5 days"])("%j is no time", (text) => {
  expect(() => duration(text)).toThrow(/is not a time; write 90s, 10m, or 1h30m/);
});
