import { fileURLToPath } from "node:url";

/** The path of a file of this package. Node only: src/platform, dist/platform and dist/node lie two folders below it. */
export function packageFile(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}
