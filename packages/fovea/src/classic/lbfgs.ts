export interface LbfgsOptions {
  /** Stops when no entry of the gradient is larger. */
  readonly tol: number;
  readonly maxIter: number;
  /** Pairs of steps that stand for the curvature; default 10. */
  readonly memory?: number;
}

/**
 * Minimises a smooth function of many numbers, in place: limited-memory BFGS (Liu and Nocedal, 1989; two-loop recursion
 * and a line search by bisection for the weak Wolfe conditions).
 *
 * @param evaluate The value at `x`; fills `gradient`.
 */
export function minimizeLbfgs(
  x: Float64Array,
  evaluate: (x: Float64Array, gradient: Float64Array) => number,
  { tol, maxIter, memory = 10 }: LbfgsOptions,
): { readonly iterations: number; readonly converged: boolean; readonly value: number } {
  let gradient = new Float64Array(x.length);
  let value = evaluate(x, gradient);
  const steps: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let iterations = 0; ; iterations++) {
    if (gradient.every((g) => Math.abs(g) <= tol)) return { iterations, converged: true, value };
    if (iterations === maxIter) return { iterations, converged: false, value };

    const direction = gradient.map((g) => -g);
    const along: number[] = [];
    for (let k = steps.length - 1; k >= 0; k--) {
      const { s, y, rho } = steps[k]!;
      along[k] = rho * dot(s, direction);
      addTimes(direction, -along[k]!, y);
    }
    const last = steps.at(-1);
    const scale = last ? 1 / (last.rho * dot(last.y, last.y)) : 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)));
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
    steps.forEach(({ s, y, rho }, k) => addTimes(direction, along[k]! - rho * dot(y, direction), s));

    const slope = dot(gradient, direction);
    let low = 0;
    let high = Infinity;
    let t = 1;
    const from = x.slice();
    const next = new Float64Array(x.length);
    let reached = value;
    for (let tries = 0; tries < 60; tries++) {
      for (let i = 0; i < x.length; i++) x[i] = from[i]! + t * direction[i]!;
      reached = evaluate(x, next);
      if (!(reached <= value + 1e-4 * t * slope)) high = t;
      else if (dot(next, direction) < 0.9 * slope) low = t;
      else break;
      t = high === Infinity ? 2 * low : (low + high) / 2;
    }
    if (!(reached < value)) {
      // No lower point in floating point: as near as it gets.
      x.set(from);
      return { iterations, converged: false, value };
    }
    const s = x.map((v, i) => v - from[i]!);
    const y = next.map((v, i) => v - gradient[i]!);
    const curvature = dot(s, y);
    if (curvature > 0) steps.push({ s, y, rho: 1 / curvature });
    if (steps.length > memory) steps.shift();
    gradient = next;
    value = reached;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addTimes(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}
