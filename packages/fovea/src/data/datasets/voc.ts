import { basename, join } from "node:path";
import { DOMParser } from "linkedom";
import { FormatError } from "../../base/errors.ts";
import { readFile } from "../../io/files.ts";
import type { PictureEntry } from "../entry.ts";
import { FileDataset } from "../fileDataset.ts";
import type { Box } from "../sample.ts";
import { listFolder } from "./walk.ts";

// Node only: nothing that a browser loads imports this file.

export interface VocOptions {
  /** A list of ImageSets/Main (with masks: ImageSets/Segmentation), such as "train"; default: all annotated pictures. */
  readonly split?: string;
  /** Names of the classes; default: those that occur, sorted. */
  readonly classes?: readonly string[];
  /** Whether samples get the masks of SegmentationClass: class i of `classes` is i + 1 there, 0 is none; default false. */
  readonly masks?: boolean;
}

/** No annotation of a picture comes near. */
const MAX_XML = 2 ** 22;

/**
 * Pictures with boxes (and masks) from a folder as Pascal VOC has it: JPEGImages, Annotations/*.xml, ImageSets. Boxes count
 * pixels from 1 there, both ends included; here they are as everywhere.
 */
export async function vocDataset(folder: string, options: VocOptions = {}): Promise<FileDataset> {
  const { split, masks = false } = options;
  const stems = split === undefined ? await annotated(folder) : await readSplit(folder, split, masks);
  const found: { file: string; stem: string; objects: readonly Named[] }[] = [];
  for (const stem of stems) {
    const path = join(folder, "Annotations", `${stem}.xml`);
    const { file, objects } = parseVoc(await readFile(path), path);
    found.push({ file: file ?? `${stem}.jpg`, stem, objects });
  }
  const names = new Set(found.flatMap(({ objects }) => objects.map(({ name }) => name)));
  const classes = options.classes ?? [...names].toSorted();
  const unknown = [...names].find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new FormatError(
      `${folder} has objects ${JSON.stringify(unknown)}, which are none of the classes ${classes.join(", ")}`,
    );
  }
  const entries = found.map(({ file, stem, objects }): PictureEntry => ({
    kind: "picture",
    file: join(folder, "JPEGImages", basename(file)),
    boxes: objects.map(({ name, ...box }) => ({ ...box, label: classes.indexOf(name) })),
    ...(masks && {
      mask: { file: join(folder, "SegmentationClass", `${stem}.png`), colors: vocColors(classes.length + 1) },
    }),
  }));
  return new FileDataset({ name: folder, folder, classes, entries });
}

interface Named extends Omit<Box, "label"> {
  readonly name: string;
}

/** The objects of one annotation file. `name` is for errors. */
export function parseVoc(bytes: Uint8Array, name: string): { file: string | null; objects: Named[] } {
  const fail = (why: string): never => {
    throw new FormatError(`${name} is not a sound VOC annotation: ${why}`);
  };
  if (bytes.length > MAX_XML) return fail(`${bytes.length} bytes are too many`);
  const text = new TextDecoder().decode(bytes);
  // A document that is cut short has no end; the parser would make one up.
  if (!/<annotation[\s>]/.test(text) || !/<\/annotation>\s*$/.test(text))
    return fail("it is no <annotation>, or is cut short");
  const document = new DOMParser().parseFromString(text, "text/xml");
  const textOf = (element: Element, tag: string): string | null => {
    const child = [...element.children].find(({ tagName }) => tagName === tag);
    return child?.textContent?.trim() ?? null;
  };
  const objects = [...document.querySelectorAll("annotation > object")].map((object): Named => {
    const label = textOf(object as unknown as Element, "name");
    const box = [...object.children].find(({ tagName }) => tagName === "bndbox") as unknown as Element | undefined;
    if (label === null || label === "" || box === undefined) return fail("an object has no name or no bndbox");
    const [x1, y1, x2, y2] = ["xmin", "ymin", "xmax", "ymax"].map((tag) => Number(textOf(box, tag) || NaN)) as [
      number,
      number,
      number,
      number,
    ];
    if (!(x1 >= 0 && y1 >= 0 && x2 >= x1 && y2 >= y1 && x2 < 65536 && y2 < 65536)) {
      return fail(`the bndbox of a ${label} is ${[x1, y1, x2, y2].join(", ")}`);
    }
    const difficult = textOf(object as unknown as Element, "difficult") === "1";
    return {
      name: label,
      box: [Math.max(0, x1 - 1), Math.max(0, y1 - 1), x2, y2],
      ...(difficult && { ignored: true }),
    };
  });
  const root = document.querySelector("annotation") as unknown as Element | null;
  return { file: root === null ? null : textOf(root, "filename"), objects };
}

async function annotated(folder: string): Promise<string[]> {
  const { files } = await listFolder(join(folder, "Annotations"));
  return files.filter((name) => name.endsWith(".xml")).map((name) => name.slice(0, -4));
}

async function readSplit(folder: string, split: string, masks: boolean): Promise<string[]> {
  const path = join(folder, "ImageSets", masks ? "Segmentation" : "Main", `${split}.txt`);
  const lines = new TextDecoder().decode(await readFile(path)).split(/\r?\n/);
  return lines
    .map((line) => line.trim().split(/\s+/)[0]!)
    .filter((stem) => stem !== "")
    .map((stem) => basename(stem));
}

/** VOC's colours: the bits of a number dealt out to red, green and blue, high bits first. */
export function vocColors(count: number): number[] {
  return Array.from({ length: count }, (_, label) => {
    let [color, rest] = [0, label];
    for (let bit = 7; rest > 0; bit--, rest >>= 3) {
      color |= (((rest & 1) << 16) | (((rest >> 1) & 1) << 8) | ((rest >> 2) & 1)) << bit;
    }
    return color;
  });
}
