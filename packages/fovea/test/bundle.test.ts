import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { repository, run, temporaryFolder } from "./workspace.ts";

// The structure that start-up time rests on: dist/node, which Node runs in place of one file per module.
const root = join(repository, "packages/fovea");
const bundle = (name: string) => join(root, "dist/node", `${name}.js`);
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly node?: string | { readonly default: string } }>>;
};

/** Files of this package that an import opens, and modules of others. */
function staticImports(file: string): { files: Set<string>; others: Set<string> } {
  const files = new Set<string>();
  const others = new Set<string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    const found = readFileSync(path, "utf8").matchAll(/^(?:import|export)\b[^;"]*?(?:from )?"([^"]+)";$/gm);
    for (const [, name] of found) {
      if (name!.startsWith(".")) visit(join(dirname(path), name!));
      else others.add(name!);
    }
  };
  visit(file);
  return { files, others };
}

/** What a program prints as JSON that imports these files as a, b, … */
function answer(files: readonly string[], expression: string): unknown {
  const letters = files.map((_, i) => String.fromCharCode(97 + i));
  const imports = files.map((file, i) => `import * as ${letters[i]} from ${JSON.stringify(pathToFileURL(file))};`);
  const code = `${imports.join("\n")}\nconsole.log(JSON.stringify(${expression}));`;
  return JSON.parse(run(process.execPath, ["--input-type=module", "-e", code]));
}

describe("dist/node", () => {
  beforeAll(() => {
    if (!existsSync(bundle("cli"))) throw new Error("these tests look at the built package: npm run build");
  });

  it("has every entry of the package", () => {
    const entries = Object.values(manifest.exports).filter((e) => typeof e !== "string");
    for (const { node } of entries) {
      const file = typeof node === "string" ? node : node?.default;
      expect(file).toMatch(/^\.\/dist\/node\/\w+\.js$/);
      expect(existsSync(join(root, file!))).toBe(true);
    }
  });

  it("opens few files, and nothing of others that not every program needs", () => {
    for (const [name, most] of [
      ["index", 45],
      ["models", 40],
      ["train", 30],
      ["cli", 10],
    ] as const) {
      const { files, others } = staticImports(bundle(name));
      expect(files.size).toBeGreaterThan(1);
      expect(files.size).toBeLessThan(most);
      const heavy = [...others].filter((other) => /sharp|h5wasm|plot|linkedom|progress/.test(other));
      expect(heavy).toEqual([]);
    }
    expect([...staticImports(bundle("cli")).others].filter((other) => !other.startsWith("node:"))).toEqual([
      "commander",
    ]);
  });

  it("lists the commands without loading any", () => {
    const folder = temporaryFolder();
    try {
      const env = { ...process.env, NODE_V8_COVERAGE: folder.path }; // names every module that was loaded
      expect(run(process.execPath, [join(root, "bin/fovea.js"), "--help"], { env })).toMatch(/\n {2}train {2,}\S/);
      const [report] = readdirSync(folder.path);
      const { result } = JSON.parse(readFileSync(join(folder.path, report!), "utf8")) as { result: { url: string }[] };
      const loaded = result.map(({ url }) => url).filter((url) => url.includes("/dist/node/"));
      const { files } = staticImports(bundle("cli"));
      expect(loaded.toSorted()).toEqual([...files].map((file) => pathToFileURL(file).href).toSorted());
    } finally {
      folder.remove();
    }
  });

  it("is one copy of everything, whichever entries a program imports", () => {
    const files = [bundle("index"), bundle("nn"), bundle("models"), bundle("optim"), bundle("io")];
    const same =
      "[a.nn.Linear === b.Linear, a.models.create === c.create, a.optim.SGD === d.SGD, " +
      "c.create('lenet5') instanceof b.Module, e.toStoredTensor !== undefined]";
    expect(answer(files, same)).toEqual([true, true, true, true, true]);
  });

  it("leaves the names of classes as the sources have them: summaries and messages show them", () => {
    const names = (of: string) =>
      `Object.values({ ...${of}.nn, ...${of}.keras, ...${of}.optim, ...${of}.models, ...${of} }).flatMap((x) => typeof x === 'function' ? [x.name] : []).toSorted()`;
    const [bundled, plain] = answer(
      [bundle("index"), join(root, "dist/index.js")],
      `[${names("a")}, ${names("b")}]`,
    ) as [string[], string[]];
    const classes = (list: readonly string[]) => list.filter((name) => /^_?[A-Z]/.test(name));
    expect(classes(bundled).length).toBeGreaterThan(100);
    expect(classes(bundled)).toEqual(classes(plain));
  });

  it("summary starts no engine: no native kernels, no wasm, no threads", () => {
    const folder = temporaryFolder();
    try {
      const spy = join(folder.path, "spy.cjs"); // preloaded: tells on stderr what a command starts
      writeFileSync(
        spy,
        `const { Module } = WebAssembly;
        WebAssembly.Module = class extends Module { constructor(bytes) { super(bytes); console.error("wasm"); } };
        const threads = require("node:worker_threads");
        threads.Worker = class { constructor() { console.error("thread"); } };
        process.on("exit", () => {
          const { sharedObjects } = process.report.getReport();
          if (sharedObjects.some((file) => file.endsWith(".node"))) console.error("addon");
        });`,
      );
      const starts = (...args: string[]) => {
        const command = ["--require", spy, join(root, "bin/fovea.js"), ...args];
        const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
        expect(status).toBe(0);
        return stderr.trim().split("\n")[0];
      };
      expect(starts("summary", "squeezenet1.1.torchvision", "--json")).toBe("");
      expect(starts("--help")).toBe("");
      expect(starts("doctor", "--json")).not.toBe(""); // the spy sees
    } finally {
      folder.remove();
    }
  });
});
