// Where test vectors lie: an archive is a suite, a folder of archives is several, and a folder without archives is one.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readTar } from "../packages/fovea/dist/io/node.js";

/** Archives may unpack to this much. */
const MAX_BYTES = 1 << 30;
const archiveName = /\.(tar\.gz|tgz)$/;

/** [{ suite, files: path → () => bytes }], files limited to names that `wanted` matches. */
export function suitesOf(path, wanted) {
  if (!statSync(path).isDirectory()) return [archive(path, wanted)];
  const archives = readdirSync(path).filter((name) => archiveName.test(name));
  if (archives.length > 0) return archives.toSorted().map((name) => archive(join(path, name), wanted));
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => wanted.test(name));
  const files = names.map((name) => [name.replaceAll("\\", "/"), () => readFileSync(join(path, name))]);
  return [{ suite: basename(path), files: new Map(files) }];
}

function archive(path, wanted) {
  const entries = readTar(gunzipSync(readFileSync(path), { maxOutputLength: MAX_BYTES }), path);
  const files = entries.filter((entry) => wanted.test(entry.path));
  return {
    suite: basename(path).replace(archiveName, ""),
    files: new Map(files.map(({ path: name, bytes }) => [name.replace(/^\.\//, ""), () => bytes])),
  };
}
