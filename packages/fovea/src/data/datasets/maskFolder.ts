import { basename, extname, join } from "node:path";
import { FormatError, UsageError } from "../../base/errors.ts";
import type { MaskFile, PictureEntry } from "../entry.ts";
import { FileDataset } from "../fileDataset.ts";
import { readImage } from "../readImage.ts";
import { isPicture, listFolder, walkFiles } from "./walk.ts";

// Node only: nothing that a browser loads imports this file.

export interface MaskFolderOptions extends Pick<MaskFile, "greys" | "colors"> {
  /** Names of the classes; default background and foreground where masks are black and white. */
  readonly classes?: readonly string[];
  /** Folder of the pictures; default images, image or imgs. */
  readonly images?: string;
  /** Folder of the masks; default masks, mask, labels, label or annotations. */
  readonly masks?: string;
  /** 3 (RGB, default) or 1 (grey). */
  readonly channels?: 1 | 3;
  /** Whether a picture without a mask is an error; default false: it is left out. */
  readonly strict?: boolean;
}

/**
 * Pictures and their masks in two folders, under the same names but for the ending. By default a mask's grey is the class, 255
 * does not count; where the first mask is black and white only, these are the classes 0 and 1.
 */
export async function maskFolder(
  folder: string,
  options: MaskFolderOptions = {},
): Promise<FileDataset & { problems: readonly string[] }> {
  const { channels = 3, strict = false, colors } = options;
  const { folders } = await listFolder(folder);
  const find = (given: string | undefined, usual: readonly string[], option: string): string => {
    const name = given ?? folders.find((other) => usual.includes(other.toLowerCase()));
    if (name !== undefined) return join(folder, name);
    throw new UsageError(
      `${folder} has no folder ${usual.join(", ")}; name it with ${option} (there are ${folders.join(", ") || "none"})`,
    );
  };
  const stem = (root: string, file: string) => file.slice(root.length + 1, -extname(file).length);
  const images = find(options.images, ["images", "image", "imgs"], "images");
  const masks = find(options.masks, ["masks", "mask", "labels", "label", "annotations"], "masks");
  const maskOf = new Map((await walkFiles(masks)).filter(isPicture).map((file) => [stem(masks, file), file]));
  const all = (await walkFiles(images)).filter(isPicture);
  const pairs = all.flatMap((file) =>
    maskOf.has(stem(images, file)) ? [[file, maskOf.get(stem(images, file))!] as const] : [],
  );
  const without = all.filter((file) => !maskOf.has(stem(images, file)));
  if (pairs.length === 0 || (strict && without.length > 0)) {
    const example = without[0] ?? join(images, "1.png");
    throw new FormatError(
      `${example} has no mask of its name in ${masks}; ${pairs.length} of ${all.length} pictures have one`,
    );
  }
  const binary = options.greys === undefined && colors === undefined && (await isBlackAndWhite(pairs[0]![1]));
  const greys = options.greys ?? (binary ? [0, 255] : undefined);
  const classes = options.classes ?? (binary ? ["background", "foreground"] : null);
  if (classes === null)
    throw new UsageError(`${folder}: masks have other greys than black and white; name the classes`);
  const known = (colors ?? greys)?.length ?? classes.length;
  if (known !== classes.length)
    throw new UsageError(`${folder}: ${classes.length} classes, but ${known} greys or colors`);
  const entries = pairs.map(([file, mask]): PictureEntry => ({
    kind: "picture",
    file,
    mask: { file: mask, ...(greys && { greys }), ...(colors && { colors }) },
    ...(channels === 1 && { channels }),
  }));
  const problems =
    without.length === 0
      ? []
      : [`${without.length} pictures of ${images} (${basename(without[0]!)} …) have no mask: left out`];
  return Object.assign(new FileDataset({ name: folder, folder, classes, entries }), { problems });
}

async function isBlackAndWhite(file: string): Promise<boolean> {
  const { pixels } = await readImage(file);
  return pixels.includes(255) && pixels.every((value) => value === 0 || value === 255);
}
