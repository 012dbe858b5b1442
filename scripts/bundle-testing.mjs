import { build } from "esbuild";

/**
 * Bundles a file of the package's test code, which is not published, and imports it.
 * The bundle lies two folders below the package like what it is made of, so that it finds the built kernels.
 */
export async function importTesting(name) {
  const bundle = new URL(`../packages/fovea/build/testing/${name}.mjs`, import.meta.url);
  await build({
    entryPoints: [`packages/fovea/src/testing/${name}.ts`],
    absWorkingDir: new URL("..", import.meta.url).pathname,
    outfile: bundle.pathname,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    conditions: ["@fovea/source"],
  });
  return import(bundle.href);
}
