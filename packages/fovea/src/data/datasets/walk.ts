import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { FoveaError } from "../../base/errors.ts";

// Node only: nothing that a browser loads imports this file.

const pictures = new Set([".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"]);

/** Whether a file is a picture by its name. */
export const isPicture = (path: string): boolean => pictures.has(extname(path).toLowerCase());

/** Names in a folder, sorted as Python sorts them; hidden ones are left out. */
export interface Listing {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** What is in a folder. Links are followed, dangling ones are left out. */
export async function listFolder(folder: string): Promise<Listing> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const why = { ENOENT: "there is no such folder", ENOTDIR: "it is a file, not a folder" }[error.code ?? ""];
    throw new FoveaError(`cannot read ${folder}: ${why ?? error.message}; check the path`, { cause: error });
  });
  const [folders, files]: string[][] = [[], []];
  for (const item of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (item.name.startsWith(".") || item.name === "__MACOSX") continue;
    const kind = item.isSymbolicLink() ? await stat(join(folder, item.name)).catch(() => null) : item;
    if (kind?.isDirectory()) folders!.push(item.name);
    else if (kind?.isFile()) files!.push(item.name);
  }
  return { folders: folders!, files: files! };
}

/** Paths of all files below a folder, in order. Links that lead to a folder above, or to one visited, are passed over. */
export async function walkFiles(folder: string): Promise<string[]> {
  const seen = new Set<string>();
  const start = await realpath(folder);
  const visit = async (path: string): Promise<string[]> => {
    const real = await realpath(path);
    if (seen.has(real) || start.startsWith(real + sep)) return [];
    seen.add(real);
    const { folders, files } = await listFolder(path);
    const found = files.map((name) => join(path, name));
    for (const name of folders) found.push(...(await visit(join(path, name))));
    return found;
  };
  return visit(folder);
}
