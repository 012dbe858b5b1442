import { FormatError } from "../../base/errors.ts";

/**
 * The rows of a CSV text (RFC 4180): commas, double quotes around fields that need them, any line ends, blank lines and a
 * byte-order mark passed over. `name` is for errors.
 */
export function parseCsv(text: string, name: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  // A field, quoted or not, and what ends it.
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^,\r\n"]*))(,|\r\n|\n|\r|$)/y;
  field.lastIndex = text.startsWith("\ufeff") ? 1 : 0;
  while (field.lastIndex < text.length) {
    const at = field.lastIndex;
    const match = field.exec(text);
    if (match === null) {
      const line = text.slice(0, at).split(/\r\n|\n|\r/).length;
      throw new FormatError(
        `${name} is not a sound CSV file: line ${line} has a quote that does not end, or stands within a field`,
      );
    }
    row.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === "," && field.lastIndex < text.length) continue;
    if (match[3] === ",") row.push("");
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  return rows;
}

/** Writes rows so that `parseCsv` and spreadsheets read them. */
export function formatCsv(rows: readonly (readonly string[])[]): string {
  const quoted = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  return rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");
}
