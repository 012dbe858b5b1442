import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { init } from "../backend/engines.ts";
import { compile } from "../graph/compile.ts";
import { batchNorm } from "../ops/batchNorm.ts";
import { avgPool2d } from "../ops/avgPool.ts";
import { conv2d } from "../ops/conv2d.ts";
import type { Conv2dOptions } from "../ops/convShape.ts";
import { interpolate } from "../ops/interpolate.ts";
import { linear } from "../ops/linear.ts";
import { concat } from "../ops/movement.ts";
import { noGrad } from "../tensor/apply.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { parseNpz } from "./npz.ts";
import type { OnnxModel } from "./onnx/module.ts";
import { toHostTensor } from "./stored-dtype.ts";
import { readWeights } from "./weights.ts";

// Expected results: SOURCES.md and the outputs of onnxruntime 1.30.0 beside the files.
const data = join(process.env["FOVEA_SHARED"] ?? join(import.meta.dirname, "../../../../../shared"), "data");
const pretrained = join(data, "pretrained");

/** The weights of a file, and layers that look theirs up by PyTorch's names; `unused` are those nobody asked for. */
async function openNetwork(path: string) {
  const { tensors } = await readWeights(join(pretrained, path));
  const unused = new Set([...tensors.keys()].filter((name) => !name.endsWith("num_batches_tracked")));
  const weights = new Map<string, Tensor>();
  for (const [name, stored] of tensors) {
    const { data: values, shape, dtype } = toHostTensor(stored, name);
    weights.set(name, tensor(values, { shape, dtype }));
  }
  const weight = (name: string): Tensor => {
    unused.delete(name);
    return weights.get(name)!;
  };
  const conv = (x: Tensor, name: string, options: Conv2dOptions = {}): Tensor =>
    conv2d(x, weight(`${name}.weight`), weights.has(`${name}.bias`) ? weight(`${name}.bias`) : null, options);
  const norm = (x: Tensor, name: string): Tensor =>
    batchNorm(
      x,
      weight(`${name}.running_mean`),
      weight(`${name}.running_var`),
      weight(`${name}.weight`),
      weight(`${name}.bias`),
      { eps: 1e-5 },
    );
  const dense = (x: Tensor, name: string): Tensor => linear(x, weight(`${name}.weight`), weight(`${name}.bias`));
  return { conv, norm, dense, unused };
}

type Network = Awaited<ReturnType<typeof openNetwork>>;

const reference = (path: string) => parseNpz(new Uint8Array(readFileSync(join(pretrained, path))), path);

function expectNear(ours: ArrayLike<number>, theirs: ArrayLike<number>, tolerance: number, what: string): void {
  expect(ours.length, what).toBe(theirs.length);
  let error = 0;
  for (let i = 0; i < ours.length; i++) error = Math.max(error, Math.abs(ours[i]! - theirs[i]!));
  expect(error, what).toBeLessThan(tolerance);
}

describe.skipIf(!existsSync(pretrained))("PyTorch weights of others, in networks of their own (../shared/data)", () => {
  beforeAll(() => init());

  // Of the same network, after different trainings: 3,752 and 7,504 batches. SOURCES.md states the second number for both;
  // NumPy in double precision gives 9,915 for the first.
  for (const [file, wanted] of [
    ["mnist.pt", 9_915],
    ["mnist.safetensors", 9_917],
  ] as const) {
    it(`mnist-burn/${file}: ${wanted} of 10,000 MNIST test images`, async () => {
      const { conv, norm, dense, unused } = await openNetwork(`mnist-burn/${file}`);
      const forward = compile((x: Tensor) => {
        let y = conv(x, "conv1").relu();
        y = conv(y, "conv2").relu();
        y = norm(conv(y, "conv3").relu(), "norm1");
        y = dense(y.flatten(1), "fc1").relu();
        return norm(dense(y, "fc2"), "norm2");
      });
      const pixels = gunzipSync(readFileSync(join(data, "mnist/t10k-images-idx3-ubyte.gz"))).subarray(16);
      const labels = gunzipSync(readFileSync(join(data, "mnist/t10k-labels-idx1-ubyte.gz"))).subarray(8);
      let right = 0;
      for (let from = 0; from < 10_000; from += 250) {
        const part = Float32Array.from(
          pixels.subarray(from * 784, (from + 250) * 784),
          (v) => (v / 255 - 0.1307) / 0.3081,
        );
        const logits = await noGrad(() => forward(tensor(part, { shape: [250, 1, 28, 28] }))).data();
        for (let i = 0; i < 250; i++) {
          const row = logits.subarray(10 * i, 10 * i + 10);
          if (row.indexOf(Math.max(...row)) === labels[from + i]) right++;
        }
      }
      expect(unused).toEqual(new Set());
      expect(right).toBe(wanted);
    });
  }

  it("UltraFace RFB-320: .pth and .onnx agree with each other and with onnxruntime", async () => {
    const network = await openNetwork("ultraface/version-RFB-320.pth");
    const io = reference("ultraface/reference_io.npz");
    const x = tensor(io.get("input")!.data as Float32Array, { shape: [1, 3, 240, 320] });
    const { scores, boxes } = noGrad(() => ultraFace(x, network));
    const { architecture } = await readWeights(join(pretrained, "ultraface/version-RFB-320.onnx"));
    const onnx = noGrad(() => (architecture!.build().model as unknown as OnnxModel).run(x));
    for (const [name, ours] of Object.entries({ scores, boxes })) {
      const wanted = io.get(`output_${name}`)!.data;
      expectNear(await ours.data(), wanted, 1e-4, `${name} of the .pth`);
      expectNear(await onnx[name]!.data(), wanted, 1e-4, `${name} of the .onnx`);
      expectNear(await ours.data(), await onnx[name]!.data(), 1e-4, `${name} of both`);
    }
    expect(network.unused).toEqual(new Set());
  });

  it("FastestDet: .pth and .onnx agree with each other and with onnxruntime", async () => {
    const network = await openNetwork("fastestdet/weight_AP05_0.253207_280-epoch.pth");
    const io = reference("fastestdet/reference_io.npz");
    const x = tensor(io.get("input")!.data as Float32Array, { shape: [1, 3, 352, 352] });
    const ours = await noGrad(() => fastestDet(x, network)).data();
    const { architecture } = await readWeights(join(pretrained, "fastestdet/FastestDet.onnx"));
    const onnx = await noGrad(() => (architecture!.build().model as unknown as OnnxModel).forward(x)).data();
    const wanted = io.get("output_758")!.data;
    expectNear(ours, wanted, 1e-4, "the .pth");
    expectNear(onnx, wanted, 1e-4, "the .onnx");
    expectNear(ours, onnx, 1e-4, "both");
    expect(network.unused).toEqual(new Set());
  });
});

/** Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB: Mb_Tiny_RFB and its SSD heads, 320 × 240. */
function ultraFace(x: Tensor, { conv, norm }: Network): { scores: Tensor; boxes: Tensor } {
  const block = (y: Tensor, name: string, groups: number, stride: number): Tensor => {
    const depthwise = norm(conv(y, `${name}.0`, { stride, padding: 1, groups }), `${name}.1`).relu();
    return norm(conv(depthwise, `${name}.3`), `${name}.4`).relu();
  };
  const basic = (y: Tensor, name: string, options: Conv2dOptions = {}): Tensor =>
    norm(conv(y, `${name}.conv`, options), `${name}.bn`);
  const field = (y: Tensor, name: string): Tensor => {
    const branch = (which: number, dilation: number, middle: number): Tensor => {
      let z = basic(y, `${name}.branch${which}.0`);
      for (let i = 1; i <= middle; i++) z = basic(z, `${name}.branch${which}.${i}`, { padding: 1 }).relu();
      return basic(z, `${name}.branch${which}.${middle + 1}`, { padding: dilation, dilation });
    };
    const joined = concat([branch(0, 2, 1), branch(1, 3, 1), branch(2, 5, 2)], 1);
    return basic(joined, `${name}.ConvLinear`)
      .add(basic(y, `${name}.shortcut`))
      .relu();
  };
  const separable = (y: Tensor, name: string, options: Conv2dOptions = {}): Tensor =>
    conv(conv(y, `${name}.0`, { padding: 1, groups: y.shape[1]!, ...options }).relu(), `${name}.2`);

  let y = norm(conv(x, "base_net.0.0", { stride: 2, padding: 1 }), "base_net.0.1").relu();
  for (const [i, stride] of [1, 2, 1, 2, 1, 1].entries()) y = block(y, `base_net.${i + 1}`, y.shape[1]!, stride);
  const maps = [(y = field(y, "base_net.7"))];
  for (const i of [8, 9, 10]) y = block(y, `base_net.${i}`, y.shape[1]!, i === 8 ? 2 : 1);
  maps.push(y);
  for (const i of [11, 12]) y = block(y, `base_net.${i}`, y.shape[1]!, i === 11 ? 2 : 1);
  maps.push(y);
  maps.push(separable(conv(y, "extras.0.0").relu(), "extras.0.2", { stride: 2 }).relu());

  const heads = (kind: string, size: number): Tensor =>
    concat(
      maps.map((map, i) => {
        const name = `${kind}_headers.${i}`;
        const out = i < 3 ? separable(map, name) : conv(map, name, { padding: 1 });
        return out.permute([0, 2, 3, 1]).reshape([1, -1, size]);
      }),
      1,
    );
  const scores = heads("classification", 2).softmax(-1);
  const offsets = heads("regression", 4);
  const priors = tensor(ultraFacePriors(maps), { shape: [1, offsets.shape[1]!, 4] });
  const part = (values: Tensor, at: number) => values.narrow(2, at, 2);
  const center = part(offsets, 0).mul(0.1).mul(part(priors, 2)).add(part(priors, 0));
  const half = part(offsets, 2).mul(0.2).exp().mul(part(priors, 2)).mul(0.5);
  return { scores, boxes: concat([center.sub(half), center.add(half)], 2) };
}

/** The boxes that offsets count from: (x, y, width, height) for each cell of each map. */
function ultraFacePriors(maps: readonly Tensor[]): Float32Array {
  const sides = [
    [10, 16, 24],
    [32, 48],
    [64, 96],
    [128, 192, 256],
  ];
  const list: number[] = [];
  for (const [k, { shape }] of maps.entries()) {
    const [height, width] = shape.slice(2) as [number, number];
    for (let j = 0; j < height; j++) {
      for (let i = 0; i < width; i++) {
        for (const side of sides[k]!) {
          const prior = [(i + 0.5) / width, (j + 0.5) / height, side / 320, side / 240];
          list.push(...prior.map((v) => Math.min(1, v)));
        }
      }
    }
  }
  return Float32Array.from(list);
}

/** dog-qiuqiu/FastestDet: ShuffleNetV2 0.5×-like backbone, an SPP block of depthwise 5×5, one anchor-free head. */
function fastestDet(x: Tensor, { conv, norm }: Network): Tensor {
  const pointwise = (y: Tensor, name: string, at: number): Tensor =>
    norm(conv(y, `${name}.${at}`), `${name}.${at + 1}`).relu();
  const depthwise = (y: Tensor, name: string, at: number, size: number, stride = 1): Tensor =>
    norm(conv(y, `${name}.${at}`, { stride, padding: (size - 1) / 2, groups: y.shape[1]! }), `${name}.${at + 1}`);
  const main = (y: Tensor, name: string, stride: number): Tensor =>
    pointwise(depthwise(pointwise(y, name, 0), name, 3, 3, stride), name, 5);
  const stage = (y: Tensor, name: string, blocks: number): Tensor => {
    const project = `${name}.0.branch_proj`;
    const side = pointwise(depthwise(y, project, 0, 3, 2), project, 2);
    let z = concat([side, main(y, `${name}.0.branch_main`, 2)], 1);
    for (let i = 1; i < blocks; i++) {
      const [n, c, h, w] = z.shape as [number, number, number, number];
      const pairs = z.reshape([n, c / 2, 2, h, w]); // even channels pass, odd ones go through the branch
      const [even, odd] = [0, 1].map((k) => pairs.narrow(2, k, 1).reshape([n, c / 2, h, w])) as [Tensor, Tensor];
      z = concat([even, main(odd, `${name}.${i}.branch_main`, 1)], 1);
    }
    return z;
  };

  const first = norm(conv(x, "backbone.first_conv.0", { stride: 2, padding: 1 }), "backbone.first_conv.1").relu();
  const fine = stage(first.maxPool2d(3, { stride: 2, padding: 1 }), "backbone.stage2", 4);
  const middle = stage(fine, "backbone.stage3", 8);
  const coarse = interpolate(stage(middle, "backbone.stage4", 4), { scaleFactor: 2 });
  const joined = concat([avgPool2d(fine, 3, { stride: 2, padding: 1 }), middle, coarse], 1);
  const base = pointwise(joined, "SPP.Conv1x1.conv1x1", 0);
  const fields = [1, 2, 3].map((count) => {
    let y = base;
    for (let i = 0; i < count; i++) y = depthwise(y, `SPP.S${count}`, 3 * i, 5).relu();
    return y;
  });
  const spp = norm(conv(concat(fields, 1), "SPP.output.0"), "SPP.output.1")
    .add(base)
    .relu();
  const head = pointwise(spp, "detect_head.conv1x1.conv1x1", 0);
  const branch = (kind: string): Tensor => {
    const name = `detect_head.${kind}_layers.conv5x5`;
    return norm(conv(depthwise(head, name, 0, 5).relu(), `${name}.3`), `${name}.4`);
  };
  return concat([branch("obj").sigmoid(), branch("reg"), branch("cls").softmax(1)], 1);
}
