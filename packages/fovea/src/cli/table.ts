/** Columns of text, those of numbers to the right; `right` says which by position. */
export function showTable(rows: readonly (readonly string[])[], right: readonly boolean[]): string {
  const widths = right.map((_, k) => rows.reduce((most, row) => Math.max(most, row[k]!.length), 0));
  const line = (row: readonly string[]) =>
    row.map((text, k) => (right[k] ? text.padStart(widths[k]!) : text.padEnd(widths[k]!))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}
