import { join, normalize, isAbsolute } from "node:path";
import { FormatError } from "../../base/errors.ts";
import { readFile } from "../../io/files.ts";
import type { MaskShape, PictureEntry } from "../entry.ts";
import { FileDataset } from "../fileDataset.ts";
import type { Box, Keypoint } from "../sample.ts";

// Node only: nothing that a browser loads imports this file.

export interface CocoOptions {
  /** Folder of the pictures; default: the folder of the annotations. */
  readonly images?: string;
  /** Whether samples get masks: class i of `classes` is i + 1 there, 0 is none of them; default false. */
  readonly masks?: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Pictures with boxes (and masks, and key points) from an annotation file of COCO's format. Classes are in the order of their
 * ids, without gaps. Boxes are cut at the picture's border; those without an area are left out.
 */
export async function cocoDataset(annotations: string, options: CocoOptions = {}): Promise<FileDataset> {
  const { images: folder = join(annotations, ".."), masks = false } = options;
  const fail = (why: string): never => {
    throw new FormatError(`${annotations} is not a sound COCO file: ${why}`);
  };
  let json: Json;
  try {
    json = JSON.parse(new TextDecoder().decode(await readFile(annotations))) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return fail(error.message);
    throw error;
  }
  const list = (of: Json, key: string): Json[] => {
    const found = of?.[key];
    if (Array.isArray(found) && found.every((item) => typeof item === "object" && item !== null))
      return found as Json[];
    return fail(`"${key}" is no list of objects`);
  };
  const categories = list(json, "categories").toSorted((a, b) => Number(a["id"]) - Number(b["id"]));
  const classOf = new Map(categories.map(({ id }, index) => [id, index]));
  if (masks && categories.length > 254) return fail(`${categories.length} classes do not fit a mask of bytes (254)`);
  const of = new Map<unknown, Json[]>(list(json, "images").map((image) => [image["id"], []]));
  for (const annotation of list(json, "annotations")) {
    const there = of.get(annotation["image_id"]);
    if (there === undefined)
      return fail(`an annotation is of image ${JSON.stringify(annotation["image_id"])}, which is not there`);
    if (!classOf.has(annotation["category_id"])) {
      return fail(`an annotation is of category ${JSON.stringify(annotation["category_id"])}, which is not there`);
    }
    there.push(annotation);
  }
  const entries = list(json, "images").map((image): PictureEntry => {
    const { file_name: file, width, height, id } = image;
    if (typeof file !== "string" || isAbsolute(file) || normalize(file).startsWith("..")) {
      return fail(
        `image ${JSON.stringify(id)} has the file name ${JSON.stringify(file)}; wanted one within the folder`,
      );
    }
    if (!isSize(width) || !isSize(height)) return fail(`image ${file} is ${String(width)} × ${String(height)}`);
    const own = of.get(id)!;
    const boxes = own.flatMap((annotation) => readBox(annotation, classOf, width, height, fail));
    const keypoints = own.flatMap((annotation) =>
      readKeypoints(annotation, categories[classOf.get(annotation["category_id"])!]!, fail),
    );
    return {
      kind: "picture",
      file: join(folder, file),
      boxes,
      ...(keypoints.length > 0 && { keypoints }),
      ...(masks && { mask: { shapes: own.flatMap((annotation) => readShape(annotation, classOf, fail)) } }),
    };
  });
  const classes = categories.map(({ name, id }) =>
    typeof name === "string" ? name : fail(`category ${String(id)} has no name`),
  );
  return new FileDataset({ name: annotations, folder, classes, entries });
}

type Fail = (why: string) => never;
type Classes = ReadonlyMap<unknown, number>;

const isSize = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535;

function numbers(value: unknown, fail: Fail): number[] {
  if (Array.isArray(value) && value.every((v) => typeof v === "number" && Number.isFinite(v))) return value as number[];
  return fail(`${JSON.stringify(value)?.slice(0, 80)} is no list of numbers`);
}

function readBox(
  { bbox, category_id: category, iscrowd }: Json,
  classOf: Classes,
  width: number,
  height: number,
  fail: Fail,
): Box[] {
  const found = numbers(bbox, fail);
  if (found.length !== 4) return fail(`a bbox has ${found.length} numbers; wanted x, y, width, height`);
  const [x, y, w, h] = found as [number, number, number, number];
  const box = [Math.max(0, x), Math.max(0, y), Math.min(width, x + w), Math.min(height, y + h)] as const;
  if (box[0] >= box[2] || box[1] >= box[3]) return [];
  return [{ box, label: classOf.get(category)!, ...(iscrowd === 1 && { ignored: true }) }];
}

function readKeypoints({ keypoints }: Json, { keypoints: names }: Json, fail: Fail): Keypoint[] {
  if (keypoints === undefined) return [];
  const found = numbers(keypoints, fail);
  if (found.length % 3 !== 0) return fail(`key points are ${found.length} numbers; wanted x, y, v for each`);
  return Array.from({ length: found.length / 3 }, (_, k) => {
    const name: unknown = Array.isArray(names) ? names[k] : undefined;
    const [x, y, visibility] = found.slice(3 * k, 3 * k + 3) as [number, number, number];
    return { x, y, visible: visibility > 0, ...(typeof name === "string" && { name }) };
  });
}

function readShape({ segmentation, category_id: category }: Json, classOf: Classes, fail: Fail): MaskShape[] {
  const label = classOf.get(category)! + 1;
  if (segmentation === undefined) return [];
  if (Array.isArray(segmentation)) return [{ label, polygons: segmentation.map((polygon) => numbers(polygon, fail)) }];
  const { counts, size } = (segmentation ?? {}) as Json;
  const [height, width] = numbers(size, fail);
  if (!isSize(width) || !isSize(height)) return fail(`a mask is ${String(width)} × ${String(height)}`);
  return [
    {
      label,
      rle: { width, height, counts: typeof counts === "string" ? unpackRle(counts, fail) : numbers(counts, fail) },
    },
  ];
}

/** COCO's packed runs: 5 bits in each character from "0" on, a bit for more, and from the third run on differences. */
export function unpackRle(text: string, fail: Fail): number[] {
  const counts: number[] = [];
  for (let at = 0; at < text.length;) {
    let [value, shift, code] = [0, 0, 0];
    do {
      code = at < text.length ? text.charCodeAt(at++) - 48 : -1;
      if (code < 0 || code > 63 || shift > 30) return fail("a mask's packed runs are damaged");
      value += (code & 31) * 2 ** shift;
      shift += 5;
    } while ((code & 32) !== 0);
    if ((code & 16) !== 0) value -= 2 ** shift;
    const count = counts.length > 2 ? value + counts.at(-2)! : value;
    if (count < 0) return fail("a mask's packed runs are damaged");
    counts.push(count);
  }
  return counts;
}
