import type { OpName } from "../../../ops/index.ts";
import type { CpuKernel } from "../lower.ts";
import { alongAxisKernels } from "./alongAxis.ts";
import { assignKernels } from "./assign.ts";
import { convKernels } from "./conv.ts";
import { elementwiseKernels } from "./elementwise.ts";
import { gatherKernels } from "./gather.ts";
import { matmulKernels } from "./matmul.ts";
import { movementKernels } from "./movement.ts";
import { normKernels } from "./norm.ts";
import { poolKernels } from "./pool.ts";
import { randomKernels } from "./random.ts";
import { reduceKernels } from "./reduce.ts";
import { scanKernels } from "./scan.ts";
import { crossEntropyKernels, softmaxKernels } from "./softmax.ts";

/** How each op runs on the CPU engines. A forgotten op is a compile error. */
export const cpuKernels = {
  ...alongAxisKernels,
  ...assignKernels,
  ...convKernels,
  ...elementwiseKernels,
  ...gatherKernels,
  ...matmulKernels,
  ...movementKernels,
  ...normKernels,
  ...poolKernels,
  ...randomKernels,
  ...reduceKernels,
  ...scanKernels,
  ...softmaxKernels,
  ...crossEntropyKernels,
} satisfies Record<OpName, CpuKernel> as Record<OpName, CpuKernel>;
