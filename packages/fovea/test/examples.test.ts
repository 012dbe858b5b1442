import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";

const folder = fileURLToPath(new URL("../../../examples/", import.meta.url));

describe("examples", () => {
  for (const file of readdirSync(folder).filter((f) => f.endsWith(".ts"))) {
    // Each example ends in a checked number and throws if it is not met.
    it(`${file} runs to its end`, () => import(/* @vite-ignore */ `${folder}${file}`));
  }
});
