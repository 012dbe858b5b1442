import { exact, setExact } from "../backend/engines.ts";
import type { Attrs, TensorSpec } from "../backend/contract.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import { conv2dOp } from "../ops/conv2d.ts";
import { conv2dInputGradOp } from "../ops/conv2dInputGrad.ts";
import { conv2dWeightGradOp } from "../ops/conv2dWeightGrad.ts";
import type { Op } from "../tensor/op.ts";
import { isaEngines, type IsaEngine } from "./accuracy.ts";
import { testNumbers } from "./cases.ts";

/** One convolution whose errors are measured; what it is a sum over decides how large they are. */
interface Setting {
  readonly algorithm: string;
  readonly op: Op;
  readonly inputs: readonly Shape[];
  readonly attrs: Attrs;
  /** Terms in one element of the result. */
  readonly terms: number;
  readonly sizes: string;
}

const attrs = { stride: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 } as const; // prettier-ignore

/** Channels on the side that is not summed over: the error does not depend on them. */
const OTHER = 32;
/** Pixels of a side that give 4×4 tiles, and those of a map with too few of them. */
const [MAP, SMALL_MAP] = [32, 7];

function settings(): Setting[] {
  const channels = [64, 128, 256, 512];
  const forward = (algorithm: string, side: number, c: number): Setting => ({
    algorithm,
    op: conv2dOp,
    inputs: [[1, c, side, side], [OTHER, c, 3, 3]], // prettier-ignore
    attrs,
    terms: 9 * c,
    sizes: `${c} → ${OTHER} @ ${side}²`,
  });
  const other = (algorithm: string, [height, width]: readonly [number, number], c: number): Setting => {
    const [top, left] = [(height - 1) / 2, (width - 1) / 2];
    return {
      algorithm,
      op: conv2dOp,
      inputs: [[1, c, MAP, MAP], [OTHER, c, height, width]], // prettier-ignore
      attrs: { ...attrs, padding: [[top, top], [left, left]] }, // prettier-ignore
      terms: height * width * c,
      sizes: `${c} → ${OTHER} @ ${MAP}²`,
    };
  };
  const inputGrad = (c: number): Setting => ({
    algorithm: "F(4×4, 3×3), input gradient",
    op: conv2dInputGradOp,
    inputs: [[1, c, MAP, MAP], [c, OTHER, 3, 3]], // prettier-ignore
    attrs: { ...attrs, shape: [1, OTHER, MAP, MAP] },
    terms: 9 * c,
    sizes: `${OTHER} ← ${c} @ ${MAP}²`,
  });
  const weightGrad = (n: number): Setting => ({
    algorithm: "F(3×3, 4×4), weight gradient",
    op: conv2dWeightGradOp,
    inputs: [[n, OTHER, MAP, MAP], [n, OTHER, MAP, MAP]], // prettier-ignore
    attrs: { ...attrs, shape: [OTHER, OTHER, 3, 3] },
    terms: n * MAP ** 2,
    sizes: `${n} × ${OTHER} → ${OTHER} @ ${MAP}²`,
  });
  return [
    ...channels.map((c) => forward("F(4×4, 3×3)", MAP, c)),
    ...channels.map((c) => forward("F(2×2, 3×3)", SMALL_MAP, c)),
    ...channels.slice(0, 3).map((c) => other("F(2×2, 5×5)", [5, 5], c)),
    ...channels.slice(0, 3).map((c) => other("F(3, 4) twice, 1×7", [1, 7], c)),
    ...channels.map(inputGrad),
    ...[1, 4, 16].map(weightGrad),
  ];
}

export interface ConvError {
  readonly algorithm: string;
  readonly sizes: string;
  readonly terms: number;
  /** Largest error by ISA, relative to the largest element of the result. */
  readonly errors: Readonly<Record<string, { readonly winograd: number; readonly direct: number }>>;
}

/** Measures Winograd's and the direct algorithm's errors against double precision, on normal random numbers. */
export function convErrors(engines: readonly IsaEngine[] = isaEngines()): ConvError[] {
  const before = exact();
  const rows = settings().map(({ algorithm, op, inputs, attrs: given, terms, sizes }) => {
    const next = testNumbers(5);
    const data = inputs.map((shape) => Float32Array.from({ length: sizeOf(shape) }, next));
    const specs = inputs.map((shape): TensorSpec => ({ shape, dtype: "float32" }));
    const output = op.shape(specs, given);
    const want = { ...output, data: new Float64Array(sizeOf(output.shape)) };
    op.reference(
      specs.map((spec, i) => ({ ...spec, data: Float64Array.from(data[i]!) })),
      given,
      want,
    );
    const errorOn = ({ engine }: IsaEngine, direct: boolean): number => {
      setExact(direct);
      const buffers = data.map((values, i) => engine.upload(values, specs[i]!));
      const y = engine.execute(op, buffers, given, output);
      const got = engine.download(y);
      for (const b of [...buffers, y]) b.release();
      let [error, largest] = [0, 0];
      want.data.forEach((w, i) => {
        error = Math.max(error, Math.abs(got[i]! - w));
        largest = Math.max(largest, Math.abs(w));
      });
      return error / largest;
    };
    const errors = engines.map((e) => [e.isa, { winograd: errorOn(e, false), direct: errorOn(e, true) }] as const);
    return { algorithm, sizes, terms, errors: Object.fromEntries(errors) };
  });
  setExact(before);
  return rows;
}
