import { readFileSync } from "node:fs";
import { packageFile } from "../platform/packageFile.ts";

/** Version of this package. */
export function foveaVersion(): string {
  return (JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string }).version;
}
