import { ShapeError, UsageError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { reshape } from "../ops/movement.ts";
import { triu } from "../ops/rearrange.ts";
import { safeSqrt } from "../ops/reduction.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyModule } from "./module.ts";
import type { Parameter } from "./parameter.ts";

/**
 * A penalty on a parameter (or on a layer's output): its value is added to the loss.
 *
 * @example
 * model.conv1.weight.regularizer = nn.l2(1e-4);
 * optimizer.minimize(nn.penalized(loss, model)); // fit does so by itself
 */
export type Regularizer = (x: Tensor) => Tensor;

function checkFactor(name: string, factor: number): void {
  if (!(factor >= 0 && Number.isFinite(factor))) {
    throw new UsageError(`${name}: the factor must be a number ≥ 0, got ${factor}`);
  }
}

/** factor · Σ |x|: many weights become 0. */
export function l1(factor = 0.01): Regularizer {
  checkFactor("l1", factor);
  return (x) => x.abs().sum().mul(factor);
}

/** factor · Σ x²: weights stay small. (PyTorch's weight decay of λ is a factor of λ / 2.) */
export function l2(factor = 0.01): Regularizer {
  checkFactor("l2", factor);
  return (x) => x.square().sum().mul(factor);
}

/** Both: l1 · Σ |x| + l2 · Σ x² (Zou and Hastie's elastic net, 2005). */
export function l1l2({ l1: first = 0.01, l2: second = 0.01 }: { l1?: number; l2?: number } = {}): Regularizer {
  const [a, b] = [l1(first), l2(second)];
  return (x) => a(x).add(b(x));
}

/**
 * The mean |cosine| between different rows (or columns), times a factor: units should look at different things.
 *
 * A weight [out, in, ...kernel] counts as a matrix [out, in · kernel]; its rows are the units.
 */
export function orthogonalPenalty({
  factor = 0.01,
  mode = "rows",
}: { factor?: number; mode?: "rows" | "columns" } = {}): Regularizer {
  checkFactor("orthogonalPenalty", factor);
  return (x) => {
    if (x.rank < 2) throw new ShapeError(`orthogonalPenalty: needs rank ≥ 2, got ${showShape(x.shape)}`);
    const matrix = reshape(x, [x.shape[0]!, -1]);
    const rows = mode === "rows" ? matrix : matrix.transpose();
    const count = rows.shape[0]!;
    if (count < 2) return x.sum().mul(0);
    const unit = rows.div(safeSqrt(rows.square().sum(1, true)).maximum(1e-12));
    const pairs = triu(unit.matmul(unit, { transposeB: true }).abs(), 1);
    return pairs.sum().mul((2 * factor) / (count * (count - 1)));
  };
}

/** A module that has a penalty on its latest output, to be taken once. */
interface ActivityPenalized {
  takeActivityPenalty(): Tensor | null;
}

/** The penalties of a model, one by one: of parameters that have a regulariser, and of the outputs of layers. */
export function penalties(model: AnyModule): Tensor[] {
  const terms = model.parameters().map((parameter) => (parameter as Parameter).regularizer?.(parameter) ?? null);
  for (const module of model.namedModules().values()) {
    if ("takeActivityPenalty" in module) terms.push((module as AnyModule & ActivityPenalized).takeActivityPenalty());
  }
  return terms.filter((term) => term !== null);
}

/** The penalties of all regularised parameters and outputs, added up; null when there are none. */
export function regularization(model: AnyModule): Tensor | null {
  return penalties(model).reduce<Tensor | null>((sum, term) => (sum === null ? term : sum.add(term)), null);
}

/** The loss plus the penalties of all regularised parameters; the loss itself when there are none. */
export function penalized(loss: Tensor, model: AnyModule): Tensor {
  const penalty = regularization(model);
  return penalty === null ? loss : loss.add(penalty);
}
