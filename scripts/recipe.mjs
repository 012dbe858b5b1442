// Runs recipes/<name>.ts and keeps what it prints in recipes/logs/<name>.txt, with the command, machine and result above it.
//
//   npm run recipe -- mnist-lenet5 [its arguments]     --no-log leaves the stored log as it is
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [name, ...rest] = process.argv.slice(2);
const log = !rest.includes("--no-log");
const args = rest.filter((arg) => arg !== "--no-log");
const file = join(root, "recipes", `${name}.ts`);
if (name === undefined || !existsSync(file)) {
  const names = readdirSync(join(root, "recipes")).filter((f) => /^[a-z].*\.ts$/.test(f));
  console.error(`there is no recipe "${name ?? ""}"; there are ${names.map((f) => f.slice(0, -3)).join(", ")}`);
  process.exit(2);
}

// Node 20 does not read TypeScript; the bundle imports "fovea" by name, as the file does.
mkdirSync(join(root, ".cache/recipes"), { recursive: true });
const bundle = join(root, `.cache/recipes/${name}.mjs`);
await build({
  entryPoints: [file],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
});

const git = (...words) => execFileSync("git", words, { cwd: root, encoding: "utf8" }).trim();
const header = [
  `$ npm run recipe -- ${[name, ...args].join(" ")}`,
  `${cpus()[0]?.model.trim()}, ${cpus().length} logical processors; Node ${process.version}`,
  `commit ${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "--", "packages", "recipes", "examples", ":!recipes/logs") ? " and changes" : ""}`,
];
console.log(header.join("\n"));
const lines = [];
const child = spawn(process.execPath, [bundle, ...args], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
child.stdout.setEncoding("utf8").on("data", (text) => {
  lines.push(text);
  process.stdout.write(text);
});
child.on("close", (code, signal) => {
  const result = signal ? `stopped by ${signal}` : code === 0 ? "passed" : `failed with exit code ${code}`;
  console.log(result);
  if (log && !signal) {
    const path = join(root, `recipes/logs/${name}.txt`);
    writeFileSync(`${path}.part`, [...header, "", lines.join("").trimEnd(), "", result, ""].join("\n"));
    renameSync(`${path}.part`, path);
  }
  process.exitCode = code ?? 1;
});
