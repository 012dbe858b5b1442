import { l1, l1l2, l2, orthogonalPenalty, type Regularizer } from "../regularizers.ts";
import { checkArguments, choice, named } from "./arguments.ts";

/**
 * Regularisers with Keras' arguments. Those of `nn` (`nn.l2(1e-4)`) and functions of your own do as well: a kernel comes
 * to them as [out, in, ...kernel], and what they return is added to the loss.
 */
export const regularizers = {
  /** factor · Σ |x|; the factor is 0.01 unless `l1` says otherwise. */
  l1: (options: { l1?: number } = {}): Regularizer => {
    checkArguments("regularizers.l1", options, ["l1"]);
    return l1(options.l1);
  },
  /** factor · Σ x²; the factor is 0.01 unless `l2` says otherwise. */
  l2: (options: { l2?: number } = {}): Regularizer => {
    checkArguments("regularizers.l2", options, ["l2"]);
    return l2(options.l2);
  },
  /** Both; each 0 unless given, as in Keras. */
  l1l2: (options: { l1?: number; l2?: number } = {}): Regularizer => {
    checkArguments("regularizers.l1l2", options, ["l1", "l2"]);
    return l1l2({ l1: options.l1 ?? 0, l2: options.l2 ?? 0 });
  },
  /** The mean |cosine| between different rows (or columns) of Keras' [in, out], times `factor`. */
  orthogonal: (options: { factor?: number; mode?: "rows" | "columns" } = {}): Regularizer => {
    checkArguments("regularizers.orthogonal", options, ["factor", "mode"]);
    const { factor = 0.01, mode = "rows" } = options;
    choice("regularizers.orthogonal", "mode", mode, ["rows", "columns"]);
    return orthogonalPenalty({ factor, mode: mode === "rows" ? "columns" : "rows" }); // ours is [out, in]
  },
} as const;

const byName: Readonly<Record<string, () => Regularizer>> = {
  l1: regularizers.l1,
  l2: regularizers.l2,
  l1L2: () => l1l2(),
  orthogonal: regularizers.orthogonal,
  orthogonalRegularizer: regularizers.orthogonal,
};

/** A name with Keras' defaults (`l2`), a function, or null for none. */
export type RegularizerArgument = Regularizer | string | null;

export function regularizerOf(who: string, name: string, value: RegularizerArgument | undefined): Regularizer | null {
  if (value === undefined || value === null) return null;
  return typeof value === "function" ? value : named(who, name, value, byName)();
}
