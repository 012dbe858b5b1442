import { showShape } from "../base/shape.ts";
import { observeOps } from "../tensor/apply.ts";
import { describeLayer } from "../tensor/context.ts";
import { NonFiniteError } from "./nonFinite.ts";

/** Runs a step op by op and throws at the first op that gives NaN or an infinity, in the forward or the backward pass. */
export function catchAnomaly<T>(run: () => T, step: number): T {
  return observeOps((op, output) => {
    if (output.dtype !== "float32") return;
    const bad = output.storage.values().find((v) => !Number.isFinite(v));
    if (bad === undefined) return;
    const layer = describeLayer();
    const where =
      layer === null ? "outside of the layers: in the loss, the backward pass or the update" : `in ${layer}`;
    throw new NonFiniteError(
      `step ${step}: ${op.name} gives ${bad} (result ${showShape(output.shape)}), ${where}`,
      step,
      layer,
    );
  }, run);
}
