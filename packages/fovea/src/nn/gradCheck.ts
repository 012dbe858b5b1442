import { FoveaError, UsageError } from "../base/errors.ts";
import type { TypedArray } from "../base/dtype.ts";
import { RandomStream } from "../base/random.ts";
import { rowMajorStrides, showShape, type Shape } from "../base/shape.ts";
import { withEngine } from "../backend/engines.ts";
import { overwrite } from "../ops/assign.ts";
import { noGrad } from "../tensor/apply.ts";
import { grad } from "../tensor/autograd.ts";
import { fromHost } from "../tensor/create.ts";
import { scope } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

export interface GradCheckOptions {
  /** Distance of the two points of a finite difference, relative to values above 1; default 1e-5. */
  step?: number;
  /** Largest error allowed, relative to the largest gradient of the same tensor; default 1e-6. */
  tolerance?: number;
  /**
   * Elements looked at one by one in every tensor, chosen by the seed where there are more; the others take part in
   * one derivative along a random direction. Default 100.
   */
  samples?: number;
  /** Chooses elements, directions and the weights of the outputs; default 0. */
  seed?: number;
  /** Throw where a gradient is wrong; default true. With false the report says it. */
  throws?: boolean;
}

/** One derivative, both ways. */
export interface GradCheckPoint {
  /** Position of the element; null for the derivative along a random direction. */
  readonly index: readonly number[] | null;
  readonly analytic: number;
  readonly numeric: number;
  /** |analytic − numeric|, relative to the largest gradient of the tensor. */
  readonly error: number;
}

export interface GradCheckEntry {
  /** `input 0`, or a parameter's name. */
  readonly name: string;
  readonly shape: Shape;
  readonly passed: boolean;
  /** Derivatives compared. */
  readonly checked: number;
  readonly worst: GradCheckPoint;
}

export interface GradCheckReport {
  readonly passed: boolean;
  readonly entries: readonly GradCheckEntry[];
}

/** What is checked: a layer, or a function of tensors. Of several outputs every element counts. */
export type GradCheckTarget =
  | Module<never, Tensor | readonly Tensor[]>
  | ((...inputs: Tensor[]) => Tensor | readonly Tensor[]);

/** One tensor under check: its values can be changed, and its analytic gradient is known. */
interface Subject {
  readonly name: string;
  readonly shape: Shape;
  readonly values: Float64Array;
  readonly set: (values: Float64Array) => void;
  readonly gradient: ArrayLike<number>;
}

/**
 * Compares gradients with finite differences, in double precision on the reference engine.
 *
 * Every float32 input is checked, and every parameter of a layer that is not frozen; parameters and buffers keep their
 * values. The function must give the same result each time: call `eval()` on layers with dropout. At a kink (a ReLU of
 * exactly 0, equal values under a max) finite differences mean nothing; random inputs have none.
 *
 * @example
 * gradCheck(new nn.Conv2d(3, 4, 3, { stride: 2 }), [randn([2, 3, 8, 8])]);
 * gradCheck((x, y) => x.mul(y).tanh(), [randn([5]), randn([5])]);
 */
export function gradCheck(
  target: GradCheckTarget,
  inputs: readonly Tensor[],
  options: GradCheckOptions = {},
): GradCheckReport {
  const { step = 1e-5, tolerance = 1e-6, samples = 100, seed = 0, throws = true } = options;
  if (!(step > 0) || !(tolerance > 0) || !Number.isInteger(samples) || samples < 0) {
    throw new UsageError(
      `gradCheck: step and tolerance must be above 0 and samples a whole number ≥ 0, got ${JSON.stringify(options)}`,
    );
  }
  const report = withEngine("reference", () =>
    keepingState(target, () => {
      const check = new Check(target, inputs, new RandomStream(seed));
      const entries = check.subjects.map((subject) => check.compare(subject, { step, tolerance, samples }));
      return { passed: entries.every((entry) => entry.passed), entries };
    }),
  );
  if (throws && !report.passed) throw new FoveaError(`gradCheck: ${describeWorst(report, tolerance)}`);
  return report;
}

/** Runs `fn`, then gives the target's parameters and buffers the values they had. */
function keepingState<T>(target: GradCheckTarget, fn: () => T): T {
  if (!(target instanceof Module)) return fn();
  const before = [...target.stateDict().values()].map((tensor) => [tensor, tensor.storage.values().slice()] as const);
  try {
    return fn();
  } finally {
    for (const [tensor, values] of before) {
      tensor.storage.evict(false); // off the reference engine: its doubles are nobody else's business
      overwrite(tensor, values);
    }
  }
}

class Check {
  readonly subjects: readonly Subject[];
  readonly #run: () => readonly Tensor[];
  readonly #random: RandomStream;
  /** Weights of every output's elements: what is differentiated is their weighted sum. */
  readonly #weights: readonly Float64Array[];

  constructor(target: GradCheckTarget, inputs: readonly Tensor[], random: RandomStream) {
    this.#random = random;
    const parameters = target instanceof Module ? [...target.namedParameters()].filter(([, p]) => p.requiresGrad) : [];
    // Leaves of our own, so that the caller's tensors stay as they are.
    const leaves = inputs.map((x) => {
      const leaf = fromHost(doublesOf(x), x.shape, x.dtype);
      return x.dtype === "float32" ? leaf.requireGrad() : leaf;
    });
    const args = [...leaves];
    const call =
      target instanceof Module ? (target.forward as (...xs: Tensor[]) => Tensor | readonly Tensor[]) : target;
    this.#run = () => {
      const y = call(...args);
      return y instanceof Tensor ? [y] : y;
    };

    const outputs = this.#run();
    this.#weights = outputs
      .map((y) => random.fillNormal(new Float32Array(y.size), 0, 1))
      .map((w) => Float64Array.from(w));
    const first = outputs.map((y) => y.storage.values().slice());
    const wanted = [...leaves.filter((x) => x.requiresGrad), ...parameters.map(([, p]) => p)];
    const gradients = this.#gradients(outputs, wanted);
    const again = noGrad(() => this.#run().map((y) => y.storage.values()));
    if (!again.every((values, i) => values.every((v, k) => Object.is(v, first[i]![k])))) {
      throw new UsageError("gradCheck: the function gives another result each time; switch dropout off with eval()");
    }
    const subjects: Omit<Subject, "gradient">[] = [];
    leaves.forEach((leaf, i) => {
      if (!leaf.requiresGrad) return;
      const set = (values: Float64Array) => (args[i] = fromHost(values, leaf.shape, "float32"));
      subjects.push({ name: `input ${i}`, shape: leaf.shape, values: doublesOf(leaf) as Float64Array, set });
    });
    for (const [name, p] of parameters) {
      const set = (values: Float64Array) => overwrite(p, values);
      subjects.push({ name, shape: p.shape, values: doublesOf(p) as Float64Array, set });
    }
    if (subjects.length === 0) throw new UsageError("gradCheck: there is no float32 input and no parameter to check");
    this.subjects = subjects.map((subject, i) => ({ ...subject, gradient: gradients[i]! }));
  }

  /** Compares a tensor's gradient with finite differences, element by element and along a direction. */
  compare(
    subject: Subject,
    { step, tolerance, samples }: Required<Omit<GradCheckOptions, "seed" | "throws">>,
  ): GradCheckEntry {
    const { name, shape, values, gradient } = subject;
    const largest = maximum(gradient);
    const points: GradCheckPoint[] = [];
    let passed = true;
    const along = (
      index: readonly number[] | null,
      analytic: number,
      scale: number,
      move: (t: number) => Float64Array,
    ) => {
      const h = step * scale;
      const [up, down] = [this.#valueAt(subject, move(h)), this.#valueAt(subject, move(-h))];
      const numeric = (up.value - down.value) / (2 * h);
      const difference = Math.abs(analytic - numeric);
      // What rounding alone can do to a difference of two sums of these sizes.
      const noise = (64 * Number.EPSILON * Math.max(up.size, down.size)) / h;
      const error = difference === 0 ? 0 : difference / Math.max(largest, Math.abs(numeric), noise);
      if (!(difference <= tolerance * Math.max(largest, Math.abs(numeric)) + noise)) passed = false;
      points.push({ index, analytic, numeric, error });
    };
    for (const position of this.#choose(values.length, samples)) {
      const scale = Math.max(1, Math.abs(values[position]!));
      const move = (t: number) => values.with(position, values[position]! + t);
      along(unravel(position, shape), gradient[position]!, scale, move);
    }
    if (samples < values.length) {
      const direction = this.#random.fillNormal(new Float32Array(values.length), 0, 1);
      const analytic = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
      along(null, analytic, Math.max(1, maximum(values)), (t) => values.map((v, i) => v + t * direction[i]!));
    }
    const worst = points.reduce((a, b) => (b.error > a.error || Number.isNaN(b.error) ? b : a), points[0] ?? nothing);
    return { name, shape, passed, checked: points.length, worst };
  }

  /** Gradients of the weighted sum; zeros where there is no path. */
  #gradients(outputs: readonly Tensor[], wanted: readonly Tensor[]): Float64Array[] {
    const total = wanted.map((x) => new Float64Array(x.size));
    const taped = outputs.filter((y) => y.requiresGrad);
    taped.forEach((y) => {
      const gradient = fromHost(this.#weights[outputs.indexOf(y)]!, y.shape, "float32");
      grad(y, wanted, { gradient, retainGraph: y !== taped.at(-1) }).forEach((g, k) => {
        g?.storage.values().forEach((v, at) => (total[k]![at]! += v));
      });
    });
    return total;
  }

  /** The weighted sum with a subject at other values, and the sum of its terms' sizes. */
  #valueAt(subject: Subject, values: Float64Array): { value: number; size: number } {
    subject.set(values);
    try {
      return scope(() => noGrad(() => this.#sum()));
    } finally {
      subject.set(subject.values);
    }
  }

  #sum(): { value: number; size: number } {
    let [value, size] = [0, 0];
    this.#run().forEach((y, i) => {
      y.storage.values().forEach((v, k) => {
        const term = v * this.#weights[i]![k]!;
        value += term;
        size += Math.abs(term);
      });
    });
    return { value, size };
  }

  /** Positions to look at: all, or `samples` of them. */
  #choose(size: number, samples: number): readonly number[] {
    if (size <= samples) return Array.from({ length: size }, (_, i) => i);
    const uniform = this.#random.fillUniform(new Float32Array(samples), 0, 1);
    return [...new Set(Array.from(uniform, (u) => Math.min(size - 1, Math.floor(u * size))))];
  }
}

const nothing: GradCheckPoint = { index: null, analytic: 0, numeric: 0, error: 0 };

function doublesOf(x: Tensor): TypedArray {
  const values = x.storage.values();
  return x.dtype === "float32" ? Float64Array.from(values) : values.slice();
}

function maximum(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

function unravel(position: number, shape: Shape): number[] {
  const strides = rowMajorStrides(shape);
  return shape.map((d, k) => Math.floor(position / strides[k]!) % d);
}

function describeWorst({ entries }: GradCheckReport, tolerance: number): string {
  const wrong = entries.filter((entry) => !entry.passed);
  const { name, shape, worst } = wrong.reduce((a, b) => (b.worst.error > a.worst.error ? b : a));
  const where = worst.index === null ? "along a random direction" : `at ${showShape(worst.index)}`;
  const others = wrong.length > 1 ? `; ${wrong.length} of ${entries.length} tensors are wrong` : "";
  return (
    `the gradient of ${name} ${showShape(shape)} ${where} is ${worst.analytic}, finite differences give ` +
    `${worst.numeric} (relative error ${worst.error.toExponential(1)}, allowed ${tolerance})${others}`
  );
}
