import { byteSize } from "../../../base/dtype.ts";
import { sizeOf } from "../../../base/shape.ts";
import type { CpuKernel } from "../lower.ts";
import { emitCopyBytes } from "./relayout.ts";

/** The value has been brought into the target's layout, so its bytes are copied as they are. */
const assign: CpuKernel = {
  step: () => ["copy_bytes"],
  emit(e, { inputs: [target, value] }) {
    const { shape, dtype } = target!.spec;
    if (value!.ref !== target!.ref) emitCopyBytes(e, value!.ref, target!.ref, sizeOf(shape) * byteSize[dtype]);
  },
};

export const assignKernels = { assign } as const satisfies Record<string, CpuKernel>;
