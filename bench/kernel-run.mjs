// One op on a CPU engine as its kernel commands, so that a kernel can be timed alone: inputs lie in the layout it wants,
// and work on constant inputs (packing weights) is done once, as a compiled program does it.
import { kernelOf } from "../packages/fovea/dist/backend/cpu/backend.js";
import { bytesOf } from "../packages/fovea/dist/backend/cpu/buffer.js";
import { lowerOp } from "../packages/fovea/dist/backend/cpu/lower.js";
import { emitRelayout } from "../packages/fovea/dist/backend/cpu/lower/relayout.js";
import { ProgramWords } from "../packages/fovea/dist/backend/cpu/words.js";

/** Collects commands over real addresses. */
class Commands {
  addresses = [];
  list = [];
  #runtime;

  constructor(runtime) {
    this.#runtime = runtime;
    this.lanes = runtime.lanes;
  }

  command(kernel, refs, params, options = {}) {
    this.list.push({ kernel, refs, params, threads: options.threads, writes: options.writes ?? 1 });
  }

  scratch(bytes) {
    return this.addresses.push(this.#runtime.allocate(Math.max(4, bytes))) - 1;
  }

  lies() {
    return false;
  }

  /** What the shapes say. */
  choose(_convolution, [first]) {
    return first;
  }

  constant() {
    return false;
  }

  encode(commands) {
    const words = new ProgramWords();
    for (const { kernel, refs, params, threads } of commands) {
      words.command(
        kernel,
        refs.map((ref) => this.addresses[ref]),
        params,
        threads,
      );
    }
    return () => words.count > 0 && this.#runtime.run(words.words, words.count);
  }

  free() {
    for (const address of this.addresses) this.#runtime.free(address);
  }
}

/**
 * Calls `fn(run, read)` with the op made ready: `run()` runs it once, `read()` gives the output's values row-major.
 *
 * @param engine A CPU backend.
 * @param inputs { spec, data, constant } of each input; data row-major.
 */
export function withKernel(engine, op, inputs, attrs, fn) {
  const { runtime } = engine;
  const e = new Commands(runtime);
  try {
    const made = inputs.map(({ spec, data }) => {
      const ref = e.scratch(bytesOf(spec));
      runtime.write(e.addresses[ref], data);
      return { spec, layout: "contiguous", ref };
    });
    const place = (spec, layout) => ({ spec, layout, ref: e.scratch(bytesOf(spec)) });
    const relayout = (v, to) => {
      const other = place(v.spec, to);
      const from = e.list.length;
      emitRelayout(e, v, other);
      before.push(...e.list.splice(from));
      return other;
    };
    const before = [];
    const spec = op.shape(
      inputs.map((i) => i.spec),
      attrs,
    );
    const output = lowerOp(op, kernelOf(op), e, made, attrs, spec, {
      relayout,
      output: (layout) => place(spec, layout),
      alias: (of) => ({ ...of, spec }),
    });
    const { once, each } = split(e.list, new Set(made.filter((_, i) => inputs[i].constant).map((v) => v.ref)));
    e.encode([...before, ...once])();
    const run = e.encode(each);
    const read = () => {
      const plain = place(spec, "contiguous");
      const from = e.list.length;
      emitRelayout(e, output, plain);
      e.encode(e.list.slice(from))();
      const values = new Float32Array(spec.shape.reduce((a, d) => a * d, 1));
      runtime.read(e.addresses[plain.ref], values);
      return values;
    };
    return fn(run, read);
  } finally {
    e.free();
  }
}

/** Commands that read nothing but constants run once. */
function split(commands, constant) {
  const [once, each] = [[], []];
  for (const c of commands) {
    const [read, written] = [c.refs.slice(0, -c.writes), c.refs.slice(-c.writes)];
    const fixed = read.every((ref) => constant.has(ref));
    if (fixed) for (const ref of written) constant.add(ref);
    (fixed ? once : each).push(c);
  }
  return { once, each };
}
