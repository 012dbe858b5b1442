import { expect, it } from "vitest";
import { setThreads, threads } from "../../engines.ts";
import { compile } from "../../../graph/compile.ts";
import { conv2d } from "../../../ops/conv2d.ts";
import { tensor } from "../../../tensor/create.ts";
import type { Tensor } from "../../../tensor.ts";
import { testNumbers } from "../../../testing/cases.ts";
import { equalBits } from "../../../testing/compiled.ts";
import { describeEngines } from "../../../testing/engines.ts";
import { cpuEngines } from "../../../testing/suite.ts";

interface Block {
  readonly name: string;
  /** Channels of the input, in between, and of the result. */
  readonly channels: readonly [number, number, number];
  readonly images: number;
  readonly size: readonly [number, number];
  readonly expansion?: { readonly kernel: number; readonly stride: number };
  readonly deep?: { readonly kernel: readonly [number, number]; readonly stride: number };
  readonly activation?: (t: Tensor) => Tensor;
}

const relu6 = (t: Tensor) => t.clamp(0, 6);

// The result in between has to be larger than 512 KB.
const blocks: Block[] = [
  { name: "shortcut", channels: [16, 96, 16], images: 1, size: [40, 41] },
  { name: "several images", channels: [24, 130, 24], images: 7, size: [13, 15], activation: (t) => t.relu() },
  { name: "stride 2", channels: [8, 48, 20], images: 2, size: [45, 46], deep: { kernel: [3, 3], stride: 2 } },
  { name: "5×5", channels: [10, 50, 10], images: 1, size: [53, 57], deep: { kernel: [5, 5], stride: 1 } },
  { name: "7×5, stride 2", channels: [9, 50, 12], images: 1, size: [53, 57], deep: { kernel: [7, 5], stride: 2 } },
  { name: "stem of planes", channels: [3, 33, 17], images: 2, size: [100, 101], expansion: { kernel: 3, stride: 2 } },
  { name: "wide maps", channels: [4, 48, 4], images: 1, size: [5, 600], activation: (t) => t.silu() },
];

function makeBlock({ channels: [input, wide, output], images, size, expansion, deep, activation = relu6 }: Block) {
  const { kernel: k1, stride: s1 } = expansion ?? { kernel: 1, stride: 1 };
  const { kernel, stride } = deep ?? { kernel: [3, 3], stride: 1 };
  const random = (seed: number, shape: number[]) => {
    const next = testNumbers(seed);
    return tensor(Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, next), { shape });
  };
  const weights = [
    random(1, [wide, input, k1, k1]),
    random(2, [wide, 1, ...kernel]),
    random(3, [output, wide, 1, 1]),
  ] as const;
  const biases = [random(4, [wide]), random(5, [wide]), random(6, [output])] as const;
  const x = random(7, [images, input, ...size]);
  const residual = input === output && s1 === 1 && stride === 1;
  const fn = (t: Tensor): Tensor[] => {
    const a = activation(conv2d(t, weights[0], biases[0], { stride: s1, padding: k1 >> 1 }));
    const padding = [kernel[0]! >> 1, kernel[1]! >> 1] as const;
    const d = activation(conv2d(a, weights[1], biases[1], { stride, padding, groups: wide }));
    const y = conv2d(d, weights[2], biases[2]);
    return [residual ? y.add(t) : y, a, d];
  };
  return { x, fn };
}

const kernelsOf = (f: ReturnType<typeof compile<Tensor[], Tensor>>) =>
  f.explainPlan().rows.flatMap((row) => row.kernels.filter((kernel) => /conv|depthwise/.test(kernel)));

describeEngines(
  "inverted residuals as one kernel",
  () => {
    it.each(blocks)("$name: the bits of the three kernels, for any number of threads", (block) => {
      const { x, fn } = makeBlock(block);
      const apart = compile(fn); // everything is a result, and has to be made
      const expected = apart(x)[0]!;
      const before = threads();
      try {
        for (const n of [1, 2, 3]) {
          setThreads(n);
          const together = compile((t: Tensor) => fn(t)[0]!);
          equalBits([together(x)], [expected]);
          expect(new Set(kernelsOf(together))).toEqual(new Set(["conv2d_bands"]));
        }
      } finally {
        setThreads(before);
      }
    });

    it("not where the result in between fits the cache", () => {
      const { x, fn } = makeBlock({ ...blocks[0]!, size: [14, 14] });
      const f = compile((t: Tensor) => fn(t)[0]!);
      f(x);
      expect(kernelsOf(f)).toEqual(["conv2d", "depthwise", "conv2d"]);
    });
  },
  cpuEngines,
);
