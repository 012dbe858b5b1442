// kernels.def → src/backend/cpu/kernels.generated.ts
import path from "node:path";
import { generatedFolder, isMain, kernelHash, kernelNames, kernelSources, writeIfChanged } from "./files.mjs";

export function buildKernelList(sources = kernelSources()) {
  const names = kernelNames(sources);
  const text = `// Written by scripts/build.mjs from kernels/c/kernels.def.

/** The C kernels; the position is the id. */
export const kernelNames = [
${names.map((name) => `  "${name}",\n`).join("")}] as const;

export type KernelName = (typeof kernelNames)[number];

/** 48 bits of the hash of the C sources these names belong to. */
export const kernelHash = ${kernelHash(sources)};
`;
  writeIfChanged(path.join(generatedFolder, "kernels.generated.ts"), text);
  return names.length;
}

if (isMain(import.meta.url)) console.log(`kernels: ${buildKernelList()}`);
