import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as fovea from "../index.ts";
import { compile, grad, gradCheck, tensor, type Tensor, type ValuesAndIndices } from "../index.ts";
import { describeEngines } from "../testing/engines.ts";

/** What test/fixtures/sampling.py wrote down: PyTorch 1.13's results and gradients (RoIAlign: torchvision's loops). */
interface Case {
  readonly call: string;
  readonly inputs: readonly Made[];
  readonly args: readonly unknown[];
  readonly y: { readonly shape: readonly number[]; readonly values: readonly number[] };
  readonly gradients: readonly (readonly number[] | null)[];
  readonly indices?: readonly number[];
  readonly boxes?: number[][];
  readonly batch?: number[];
}
type Made = { shape: number[]; values: number[] } | { shape: number[]; scale: number; offset: number };

const fixture = JSON.parse(readFileSync(new URL("../../test/fixtures/sampling.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
  readonly nearest: readonly (readonly ["nearest" | "nearest-exact", number, object, readonly number[]])[];
};

function make(input: Made): Tensor {
  if ("values" in input) return tensor(input.values, { shape: input.shape });
  const count = input.shape.reduce((n, d) => n * d, 1);
  const value = (i: number) => ((((7919 * i) % count) - Math.floor(count / 2)) / 64) * input.scale + input.offset;
  return tensor(
    Float32Array.from({ length: count }, (_, i) => value(i)),
    { shape: input.shape },
  );
}

type Call = (...args: unknown[]) => Tensor | ValuesAndIndices;

/** The inputs that are not differentiated: indices, boxes. */
function constants(c: Case): Tensor[] {
  const int = (values: readonly number[], shape: readonly number[]) => tensor(Int32Array.from(values), { shape });
  if (c.call.startsWith("maxUnpool")) return [int(c.indices!, c.inputs[0]!.shape)];
  return c.boxes ? [tensor(c.boxes), int(c.batch!, [c.batch!.length])] : [];
}

function run(c: Case, inputs: readonly Tensor[]): { y: Tensor; indices: Tensor | null } {
  const result = (fovea[c.call as keyof typeof fovea] as Call)(...inputs, ...constants(c), ...c.args);
  return "values" in result ? { y: result.values, indices: result.indices } : { y: result, indices: null };
}

/** |got − want| ≤ 2e-5 · max(1, |want|): PyTorch works in single precision, and the fixture has 6 digits. */
function expectClose(got: Tensor, want: readonly number[]): void {
  const values = got.storage.values();
  expect(values.length).toBe(want.length);
  want.forEach((w, i) => {
    if (!(Math.abs(values[i]! - w) <= 2e-5 * Math.max(1, Math.abs(w))))
      expect.fail(`element ${i}: ${values[i]}, want ${w}`);
  });
}

const title = (c: Case): string =>
  `${c.call} of ${c.inputs.map((x) => `[${x.shape.join(", ")}]`).join(", ")} with ${JSON.stringify(c.args).slice(1, -1)}`;

describeEngines("PyTorch's numbers", () => {
  for (const c of fixture.cases) {
    it(title(c), () => {
      const inputs = c.inputs.map((x) => make(x).requireGrad());
      const { y, indices } = run(c, inputs);
      expect(y.shape).toEqual(c.y.shape);
      expectClose(y, c.y.values);
      if (indices) expect([...indices.storage.values()]).toEqual(c.indices);
      const g = tensor(
        Float32Array.from({ length: y.size }, (_, i) => (((5 * i) % 7) - 3) / 2),
        { shape: y.shape },
      );
      const gradients = grad(y, inputs, { gradient: g });
      c.gradients.forEach((want, k) => {
        // PyTorch gives no gradient, or zeros, for a grid that only picks pixels.
        if (want?.some((v) => v !== 0)) expectClose(gradients[k]!, want);
      });
    });
  }

  it("a convolution's layout and compiling change nothing", () => {
    for (const c of fixture.cases) {
      if (c.call === "roiAlign" && (c.args[0] as { samplingRatio: number }).samplingRatio === 0) continue;
      const inputs = c.inputs.map(make);
      const eager = Array.from(run(c, inputs).y.storage.values());
      const channels = inputs[0]!.shape[1]!;
      const identity = fovea.arange(channels).reshape([-1, 1]).equal(fovea.arange(channels)).cast("float32");
      const weight = identity.reshape([channels, channels, 1, 1]);
      const step = compile((x: Tensor, ...rest: Tensor[]) => {
        const moved = x.rank === 4 ? x.conv2d(weight) : x;
        return run(c, [moved, ...rest]).y;
      });
      for (let replay = 0; replay < 2; replay++) {
        const [first, ...rest] = inputs;
        expect(Array.from(step(first!, ...rest).storage.values()), title(c)).toEqual(eager);
      }
      step.dispose();
    }
  });

  it("nearest picks PyTorch's pixels for all sizes and scales", () => {
    for (const [mode, size, options, pixels] of fixture.nearest) {
      const y = fovea.interpolate(fovea.arange(size).reshape([1, 1, size]), { ...options, mode });
      expect([...y.storage.values()], `${mode} of ${size} with ${JSON.stringify(options)}`).toEqual(pixels);
    }
  });
});

describe("finite differences", () => {
  for (const c of fixture.cases) {
    // A grid position is differentiable except on pixel borders, where the fixture's are not.
    it(title(c), () => {
      gradCheck((...inputs) => run(c, inputs).y, c.inputs.map(make), { samples: 4 });
    });
  }
});
