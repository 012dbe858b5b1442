import { UsageError } from "../base/errors.ts";
import { noGrad } from "../tensor/apply.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The length of all gradients as one vector, √Σ g². A tensor of rank 0. */
export function globalNorm(gradients: Iterable<Tensor>): Tensor {
  let squares: Tensor | null = null;
  for (const g of gradients) {
    const own = g.reshape([g.size]).square().sum(); // in one order whatever the layout: eager and compiled are the same bits
    squares = squares === null ? own : squares.add(own);
  }
  if (squares === null) throw new UsageError("globalNorm: there are no gradients");
  return squares.sqrt();
}

/**
 * Gradients shortened to a length of at most `limit`, all by one factor, so that the direction stays (Pascanu, Mikolov
 * and Bengio, 2013). [3, 4] with limit 1 becomes [0.6, 0.8].
 */
export function clippedByNorm(gradients: readonly Tensor[], limit: number): Tensor[] {
  checkLimit("clip by norm", limit);
  const norm = globalNorm(gradients);
  const factor = norm.maximum(limit).reciprocal().mul(limit);
  return gradients.map((g) => g.mul(factor));
}

/** Gradients with every element within −limit … limit. */
export function clippedByValue(gradients: readonly Tensor[], limit: number): Tensor[] {
  checkLimit("clip by value", limit);
  return gradients.map((g) => g.maximum(-limit).minimum(limit));
}

/**
 * Shortens the gradients that `backward()` left, as PyTorch's `clip_grad_norm_`, and returns their length before.
 *
 * @example
 * loss.backward();
 * optim.clipGradNorm(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  const given = [...parameters].filter((p) => p.grad !== null);
  return noGrad(() => {
    const gradients = given.map((p) => p.grad!);
    const norm = globalNorm(gradients);
    clippedByNorm(gradients, maxNorm).forEach((g, i) => (given[i]!.grad = g));
    return norm;
  });
}

/** Cuts every element of the gradients to −limit … limit, as PyTorch's `clip_grad_value_`. */
export function clipGradValue(parameters: Iterable<Tensor>, limit: number): void {
  const given = [...parameters].filter((p) => p.grad !== null);
  noGrad(() =>
    clippedByValue(
      given.map((p) => p.grad!),
      limit,
    ).forEach((g, i) => (given[i]!.grad = g)),
  );
}

function checkLimit(who: string, limit: number): void {
  if (!(limit > 0 && limit < Infinity))
    throw new UsageError(`${who}: the limit must be a number above 0, got ${limit}`);
}
