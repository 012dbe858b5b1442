import { describe, expect, it } from "vitest";
import {
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  gradCheck,
  sparseConvMatrix,
  tensor,
  type Tensor,
} from "../index.ts";
import { convSettings, plainConv, transposeSettings, type ConvSetting } from "../testing/convSettings.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import { resolveConv, type ConvOptions } from "./convShape.ts";
import type { ConvTransposeOptions } from "./convTranspose.ts";

type Conv<O> = (x: Tensor, weight: Tensor, bias: Tensor | null, options: O) => Tensor;
const forward = { 1: conv1d, 2: conv2d, 3: conv3d } as Record<1 | 2 | 3, Conv<ConvOptions>>;
const backward = { 1: convTranspose1d, 2: convTranspose2d, 3: convTranspose3d } as Record<
  1 | 2 | 3,
  Conv<ConvTransposeOptions>
>;

const random = (shape: Shape, next: () => number): Tensor =>
  tensor(Float32Array.from({ length: sizeOf(shape) }, next), { shape });

const values = (x: Tensor): number[] => Array.from(x.storage.values());

const dot = (a: Tensor, b: Tensor): { value: number; size: number } => {
  const [p, q] = [values(a), values(b)];
  expect(a.shape).toEqual(b.shape);
  return { value: p.reduce((sum, v, i) => sum + v * q[i]!, 0), size: norm(a) * norm(b) };
};

const norm = (t: Tensor): number => Math.sqrt(values(t).reduce((sum, v) => sum + v * v, 0));

/** √K · 2⁻²⁴ · ‖x‖ ‖w‖ with c = 4: what a sum of K float32 products may lose, its terms being of any sign. */
function allowed(x: Tensor, weight: Tensor): number {
  const depth = sizeOf(weight.shape.slice(1));
  return 4 * Math.sqrt(depth) * 2 ** -24 * norm(x) * norm(weight);
}

function close(got: Tensor, want: ArrayLike<number>, tolerance: number): void {
  expect(got.size).toBe(want.length);
  values(got).forEach((v, i) => {
    if (!(Math.abs(v - want[i]!) <= tolerance)) expect.fail(`element ${i}: got ${v}, want ${want[i]} ± ${tolerance}`);
  });
}

describeEngines("a seeded grid of convolutions", () => {
  it("agrees with the definition in 150 settings of stride, padding, mode, dilation, groups and dimension", () => {
    const next = testNumbers(1);
    for (const { name, axes, x: shape, weight: kernel, options } of convSettings(150, 11)) {
      const [x, weight] = [random(shape, next), random(kernel, next)];
      const y = forward[axes](x, weight, null, options);
      const { attrs, mode } = resolveConv(shape, kernel, options, axes, name);
      const want = plainConv(values(x), values(weight), { x: shape, weight: kernel, y: y.shape }, { ...attrs, mode });
      close(y, want, allowed(x, weight));
    }
  });

  it("is adjoint to the convolution's matrix: ⟨Cx, y⟩ = ⟨x, Cᵀy⟩ in 60 settings", () => {
    const next = testNumbers(2);
    for (const {
      axes,
      x: [, ...shape],
      weight: kernel,
      options,
    } of convSettings(60, 12)) {
      const [x, weight] = [random([1, ...shape], next), random(kernel, next)];
      const matrix = sparseConvMatrix(weight, shape.slice(1), options);
      const y = forward[axes](x, weight, null, options);
      const flat = x.reshape([x.size]);
      close(matrix.matmul(flat), values(y), allowed(x, weight));
      const g = random(y.shape, next);
      const [left, right] = [dot(y, g), dot(flat, matrix.transpose().matmul(g.reshape([g.size])))];
      expect(Math.abs(left.value - right.value)).toBeLessThanOrEqual(allowed(x, weight) * (1 + norm(g)) * 4);
    }
  });

  it("transposed: ⟨conv(x), y⟩ = ⟨x, convTranspose(y)⟩ in 90 settings", () => {
    const next = testNumbers(3);
    for (const { axes, x: shape, weight: kernel, options } of transposeSettings(90, 13)) {
      const [g, weight] = [random(shape, next), random(kernel, next)];
      const back = backward[axes](g, weight, null, options);
      const x = random(back.shape, next);
      // The convolution that is transposed, cut to the windows that g has: output padding leaves room for one more.
      const { outputPadding: _, padding: given = 0, ...rest } = options;
      const padding = given === "same" ? sameOf({ axes, x: shape, weight: kernel, options }) : given;
      const y = forward[axes](x, weight, null, { ...rest, padding });
      const cut = y.slice([0, 0, ...shape.slice(2).map(() => 0)], [...shape]);
      const [left, right] = [dot(cut, g), dot(x, back)];
      expect(Math.abs(left.value - right.value)).toBeLessThanOrEqual(1e-6 * (left.size + right.size));
    }
  });
});

/** TensorFlow's padding of the convolution from size · stride outputs, in numbers. */
function sameOf({
  axes,
  x,
  weight,
  options,
}: Pick<ConvSetting<ConvTransposeOptions>, "axes" | "x" | "weight" | "options">) {
  const stride = options.stride as readonly number[];
  const shape = [x[0]!, weight[1]! * (options.groups ?? 1), ...x.slice(2).map((d, k) => d * stride[k]!)];
  const { outputPadding: _, ...rest } = options;
  return resolveConv(shape, weight, { ...rest, padding: "same" }, axes, "same").attrs.padding;
}

describe("gradients against finite differences", () => {
  const settings = convSettings(180, 21);
  it(`${settings.length} seeded convolutions, stride 2 × dilation 2 × groups 4 in every padding mode and dimension first`, () => {
    const next = testNumbers(4);
    for (const { name, axes, x, weight, outChannels, options } of settings) {
      const inputs = [random(x, next), random(weight, next), random([outChannels], next)];
      const report = gradCheck((a, w, b) => forward[axes](a!, w!, b!, options), inputs, { samples: 3, throws: false });
      expect(report.passed, `${name}: ${JSON.stringify(report.entries)}`).toBe(true);
    }
  });

  const transposes = transposeSettings(60, 22);
  it(`${transposes.length} seeded transposed convolutions`, () => {
    const next = testNumbers(5);
    for (const { name, axes, x, weight, outChannels, options } of transposes) {
      const inputs = [random(x, next), random(weight, next), random([outChannels], next)];
      const report = gradCheck((a, w, b) => backward[axes](a!, w!, b!, options), inputs, { samples: 3, throws: false });
      expect(report.passed, `${name}: ${JSON.stringify(report.entries)}`).toBe(true);
    }
  });
});
