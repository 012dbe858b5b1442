import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** Ground to roof: a folder imports only folders before it. `import type` is exempt: it is erased. */
const order = [
  "base",
  "platform",
  "backend",
  "tensor",
  "ops",
  "graph",
  "nn",
  "optim",
  "io",
  "data",
  "classic",
  "models",
  "train",
  "vision",
  "explain",
  "cli",
];

const src = dirname(fileURLToPath(import.meta.url));
/** Modules that differ between Node and the browser: `#platform` and the like. */
const manifest = JSON.parse(readFileSync(join(src, "../package.json"), "utf8")) as {
  readonly imports: Readonly<Record<string, { readonly "@fovea/source": { readonly default: string } }>>;
};
const runtimeImport =
  /^\s*(?:import|export)\s+(?!type\b)[^;]*?from\s+"(\.[^"]+)"|^\s*import\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/gm;

it("every folder imports only folders to its left", () => {
  const wrong: string[] = [];
  for (const file of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    const folder = file.split(sep)[0]!;
    if (!file.endsWith(".ts") || file.endsWith(".test.ts") || file.endsWith(".cases.ts") || !order.includes(folder))
      continue;
    if (file === join("ops", "cases.ts")) continue; // test data: lists the cases files
    const text = readFileSync(join(src, file), "utf8");
    for (const [, from, bare, dynamic] of text.matchAll(runtimeImport)) {
      const target = relative(src, resolve(src, dirname(file), (from ?? bare ?? dynamic)!)).split(sep)[0]!;
      if (target === folder || (order.includes(target) && order.indexOf(target) < order.indexOf(folder))) continue;
      if (target === "tensor.ts" && order.indexOf(folder) > order.indexOf("ops")) continue; // the roof over both
      wrong.push(`${file} imports ${from ?? bare ?? dynamic}`);
    }
  }
  expect(wrong).toEqual([]);
});

it("what a browser imports reaches no Node module", () => {
  const seen = new Set<string>();
  const wrong: string[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    if (/^\s*(?:import|export)\s+(?!type\b)[^;]*?from\s+"node:/m.test(text)) wrong.push(relative(src, file));
    for (const [, name] of text.matchAll(/from "(#\w+)"/g))
      visit(resolve(src, "..", manifest.imports[name!]!["@fovea/source"].default));
    for (const [, from, bare, dynamic] of text.matchAll(runtimeImport)) {
      visit(resolve(dirname(file), (from ?? bare ?? dynamic)!));
    }
  };
  for (const entry of [
    "index.ts",
    "nn/index.ts",
    "nn/keras/index.ts",
    "optim/index.ts",
    "models/index.ts",
    "train/index.ts",
    "classic/index.ts",
  ])
    visit(join(src, entry));
  expect(seen.size).toBeGreaterThan(30);
  expect(wrong).toEqual([]);
});
