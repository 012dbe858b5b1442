import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { FoveaError } from "../base/errors.ts";
import { readImage } from "../data/readImage.ts";
import type { RgbImage } from "../data/image.ts";
import { showBar } from "./bar.ts";
import { reportError } from "./errors.ts";

export const picturesHelp = "JPEG, PNG or WebP files, folders of them, or patterns like 'photos/**/*.jpg'";

const PICTURE = /\.(jpe?g|png|webp)$/i;

/** The files that arguments stand for, each once: a folder for the pictures in it and below, a pattern for what fits. */
export async function findPictures(given: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of given) {
    const info = await stat(path).catch(() => null);
    if (info?.isDirectory()) {
      const inside = (await filesBelow(path)).filter((file) => PICTURE.test(file));
      if (inside.length === 0) throw new FoveaError(`the folder ${path} has no JPEG, PNG or WebP files`);
      found.push(...inside);
    } else if (info === null && /[*?]/.test(path)) {
      const fitting = await matching(path);
      if (fitting.length === 0) throw new FoveaError(`no file fits the pattern ${path}`);
      found.push(...fitting);
    } else found.push(path);
  }
  return [...new Set(found)];
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .toSorted();
}

/** Files that fit a pattern: `*` and `?` stay in one folder, `**` stands for any folders. */
async function matching(pattern: string): Promise<string[]> {
  const parts = pattern.split(/[/\\]/);
  const fixed = parts.findIndex((part) => /[*?]/.test(part));
  const root = parts.slice(0, fixed).join(sep) || (pattern.startsWith("/") ? sep : ".");
  const expression = new RegExp(`^${parts.slice(fixed).map(toExpression).join("")}$`);
  const files = await filesBelow(root).catch(() => []);
  return files.filter((file) => expression.test(relative(root, file).split(sep).join("/")));
}

function toExpression(part: string, i: number, parts: readonly string[]): string {
  const last = i === parts.length - 1;
  if (part === "**") return last ? ".*" : "(?:[^/]+/)*";
  const text = part
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  return last ? text : `${text}/`;
}

interface ReadOptions {
  /** Pictures at once. */
  readonly batch: number;
  readonly maxSide?: number | undefined;
}

/**
 * Reads pictures and hands them over in batches, in order. One that cannot be read is told on stderr, the others go on;
 * the exit code is 1 then.
 */
export async function forPictures(
  files: readonly string[],
  { batch, maxSide }: ReadOptions,
  use: (files: readonly string[], pictures: readonly RgbImage[]) => Promise<void>,
): Promise<void> {
  const bar = await showBar(process.stderr);
  let bad = 0;
  const say = (error: FoveaError): void => {
    bar.close();
    bad++;
    process.exitCode = reportError(error);
  };
  // The next batch is read while one is computed.
  const read = (start: number) => Promise.all(files.slice(start, start + batch).map((file) => readOne(file, maxSide)));
  try {
    for (let start = 0, next = read(0); start < files.length; start += batch) {
      const found = await next;
      next = read(start + batch);
      const good: string[] = [];
      const pictures: RgbImage[] = [];
      for (const [i, picture] of found.entries()) {
        if (picture instanceof FoveaError) say(picture);
        else {
          good.push(files[start + i]!);
          pictures.push(picture);
        }
      }
      bar.close();
      if (pictures.length > 0) await use(good, pictures);
      bar.update(Math.min(files.length, start + batch), files.length, "looking at pictures");
    }
  } finally {
    bar.close();
  }
  if (bad > 0 && files.length > 1) process.stderr.write(`${bad} of ${files.length} pictures could not be read\n`);
}

async function readOne(file: string, maxSide: number | undefined): Promise<RgbImage | FoveaError> {
  try {
    return await readImage(file, maxSide === undefined ? {} : { maxSide });
  } catch (error) {
    if (error instanceof FoveaError) return error;
    throw error;
  }
}
