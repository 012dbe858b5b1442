import { UsageError } from "../base/errors.ts";
import type { TensorSpec } from "../backend/contract.ts";
import { CpuBackend } from "../backend/cpu/backend.ts";
import { createNativeRuntime } from "../backend/cpu/native.ts";
import { createWasmRuntime } from "../backend/cpu/wasm.ts";
import { wasmIsas } from "../backend/cpu/wasm-module.ts";
import { binaryOps } from "../ops/binary.ts";
import { unaryOps } from "../ops/unary.ts";
import type { Op } from "../tensor/op.ts";
import { testNumbers } from "./cases.ts";

/** The elementary functions and the largest error in ulp that each may have on any ISA. */
export const elementary = {
  exp: { op: unaryOps.exp, aim: 1 },
  log: { op: unaryOps.log, aim: 1 },
  tanh: { op: unaryOps.tanh, aim: 2 },
  sigmoid: { op: unaryOps.sigmoid, aim: 2 },
  erf: { op: unaryOps.erf, aim: 2 },
  softplus: { op: unaryOps.softplus, aim: 2 },
  gelu: { op: unaryOps.gelu, aim: 4 },
  silu: { op: unaryOps.silu, aim: 4 },
  mish: { op: unaryOps.mish, aim: 4 },
  sin: { op: unaryOps.sin, aim: 2 },
  cos: { op: unaryOps.cos, aim: 2 },
  sqrt: { op: unaryOps.sqrt, aim: 0.5001 },
  rsqrt: { op: unaryOps.rsqrt, aim: 2 },
  pow: { op: binaryOps.pow, aim: 1 },
} as const satisfies Record<string, { op: Op; aim: number }>;

export type Elementary = keyof typeof elementary;

/** Name of an ISA (`avx512`, `wasm simd128`) and an engine that runs on it. */
export interface IsaEngine {
  readonly isa: string;
  readonly engine: CpuBackend;
}

/** One engine for each ISA of this machine, native and wasm. */
export function isaEngines(isas?: readonly string[]): IsaEngine[] {
  const found: IsaEngine[] = [];
  const before = process.env.FOVEA_ISA;
  try {
    delete process.env.FOVEA_ISA;
    const first = createNativeRuntime();
    const all = "runtime" in first ? ((first.runtime as { isas?: readonly string[] }).isas ?? []) : [];
    if ("runtime" in first) first.runtime.close();
    for (const isa of all) {
      if (isas && !isas.includes(isa)) continue;
      process.env.FOVEA_ISA = isa;
      const state = createNativeRuntime();
      if ("runtime" in state) found.push({ isa, engine: new CpuBackend(state.runtime) });
    }
  } finally {
    if (before === undefined) delete process.env.FOVEA_ISA;
    else process.env.FOVEA_ISA = before;
  }
  for (const isa of wasmIsas()) {
    const state = createWasmRuntime({ isa });
    if ("runtime" in state) found.push({ isa: `wasm ${isa}`, engine: new CpuBackend(state.runtime) });
  }
  return found;
}

const exponentWord = new Float64Array(1);
const exponentBits = new Int32Array(exponentWord.buffer);

/** Distance of neighbouring float32 in the binade of x. */
function ulp(x: number): number {
  exponentWord[0] = x;
  const exponent = Math.max(-126, ((exponentBits[1]! >> 20) & 0x7ff) - 1023);
  return 2 ** (Math.min(127, exponent) - 23);
}

/** |got − want| in ulp of want; infinite where NaN, infinity or the sign of zero is wrong. */
export function ulpError(got: number, want: number): number {
  const rounded = Math.fround(want);
  if (Object.is(got, rounded)) return Number.isFinite(got) ? Math.abs(got - want) / ulp(want) : 0;
  if (Number.isNaN(got) || Number.isNaN(rounded) || (got === 0 && rounded === 0)) return Infinity;
  if (!Number.isFinite(got))
    return Number.isFinite(want) ? Math.abs(Math.sign(got) * 2 ** 128 - want) / 2 ** 104 : Infinity;
  if (!Number.isFinite(want)) return Infinity;
  return Math.abs(got - want) / ulp(want);
}

const specials = [
  0,
  -0,
  Infinity,
  -Infinity,
  NaN,
  1,
  -1,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  -(2 ** -126),
  3.4028234663852886e38,
  -3.4028234663852886e38,
];
const CHUNK = 1 << 20;

/** Every `step`-th float32 by its bits, in pieces, after the special values. */
function* allFloats(step: number): Generator<Float32Array[]> {
  yield [Float32Array.from(specials)];
  for (let from = 0; from < 2 ** 32;) {
    const n = Math.min(CHUNK, Math.ceil((2 ** 32 - from) / step));
    const chunk = new Uint32Array(n);
    for (let i = 0; i < n; i++) chunk[i] = from + i * step;
    from += n * step;
    yield [new Float32Array(chunk.buffer)];
  }
}

/** Seeded pairs for pow: bases of all sizes, exponents for which most results are finite. */
function* pairs(count: number): Generator<Float32Array[]> {
  const exponents = [...specials, 0.5, 2, 3, -2, -3, 2.5];
  const both = specials.flatMap((x) => exponents.map((y) => [x, y] as const));
  yield [Float32Array.from(both, ([x]) => x), Float32Array.from(both, ([, y]) => y)];
  const next = testNumbers(3);
  for (let done = 0; done < count; done += CHUNK) {
    const n = Math.min(CHUNK, count - done);
    const x = Float32Array.from({ length: n }, () => Math.abs(next()) * 2 ** Math.round(next() * 30));
    yield [x, Float32Array.from(x, (v) => (next() * 45) / (Math.abs(Math.log2(v)) + 0.5))];
  }
}

export interface Worst {
  readonly name: string;
  readonly aim: number;
  /** Largest error in ulp by ISA. */
  readonly worst: Readonly<Record<string, number>>;
  /** Inputs of the largest of all. */
  readonly at: readonly number[];
}

export interface SweepOptions {
  /** Every step-th of the 2^32 floats is tried. */
  readonly step: number;
  /** Pairs for functions of two numbers. */
  readonly pairs: number;
  readonly engines?: readonly IsaEngine[];
  readonly log?: (line: string) => void;
}

/** Measures the largest error of each function on each ISA. */
export function sweep(
  names: readonly string[],
  { step, pairs: count, engines = isaEngines(), log }: SweepOptions,
): Worst[] {
  return names.map((name) => {
    if (!Object.hasOwn(elementary, name)) {
      throw new UsageError(
        `there is no elementary function "${name}"; there are ${Object.keys(elementary).join(", ")}`,
      );
    }
    const { op, aim } = elementary[name as Elementary] as { op: Op; aim: number };
    const worst = Object.fromEntries(engines.map(({ isa }) => [isa, 0]));
    let [largest, at] = [0, [] as number[]];
    for (const inputs of op === (binaryOps.pow as Op) ? pairs(count) : allFloats(step)) {
      const shape = [inputs[0]!.length];
      const spec: TensorSpec = { shape, dtype: "float32" };
      const want = { data: new Float64Array(shape[0]!), shape, dtype: "float32" as const };
      op.reference(
        inputs.map((data) => ({ data: Float64Array.from(data), shape, dtype: "float32" as const })),
        {},
        want,
      );
      for (const { isa, engine } of engines) {
        const buffers = inputs.map((data) => engine.upload(data, spec));
        const y = engine.execute(op, buffers, {}, spec);
        const got = engine.download(y);
        for (const b of [...buffers, y]) b.release();
        let most = worst[isa]!;
        for (let i = 0; i < got.length; i++) {
          const e = ulpError(got[i]!, want.data[i]!);
          if (!(e > most)) continue;
          most = e;
          if (e > largest) [largest, at] = [e, inputs.map((x) => x[i]!)];
        }
        worst[isa] = most;
      }
    }
    log?.(`${name}: ${engines.map(({ isa }) => `${isa} ${worst[isa]!.toFixed(3)}`).join(", ")} (at ${at.join(", ")})`);
    return { name, aim, worst, at };
  });
}
