import { UsageError } from "../../base/errors.ts";
import { openDataset, type OpenedDataset } from "../../data/datasets/open.ts";
import { splitFile } from "../../data/suggestSplit.ts";
import { requireTrainable, summarizeDataset, type DatasetSummary, type Found } from "../../data/summarize.ts";
import { writeFileAtomic } from "../../io/files.ts";
import { writeImage } from "../../data/writeImage.ts";
import type { Transform } from "../../data/transforms/index.ts";
import { classTable } from "../classTable.ts";
import { augmentationSheet, parseAugmentation } from "../augmentSheet.ts";
import { augmentHelp } from "../augment.ts";
import type { Command } from "../command.ts";
import { CommandLineError } from "../errors.ts";
import { wholeNumber } from "../parse.ts";

interface DataOptions {
  readonly split?: readonly number[];
  readonly out?: string;
  readonly seed?: number;
  readonly near: boolean;
  readonly strict?: boolean;
  readonly sheet?: string;
  readonly augment?: Transform;
  readonly json?: boolean;
}

export const dataCommand: Command<DataOptions> = {
  arguments: [
    {
      name: "<path>",
      description:
        "folder of pictures by class, CSV list, COCO .json, Pascal VOC, images + masks, MNIST, EMNIST, CIFAR, UCI's digits, .npz",
    },
  ],
  options: [
    { flags: "--split <shares>", description: "write a new split: 80/20, or 80/10/10 with a test part", parse: shares },
    { flags: "--out <file.csv>", description: "where the split goes; training takes it in place of the folder" },
    {
      flags: "--sheet <file.png>",
      description: "draw samples, as they are and augmented, with boxes, masks and key points",
    },
    {
      flags: "--augment <how>",
      description: `of the sheet: ${augmentHelp}, or a JSON list of transforms`,
      parse: parseAugmentation,
      default: "none",
    },
    { flags: "--seed <n>", description: "of the split and the sheet", parse: wholeNumber(0), default: 0 },
    { flags: "--no-near", description: "look for equal files only, not for pictures that look alike" },
    { flags: "--strict", description: "fail where anything is wrong, for scripts" },
    { flags: "--json", description: "print one JSON object" },
  ],
  examples: [
    ["fovea data photos", "photos/<class>/*.jpg, or photos/train/<class>/*.jpg"],
    ["fovea data photos --split 80/20 --out photos/split.csv", "training and validation, class by class"],
    ["fovea data photos --augment randaugment --sheet sheet.png", "what a network would see"],
    ["fovea data annotations/instances_val2017.json --json", "for a program to read"],
  ],
  async run(
    { split, out, seed = 0, near, strict = false, sheet, augment = parseAugmentation("none"), json = false },
    [argument],
    given,
  ) {
    if ((split === undefined) !== (out === undefined)) throw new CommandLineError("--split and --out go together");
    if (sheet === undefined && given.has("augment"))
      throw new CommandLineError("--augment goes with --sheet <file.png>");
    const data = await openDataset(String(argument), { strict });
    const summary = await summarizeDataset(data, { near, onProgress: progress() });
    if (split !== undefined) await writeFileAtomic(out!, splitFile(data, summary, { shares: split, seed, out: out! }));
    if (sheet !== undefined) await writeImage(sheet, await augmentationSheet(data.train, augment, seed));
    console.log(
      json
        ? JSON.stringify({ kind: data.kind, ...summary, ...(sheet !== undefined && { sheet }) })
        : show(summary, data.kind),
    );
    if (split !== undefined && !json) console.log(`\nwrote ${out}; use it in place of the folder`);
    if (sheet !== undefined && !json) console.log(`\nwrote ${sheet}: each row a sample, as it is and then augmented`);
    if (!strict) return;
    requireTrainable(summary);
    const [warning] = summary.warnings;
    if (warning !== undefined) throw new UsageError(`${summary.name}: ${summary.warnings.join("; ")}`);
  },
};

function shares(text: string): readonly number[] {
  const parts = text.split(/[/:,]/).map(Number);
  if ((parts.length === 2 || parts.length === 3) && parts.every((part) => part > 0 && part < Infinity)) return parts;
  throw new UsageError(`"${text}" is no split; wanted shares such as 80/20 or 80/10/10`);
}

/** How far it is, on a terminal, when it takes a while. */
function progress(): (done: number, total: number) => void {
  const start = performance.now();
  return (done, total) => {
    if (!process.stderr.isTTY || performance.now() - start < 1000) return;
    process.stderr.write(done === total ? "\r\x1b[K" : `\r${done} of ${total} pictures`);
  };
}

const kinds: Readonly<Record<OpenedDataset["kind"], string>> = {
  classes: "pictures by class",
  coco: "COCO annotations",
  voc: "Pascal VOC annotations",
  masks: "pictures with masks",
  idx: "idx files",
  emnist: "EMNIST",
  cifar10: "CIFAR-10",
  cifar100: "CIFAR-100",
  optdigits: "UCI's digits",
  npz: "arrays of an .npz",
};

function show(summary: DatasetSummary, kind: OpenedDataset["kind"]): string {
  const { name, classes, sizes, unreadable, duplicates, near, leaks, conflicts } = summary;
  const lines = [
    `${name}: ${kinds[kind]}, ${classes.length} ${classes.length === 1 ? "class" : "classes"}`,
    "",
    classTable(summary),
  ];
  if (sizes !== null) {
    const range = ([least, median, most]: readonly number[]) =>
      least === most ? `${least}` : `${least} … ${median} … ${most}`;
    lines.push(
      "",
      `Width ${range(sizes.width)}, height ${range(sizes.height)} pixels; ${sizes.different} different size${sizes.different === 1 ? "" : "s"}`,
    );
  }
  lines.push(
    ...section(
      "Cannot be read",
      unreadable.map(({ name: file, why }) => (why.includes(file) ? why : `${file}: ${why}`)),
    ),
    ...section("Equal files", duplicates.map(groupLine(classes))),
    ...section("Look alike", near.map(groupLine(classes))),
    ...section("In several parts", leaks.map(groupLine(classes))),
    ...section("Under several classes", conflicts.map(groupLine(classes))),
    ...section("Errors", summary.errors),
    ...section("Warnings", summary.warnings),
    ...section("Suggestions", summary.suggestions),
  );
  return lines.join("\n");
}

const SHOWN = 10;

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > SHOWN ? [`  … and ${lines.length - SHOWN} more (--json has all)`] : [];
  return ["", `${title}:`, ...lines.slice(0, SHOWN).map((line) => `  ${line}`), ...more];
}

const groupLine = (classes: readonly string[]) => (group: readonly Found[]) => {
  const several = new Set(group.map(({ label }) => label)).size > 1;
  return group.map(({ name, label }) => (several ? `${name} (${classes[label] ?? "no class"})` : name)).join(" = ");
};
