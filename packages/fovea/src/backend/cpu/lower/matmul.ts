import { matmulSizes, sizeOf } from "../../../base/shape.ts";
import type { Epilogue } from "../../../ops/epilogue.ts";
import type { MatmulAttrs } from "../../../ops/matmul.ts";
import type { CpuCall, CpuKernel, CpuValue, Emitter, Ref } from "../lower.ts";
import { epilogueParams } from "./epilogue.ts";

/** Rows up to which B is read as it lies: packing it would cost more than the product. */
const FEW_ROWS = 4;

/** Rows from which packing B as a whole costs little, and its columns are better read from all caches. */
const MANY_ROWS = 256;

/** matmul, and fusedMatmul with its residual and activation. */
function emitMatmul(e: Emitter, { inputs, output, attrs }: CpuCall<MatmulAttrs & Partial<Epilogue>>): void {
  const [a, b, bias, residual] = inputs as [CpuValue, CpuValue, CpuValue | undefined, CpuValue | undefined];
  const { m, k, n, batchA, batchB, batch } = matmulSizes(a.spec.shape, b.spec.shape, attrs);
  const count = sizeOf(batch);
  if (count * m * n === 0) return;
  const { flags, range } = epilogueParams(bias, residual, attrs);

  const ends = (unused: Ref) => [bias?.ref ?? unused, residual?.ref ?? unused, output.ref];
  let rows = a.ref;
  if (attrs.transposeA && k > 0) {
    rows = e.scratch(4 * sizeOf(a.spec.shape));
    e.command("matmul_transpose", [a.ref, rows], [k, m, sizeOf(batchA)]);
  }
  if (m <= FEW_ROWS && count === 1) {
    e.command(
      attrs.transposeB ? "matmul_few_dot" : "matmul_few_sum",
      [rows, b.ref, ...ends(b.ref)],
      [m, k, n, flags, ...range],
    );
    return;
  }
  const countB = sizeOf(batchB);
  if (m < MANY_ROWS && k > 0 && countB === count && !e.constant(b.ref)) {
    const axes = [batchA.length > 0 ? 1 : 0, attrs.transposeB ? 1 : 0];
    e.command("matmul_narrow", [rows, b.ref, ...ends(b.ref)], [m, k, n, count, ...axes, flags, ...range]);
    return;
  }
  const packed = e.scratch(Math.max(4, 4 * countB * Math.ceil(n / e.lanes) * e.lanes * k));
  if (k > 0) e.command("matmul_pack", [b.ref, packed], [k, n, attrs.transposeB ? 1 : 0, countB]);
  const axes = [batchA.length > 0 ? 1 : 0, batchB.length > 0 ? 1 : 0];
  e.command("matmul", [rows, packed, ...ends(packed)], [m, k, n, count, ...axes, flags, ...range]);
}

const emit: NonNullable<CpuKernel["emit"]> = (e, call) => emitMatmul(e, call as unknown as CpuCall<MatmulAttrs>);

export const matmulKernels = {
  fusedMatmul: { emit },
  matmul: { emit },
} satisfies Record<string, CpuKernel>;
