import { readFileSync, writeFileSync } from "node:fs";

/** Counts outcomes, in all and per family (or layer): `byFamily`, `byLayer`. */
export function summarize(results, kind = "family") {
  const count = () => ({ passed: 0, failed: 0, unsupported: 0 });
  const total = count();
  const byFamily = {};
  for (const { family, outcome, missing } of results.toSorted((a, b) => (a.family < b.family ? -1 : 1))) {
    total[outcome]++;
    const entry = (byFamily[family] ??= count());
    entry[outcome]++;
    if (missing !== undefined) entry.missing = [...new Set([...(entry.missing ?? []), missing])].toSorted();
  }
  return { ...total, [kind === "layer" ? "byLayer" : "byFamily"]: byFamily };
}

/** The counts as Markdown. */
export function table({ passed, failed, unsupported, byFamily, byLayer }) {
  const rows = Object.entries(byFamily ?? byLayer).map(
    ([family, entry]) =>
      `| ${family} | ${entry.passed} | ${entry.failed} | ${entry.unsupported} | ${(entry.missing ?? []).join(", ")} |`,
  );
  return [
    `| ${byLayer ? "layer" : "family"} | passed | failed | unsupported | missing |`,
    "| --- | --- | --- | --- | --- |",
    ...rows,
    `| **all** | ${passed} | ${failed} | ${unsupported} | |`,
  ].join("\n");
}

const begin = "<!-- conformance -->";
const end = "<!-- /conformance -->";

/** Replaces what stands between the markers of a document. */
export function writeTable(path, markdown) {
  const text = readFileSync(path, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no ${begin} … ${end}`);
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n\n${markdown}\n\n${text.slice(to)}`);
}
