import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  availableEngines,
  compile,
  FormatError,
  noGrad,
  RandomStream,
  ShapeError,
  tensor,
  UnsupportedOpError,
  withEngine,
  type Tensor,
} from "fovea";
import { folderSource, mnist } from "fovea/data";
import { loadOnnx, parseNpz, readOnnx, validateOnnx } from "fovea/io";
import { repository, run, sharedFolder } from "./workspace.ts";

const backend = sharedFolder("data/onnx-backend");
const pretrained = sharedFolder("data/pretrained");
const digits = sharedFolder("data/mnist");
const engines = availableEngines().filter((name) => name !== "reference");

describe.skipIf(backend === null)("ONNX backend tests (../shared/data/onnx-backend)", () => {
  /** The families that Fovea promises. */
  const families = new Set(
    (
      "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant " +
      "ConstantOfShape Conv ConvTranspose CumSum DepthToSpace Div Dropout Elu Equal Erf Exp Expand EyeLike Flatten Floor " +
      "Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual " +
      "GridSample GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization LRN LayerNormalization " +
      "LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul Max MaxPool MaxUnpool Mean " +
      "MeanVarianceNormalization Min Mish Mod Mul Neg NegativeLogLikelihoodLoss NonMaxSuppression Not OneHot Or PRelu Pad " +
      "Pow Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd " +
      "ReduceSum ReduceSumSquare Relu Reshape Resize RoiAlign Round ScatterElements ScatterND Selu Shape Shrink Sigmoid " +
      "Sign Sin Cos Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum " +
      "Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where Xor"
    ).split(" "),
  );

  it("every test of the promised families that a runtime confirms passes; none fails", () => {
    const lines = run("node", ["conformance/main.mjs", "--onnx", backend!, "--engine", engines.join(","), "--list"], {
      cwd: repository,
      maxBuffer: 1 << 26,
    });
    const outcomes = new Map<string, string>();
    for (const line of lines.split("\n")) {
      const found = /^(passed|failed|unsupported) (\S+)/.exec(line);
      if (found) outcomes.set(found[2]!, found[1]!);
    }
    interface Entry {
      readonly suite: string;
      readonly test: string;
      readonly family: string;
      readonly onnxruntime: string;
    }
    const index = JSON.parse(readFileSync(join(backend!, "INDEX.json"), "utf8")) as Entry[];
    const promised = index.filter(({ family, onnxruntime }) => families.has(family) && onnxruntime === "agrees");
    const names = promised.map(({ suite, test }) => `${suite}/${test}`);
    for (const name of outcomes.keys()) if (name.startsWith("light/")) names.push(name);
    expect(names.filter((name) => outcomes.get(name) !== "passed")).toEqual([]);
    expect(names).toHaveLength(657);
    const summary = JSON.parse(lines.trim().split("\n").at(-1)!) as { failed: number; passed: number };
    expect(summary.failed).toBe(0);
    expect(summary.passed).toBeGreaterThanOrEqual(657);
  });
});

describe.skipIf(pretrained === null)("real ONNX models (../shared/data/pretrained)", () => {
  const files = {
    ultraface: "version-RFB-320.onnx",
    yunet: "yunet_n_320_320.onnx",
    fastestdet: "FastestDet.onnx",
    deeplab: "deeplab_dm05_513_nchw.onnx",
  } as const;

  for (const engine of engines) {
    it.each(Object.entries(files))(
      `%s gives the reference outputs to 1e-4 on ${engine}, eager and compiled`,
      async (folder, file) => {
        const path = join(pretrained!, folder, file);
        expect(validateOnnx(readFileSync(path), file)).toEqual([]);
        const model = await readOnnx(path);
        const reference = parseNpz(readFileSync(join(pretrained!, folder, "reference_io.npz")), folder);
        const { data, shape } = reference.get("input")!;
        const { eager, compiled } = withEngine(engine, () =>
          noGrad(() => {
            const x = tensor(data, { shape });
            return { eager: model.run(x), compiled: compile((t: Tensor) => model.run(t))(x) };
          }),
        );
        expect(Object.keys(eager)).toHaveLength(reference.size - 1);
        for (const [name, y] of Object.entries(eager)) {
          const wanted = reference.get(`output_${name.replaceAll(/\W+/g, "_")}`)!;
          expect(y.shape).toEqual(wanted.shape);
          // Not bit for bit: compiled, residuals start a sum that they end eagerly, and batch norms are in the weights.
          for (const got of [await y.data(), await compiled[name]!.data()]) {
            let largest = 0;
            let worst = 0;
            for (let i = 0; i < got.length; i++) {
              largest = Math.max(largest, Math.abs(wanted.data[i]!));
              worst = Math.max(worst, Math.abs(wanted.data[i]! - got[i]!));
            }
            expect(got).toHaveLength(wanted.data.length);
            expect(worst / largest).toBeLessThan(1e-4);
          }
        }
      },
    );
  }

  it.skipIf(digits === null)("mnist-onnx reads 9,891 (± 1) of the 10,000 test digits of MNIST", async () => {
    const model = await readOnnx(join(pretrained!, "mnist-onnx", "opt-mnist.onnx"));
    const test = await mnist(folderSource(digits!), "test");
    const classify = compile((x: Tensor) => model.forward(x).argmax(1));
    let right = 0;
    for (let i = 0; i < test.length; i++) {
      const x = tensor(Float32Array.from(test.image(i)), { shape: [1, 1, 28, 28] }); // 0 … 255
      right += Number(classify(x).storage.values()[0] === test.labels[i]);
    }
    expect(Math.abs(right - 9891)).toBeLessThanOrEqual(1);
  });

  it("super_resolution.onnx, of IR version 1, gives a clear error", async () => {
    const path = join(pretrained!, "super-resolution", "super_resolution.onnx");
    await expect(readOnnx(path)).rejects.toThrow(
      /super_resolution\.onnx has IR version 1 and names no operator set: files before IR version 3 .* export the model again/,
    );
  });

  /** Loading must end in a model or in an error that says why, quickly, without claiming memory. */
  function tryToLoad(file: Uint8Array): string {
    const before = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    let outcome = "loaded";
    try {
      loadOnnx(file, "fuzzed");
    } catch (error) {
      if (!(error instanceof FormatError || error instanceof UnsupportedOpError || error instanceof ShapeError))
        throw error;
      expect(error.message).toMatch(/^fuzzed/);
      outcome = error.name;
    }
    expect(performance.now() - start).toBeLessThan(5_000);
    // the widest reading is a double per byte
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * file.length + (64 << 20));
    return outcome;
  }

  it.each([
    ["mnist-onnx/opt-mnist.onnx", 1400],
    ["yunet/yunet_n_320_320.onnx", 500],
    ["fastestdet/FastestDet.onnx", 300],
  ])("%s truncated and mutated is refused with a reason or loads", (path, mutations) => {
    const file = Uint8Array.from(readFileSync(join(pretrained!, path)));
    const random = new RandomStream(7);
    const outcomes: Record<string, number> = {};
    const count = (outcome: string) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);
    for (let i = 0; i < 150; i++) count(tryToLoad(file.subarray(0, random.int(file.length))));
    expect(Object.keys(outcomes)).toEqual(["FormatError"]);
    for (let i = 0; i < mutations; i++) {
      const mutated = file.slice();
      // The structure is at the ends of messages: half of the mutations hit the first and last parts of the file.
      const flips = 1 + random.int(4);
      for (let k = 0; k < flips; k++) {
        const edge =
          random.int(2) === 0 ? random.int(file.length) : file.length - 1 - random.int(Math.min(20_000, file.length));
        mutated[edge] = random.int(256);
      }
      count(tryToLoad(mutated));
    }
    expect(outcomes["loaded"]).toBeGreaterThan(0);
  });
});
