import { FormatError } from "../base/errors.ts";
import type { Dataset } from "../data/sample.ts";
import { subset } from "../data/subset.ts";
import { requireTrainable, summarizeDataset, type DatasetParts, type PartName } from "../data/summarize.ts";
import { classTable } from "./classTable.ts";

/** Of a dataset of pictures. */
export interface PictureParts extends DatasetParts {
  readonly train: Dataset;
  readonly validation?: Dataset;
  readonly test?: Dataset;
}

/** The parts without what cannot be read, after a look at all of it, as `fovea data` has: what is wrong is told. */
export async function readableParts(
  found: PictureParts,
  say: (line: string) => void,
  strict: boolean,
): Promise<PictureParts> {
  const summary = await summarizeDataset(found);
  requireTrainable(summary);
  if (strict && summary.unreadable.length > 0) throw new FormatError(summary.unreadable[0]!.why);
  say(classTable(summary));
  for (const { why } of summary.unreadable) say(`left out: ${why}`);
  for (const warning of summary.warnings) say(`note: ${warning}`);
  const good = (part: PartName): Dataset | undefined => {
    const data = found[part];
    const bad = new Set(summary.unreadable.filter((one) => one.part === part).map(({ index }) => index));
    if (data === undefined || bad.size === 0) return data;
    const rest = Array.from({ length: data.length }, (_, i) => i).filter((i) => !bad.has(i));
    return rest.length === 0 ? undefined : subset(data, rest);
  };
  const [train, validation, test] = [good("train")!, good("validation"), good("test")];
  return { train, ...(validation && { validation }), ...(test && { test }) };
}
