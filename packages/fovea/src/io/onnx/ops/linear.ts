import { matmul } from "../../../ops/matmul.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Call, Handlers } from "../call.ts";
import { isFloat } from "../elementTypes.ts";
import { Value } from "../value.ts";

/** α · A′ · B′ + β · C */
function gemm(call: Call): Tensor {
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  const [a, b, c] = [call.tensor(0), call.tensor(1), call.optional(2)?.tensor];
  const options = { transposeA: call.int("transA", 0) !== 0, transposeB: call.int("transB", 0) !== 0 };
  let y = matmul(a, b, options);
  if (alpha !== 1) y = y.mul(alpha);
  if (c === undefined || beta === 0) return y;
  return y.add(beta === 1 ? c : c.mul(beta));
}

function product(call: Call): Value {
  const [a, b] = [call.input(0), call.input(1)];
  if (isFloat(a.type)) return Value.of(matmul(a.tensor, b.tensor), a.type);
  return call.unsupported("matrices of integers");
}

export const linearHandlers = { Gemm: gemm, MatMul: product } as const satisfies Handlers;
