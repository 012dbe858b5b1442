import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository } from "./workspace.ts";

/** Pages whose TypeScript must compile, and run unless its fence says `no-run`. */
const pages = ["coming-from", "data", "training", "classical", "augmentation", "transfer-learning"].map(
  (page) => `docs/${page}.md`,
);

const work = join(repository, ".cache/docs");
const manifest = JSON.parse(readFileSync(join(repository, "packages/fovea/package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, { readonly "@fovea/source"?: string | { readonly node: string } }>>;
};

interface Snippet {
  readonly name: string;
  readonly file: string;
  readonly run: boolean;
}

/** The page's snippets as files that import this tree's sources. */
function snippetsOf(page: string): Snippet[] {
  const found: Snippet[] = [];
  const text = readFileSync(join(repository, page), "utf8");
  for (const [fence, mark, code] of text.matchAll(/^```ts( no-run)?\n([^]*?)^```$/gm)) {
    const line = text.slice(0, text.indexOf(fence)).split("\n").length;
    const file = join(work, `${page.replace(/\W/g, "-")}-${line}.ts`);
    writeFileSync(
      file,
      code!.replace(/"fovea(\/\w+)?"/g, (_, path?: string) => JSON.stringify(sourceOf(path ?? ""))),
    );
    found.push({ name: `${page}:${line}`, file, run: mark === undefined });
  }
  return found;
}

function sourceOf(path: string): string {
  const source = manifest.exports[`.${path}`]?.["@fovea/source"];
  if (source === undefined) throw new Error(`fovea${path} is not exported`);
  return relative(work, join(repository, "packages/fovea", typeof source === "string" ? source : source.node));
}

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
const snippets = pages.flatMap(snippetsOf);

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe("snippets of the documentation", () => {
  beforeAll(() => expect(snippets.length).toBeGreaterThan(5));

  it("compile", () => {
    const config = {
      extends: relative(work, join(repository, "packages/fovea/tsconfig.json")),
      compilerOptions: {
        rootDir: "../..",
        noEmit: true,
        declaration: false,
        sourceMap: false,
        typeRoots: ["../../node_modules/@types"],
      },
      include: ["*.ts"],
      exclude: [],
    };
    writeFileSync(join(work, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(repository, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", work], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  for (const { name, file, run } of snippets) {
    it.skipIf(!run)(`${name} runs`, () => import(/* @vite-ignore */ file));
  }
});
