import type { LinearSVC } from "../classic/linearSvc.ts";
import type { StandardScaler } from "../classic/scaler.ts";
import { Linear } from "../nn/linear.ts";
import { tensor } from "../tensor/create.ts";

/** w · (x − mean) / scale + b as one layer; a class that the machine never saw is never said. */
export function svmLayer(
  { coef, intercept, classes: known }: LinearSVC,
  { mean, scale }: StandardScaler,
  classes: number,
): Linear {
  const { columns } = coef;
  const weight = new Float32Array(classes * columns);
  const bias = new Float32Array(classes).fill(NEVER);
  for (let k = 0; k < known.length; k++) {
    // Of two classes there is one row, whose sign decides: half of it for the one, half against the other.
    const [row, factor] = known.length === 2 ? [0, k === 1 ? 0.5 : -0.5] : [k, 1];
    const label = known[k]!;
    let constant = intercept[row]!;
    for (let c = 0; c < columns; c++) {
      const w = coef.values[row * columns + c]! / scale[c]!;
      weight[label * columns + c] = factor * w;
      constant -= w * mean[c]!;
    }
    bias[label] = factor * constant;
  }
  const layer = new Linear(columns, classes);
  layer.loadStateDict(
    new Map([
      ["weight", tensor(weight, { shape: [classes, columns] })],
      ["bias", tensor(bias, { shape: [classes] })],
    ]),
  );
  return layer;
}

const NEVER = -1e9;
