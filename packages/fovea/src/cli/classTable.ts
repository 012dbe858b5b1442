import type { DatasetSummary } from "../data/summarize.ts";
import { showTable } from "./table.ts";

/** How many samples of each class the parts have. */
export function classTable({ classes, parts, counted }: DatasetSummary): string {
  const names = parts.map(({ part }) => part);
  const rows = classes.map((label, i) => [label, ...parts.map(({ counts }) => String(counts[i]))]);
  const total = ["all", ...parts.map(({ samples }) => String(samples))];
  const head = [counted === "boxes" ? "Boxes" : "Class", ...names];
  return showTable([head, ...rows, total], [false, ...names.map(() => true)]);
}
