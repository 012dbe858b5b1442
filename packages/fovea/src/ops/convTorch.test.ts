import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  fold,
  grad,
  padMode,
  tensor,
  unfold,
  type ConvOptions,
  type ConvTransposeOptions,
  type PaddingMode,
  type Side,
  type Tensor,
  type UnfoldOptions,
} from "../index.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import { describeEngines } from "../testing/engines.ts";

interface Result {
  readonly shape: Shape;
  readonly y: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}
interface Weighted<O> extends Result {
  readonly x: Shape;
  readonly weight: Shape;
  readonly bias: number;
  readonly options: O;
}
interface Fixture {
  readonly origin: string;
  readonly conv: readonly Weighted<ConvOptions>[];
  readonly convTranspose: readonly Weighted<ConvTransposeOptions>[];
  readonly pad: readonly (Result & { x: Shape; padding: readonly Side[]; mode: PaddingMode })[];
  readonly unfold: readonly (Result & {
    x: Shape;
    kernel: readonly number[];
    options: UnfoldOptions;
    folded: readonly number[];
  })[];
}

// Written by test/fixtures/convolutions.py
const fixture = JSON.parse(
  readFileSync(new URL("../../test/fixtures/convolutions.json", import.meta.url), "utf8"),
) as Fixture;

/** x[i] = ((a·i + b) mod m − ⌊m / 2⌋) / 2: every sum of products is exact in float32. */
const halves = (shape: Shape, a: number, b: number, m: number): Tensor =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => (((a * i + b) % m) - Math.floor(m / 2)) / 2),
    { shape },
  );

/** −0 is 0 in the fixture. */
const values = (x: Tensor): number[] => Array.from(x.storage.values(), (v) => v + 0);

/** Result and gradients equal PyTorch's in every bit. */
function check(fn: (...leaves: Tensor[]) => Tensor, leaves: readonly Tensor[], want: Result, name: string): void {
  for (const leaf of leaves) leaf.requireGrad();
  const y = fn(...leaves);
  expect(y.shape, name).toEqual(want.shape);
  expect(values(y), name).toEqual(want.y.map((v) => v + 0));
  const gradients = grad(y, leaves, { gradient: halves(y.shape, 5, 0, 7) });
  gradients.forEach((g, i) =>
    expect(values(g!), `${name}: gradient ${i}`).toEqual(want.gradients[i]!.map((v) => v + 0)),
  );
}

type Conv<O> = (x: Tensor, weight: Tensor, bias: Tensor, options: O) => Tensor;
const convs = [conv1d, conv2d, conv3d] as unknown as Conv<ConvOptions>[];
const transposes = [convTranspose1d, convTranspose2d, convTranspose3d] as unknown as Conv<ConvTransposeOptions>[];

function weighted<O>(fns: readonly Conv<O>[], cases: readonly Weighted<O>[]): void {
  for (const c of cases) {
    const fn = fns[c.x.length - 3]!;
    const leaves = [halves(c.x, 7, 3, 11), halves(c.weight, 5, 1, 9), halves([c.bias], 3, 0, 5)];
    check((x, w, b) => fn(x!, w!, b!, c.options), leaves, c, `x [${c.x.join()}] ${JSON.stringify(c.options)}`);
  }
}

describeEngines(`bit for bit as ${fixture.origin}`, () => {
  it(`${fixture.conv.length} convolutions: dimension × padding mode × stride × dilation × groups, with gradients`, () => {
    weighted(convs, fixture.conv);
  });

  it(`${fixture.convTranspose.length} transposed convolutions with output padding up to stride and dilation`, () => {
    weighted(transposes, fixture.convTranspose);
  });

  it(`${fixture.pad.length} paddings per side in every mode`, () => {
    for (const c of fixture.pad) {
      check(
        (x) => padMode(x!, c.padding, c.mode),
        [halves(c.x, 7, 3, 11)],
        c,
        `${c.mode} ${JSON.stringify(c.padding)}`,
      );
    }
  });

  it(`${fixture.unfold.length} unfolds and folds`, () => {
    for (const c of fixture.unfold) {
      const [x, name] = [halves(c.x, 7, 3, 11), JSON.stringify(c.options)];
      const back = fold(unfold(x, c.kernel, c.options), c.x.slice(2), c.kernel, c.options);
      expect(values(back)).toEqual(c.folded.map((v) => v + 0));
      check((v) => unfold(v!, c.kernel, c.options), [x], c, name);
    }
  });
});
