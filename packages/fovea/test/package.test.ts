import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { build } from "esbuild";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedHash } from "./train-lenet.ts";
import { repository, run, temporaryFolder } from "./workspace.ts";

// What a user of the published package gets: `npm pack`ed tarballs in an empty project, with no install scripts and no
// compiler on the path. Other Node versions come from the npm packages that carry their binaries.
const platform = `${process.platform}-${process.arch}`;
const program = `
  import { currentEngine, engineState, tensor } from "fovea";
  const y = await tensor([1, 2, 3]).mul(2).sum().item();
  const native = engineState("native");
  console.log(JSON.stringify({ engine: currentEngine().name, y, reason: native.reason ?? null }));
`;

const folders = { packages: temporaryFolder(), both: temporaryFolder(), main: temporaryFolder() };
let main = "";
let addon: string | undefined;

function install(folder: string, tarballs: readonly string[], extra: readonly string[] = []): void {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  writeFileSync(join(folder, "program.mjs"), program);
  run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...tarballs, ...extra], { cwd: folder });
}

/** Runs the user's program with only Node on the path. */
function start(folder: string, node = process.execPath, args = ["program.mjs"]): string {
  return run(node, args, { cwd: folder, env: { PATH: dirname(node) + delimiter + "/nowhere", HOME: folder } });
}

/** train-lenet.ts as a user's own module, importing the installed package. */
async function addTraining(folder: string): Promise<void> {
  await build({
    entryPoints: [join(repository, "packages/fovea/test/train-lenet.ts")],
    outfile: join(folder, "train.mjs"),
    bundle: true,
    format: "esm",
    external: ["fovea", "fovea/data"],
    logLevel: "error",
  });
}

const training = `import { trainLenet } from "./train.mjs"; console.log((await trainLenet(2)).hash);`;

beforeAll(async () => {
  const printed = run(process.execPath, [join(repository, "packages/fovea/scripts/pack.mjs"), folders.packages.path]);
  [main, addon] = printed.trim().split("\n") as [string, string | undefined];
  install(folders.main.path, [main]);
  if (addon !== undefined) install(folders.both.path, [main, addon], [`node-${platform}@22`]);
  await addTraining(folders.main.path);
  await addTraining(folders.both.path);
});

afterAll(() => Object.values(folders).forEach((f) => f.remove()));

describe("the packed package", () => {
  it("serves with wasm where the platform package is missing, and says so in one line", () => {
    const result = JSON.parse(start(folders.main.path)) as { engine: string; y: number; reason: string };
    expect(result).toMatchObject({ engine: "wasm", y: 12 });
    expect(result.reason).toContain(`@fovea/${platform}`);
    expect(result.reason).not.toContain("\n");
  });

  it("serves natively where the platform package is", ({ skip }) => {
    if (addon === undefined) skip("no C compiler: the platform package was not built");
    expect(JSON.parse(start(folders.both.path))).toEqual({ engine: "native", y: 12, reason: null });
  });

  for (const version of [22, 24]) {
    it(`works on Node ${version}, natively and as wasm`, ({ skip }) => {
      if (addon === undefined) skip("no C compiler: the platform package was not built");
      const folder = folders.both.path;
      if (version !== 22)
        run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", `node-${platform}@${version}`], {
          cwd: folder,
        });
      const node = join(folder, `node_modules/node-${platform}/bin/node`);
      expect(run(node, ["--version"])).toMatch(new RegExp(`^v${version}\\.`));
      expect(JSON.parse(start(folder, node))).toMatchObject({ engine: "native", y: 12 });
      const wasm = run(node, ["program.mjs"], { cwd: folder, env: { PATH: dirname(node), FOVEA_ENGINE: "wasm" } });
      expect(JSON.parse(wasm)).toMatchObject({ engine: "wasm", y: 12 });
      expect(start(folder, node, ["--input-type=module", "-e", training]).trim()).toBe(expectedHash);
    });
  }

  it(`trains to the pinned bits on this Node (${process.version})`, () => {
    expect(start(folders.main.path, process.execPath, ["--input-type=module", "-e", training]).trim()).toBe(
      expectedHash,
    );
  });

  it("brings the kernels as files, for pages that load them themselves", () => {
    for (const name of ["fovea", "fovea-threads", "fovea-relaxed", "fovea-relaxed-threads"]) {
      const url = `import.meta.resolve("fovea/${name}.wasm")`;
      // Node 20 knows no relaxed SIMD and calls such a file invalid: there, that it is a wasm file has to do.
      const valid =
        name.includes("relaxed") && process.versions.node.startsWith("20.") ? "true" : "WebAssembly.validate(file)";
      const check = `const { readFileSync } = await import("node:fs"); const file = readFileSync(new URL(${url})); console.log(file.subarray(0, 4).toString("latin1") === "\\0asm" && ${valid})`;
      expect(start(folders.main.path, process.execPath, ["--input-type=module", "-e", check]).trim()).toBe("true");
    }
  });

  it("is one copy of everything, in a few dozen files", () => {
    // Node asks its hooks for every module that it loads.
    const hooks = `export const load = (url, context, next) => { if (url.includes("/fovea/dist/")) console.error("LOAD " + url); return next(url, context); };`;
    writeFileSync(join(folders.main.path, "hooks.mjs"), hooks);
    const code = `
      import { register } from "node:module";
      register("./hooks.mjs", import.meta.url);
      const [fovea, nn, models] = [await import("fovea"), await import("fovea/nn"), await import("fovea/models")];
      console.log(fovea.nn.Linear === nn.Linear && models.create("lenet5") instanceof nn.Module);`;
    writeFileSync(join(folders.main.path, "one.mjs"), code);
    const { stdout, stderr } = spawnSync(process.execPath, ["one.mjs"], { cwd: folders.main.path, encoding: "utf8" });
    expect(stdout.trim()).toBe("true");
    const loaded = stderr.split("\n").filter((line) => line.startsWith("LOAD "));
    expect(loaded.length).toBeGreaterThan(1);
    expect(loaded.length).toBeLessThan(50);
  });

  it("brings the command", () => {
    expect(start(folders.main.path, process.execPath, ["node_modules/fovea/bin/fovea.js", "--help"])).toContain(
      "train",
    );
  });
});
