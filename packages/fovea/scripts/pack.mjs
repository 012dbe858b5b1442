// Packs what would be published: the main package, and one package per platform with the prebuilt addon.
//   node packages/fovea/scripts/pack.mjs <output folder>
// The manifest in the repository is the development one; the published one gets optional dependencies on the platform
// packages, and loses the `@fovea/source` conditions that let tests run from TypeScript.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const repository = resolve(root, "../..");
const platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const out = resolve(process.argv[2] ?? join(repository, ".cache/packages"));
mkdirSync(out, { recursive: true });
const stage = mkdtempSync(join(tmpdir(), "fovea-pack-"));
try {
  for (const file of [packMain(), packPlatform()]) if (file !== null) console.log(file);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function packMain() {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  delete manifest.scripts;
  delete manifest.devDependencies;
  manifest.imports = withoutSource(manifest.imports);
  manifest.exports = withoutSource(manifest.exports);
  manifest.optionalDependencies = {
    ...manifest.optionalDependencies,
    ...Object.fromEntries(platforms.map((p) => [`@fovea/${p}`, manifest.version])),
  };
  const folder = join(stage, "fovea");
  mkdirSync(folder);
  const native = join(root, "dist/native");
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true, filter: (path) => !path.startsWith(native) });
  for (const name of ["bin", "src"]) {
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => !/\.(test|cases)\.ts$|\/testing(\/|$)/.test(path),
    });
  }
  for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) cpSync(join(repository, name), join(folder, name));
  manifest.files = ["bin", "dist", "src", "CHANGELOG.md"];
  return pack(folder, manifest);
}

/** The package for this machine's platform, if the addon was built. */
function packPlatform() {
  const platform = `${process.platform}-${process.arch}`;
  const addon = join(root, "dist/native", platform, "fovea.node");
  if (!existsSync(addon)) {
    console.error(`no addon for ${platform}: built without a C compiler; only the main package is packed`);
    return null;
  }
  const { version, license, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const folder = join(stage, "platform");
  mkdirSync(folder);
  cpSync(addon, join(folder, "fovea.node"));
  cpSync(join(repository, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "README.md"), `# @fovea/${platform}\n\nThe native engine of fovea for ${platform}.\n`);
  return pack(folder, {
    name: `@fovea/${platform}`,
    version,
    description: `The native engine of fovea for ${platform}`,
    license,
    engines,
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === "linux" && { libc: ["glibc"] }),
    main: "fovea.node",
    files: ["fovea.node"],
  });
}

function pack(folder, manifest) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const printed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", out], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const result = JSON.parse(printed);
  return join(
    out,
    (Array.isArray(result) ? result[0] : Object.values(result)[0]).filename.replace("@", "").replace("/", "-"),
  );
}

function withoutSource(conditions) {
  if (typeof conditions !== "object" || conditions === null) return conditions;
  return Object.fromEntries(
    Object.entries(conditions)
      .filter(([key]) => key !== "@fovea/source")
      .map(([key, value]) => [key, withoutSource(value)]),
  );
}
