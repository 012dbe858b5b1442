import { extname } from "node:path";
import { FoveaError } from "../../base/errors.ts";
import { writeFileAtomic } from "../../io/files.ts";
import type { Functional } from "../../nn/keras/functional.ts";
import { Module, type AnyModule } from "../../nn/module.ts";
import { torchLayout } from "../../io/keras/torchLayout.ts";
import { encodeNpz } from "../../io/npz.ts";
import { exportOnnx } from "../../io/onnx/write.ts";
import { encodeSafetensors } from "../../io/safetensors.ts";
import { readWeights } from "../../io/weights.ts";
import type { BuiltModel, WeightsFile } from "../../io/weightsFile.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { showBytes, showCount } from "../../train/format.ts";
import type { Command } from "../command.ts";
import { CommandLineError } from "../errors.ts";
import { choice } from "../parse.ts";

interface ConvertOptions {
  readonly layout?: "torch" | "file";
  readonly json?: boolean;
}

interface Converted {
  readonly bytes: Uint8Array;
  /** Of the tensors that were written. */
  readonly sizes: readonly number[];
  readonly report: readonly string[];
}

const endings = [".safetensors", ".npz", ".onnx"] as const;

export const convert: Command<ConvertOptions> = {
  arguments: [
    { name: "<in>", description: "any file that `fovea inspect` shows" },
    { name: "<out>", description: `where to write; its ending chooses the format: ${endings.join(", ")}` },
  ],
  options: [
    {
      flags: "--layout <torch|file>",
      description: "weights of Keras in PyTorch's names and order of axes, or as the file has them (default: torch)",
      parse: choice(["torch", "file"]),
    },
    { flags: "--json", description: "print one JSON object, with every conversion" },
  ],
  examples: [
    ["fovea convert model.h5 model.safetensors", "Keras → PyTorch's names and layouts"],
    ["fovea convert yolo.cfg yolo.onnx", "a network with its architecture"],
    ["fovea convert weights.pth weights.npz", "tensors for NumPy, as they are"],
  ],
  async run(options, [from, to]) {
    const [input, output] = [String(from), String(to)];
    const ending = endings.find((e) => e === extname(output).toLowerCase());
    if (ending === undefined) {
      throw new CommandLineError(`cannot write ${output}: its ending must be one of ${endings.join(", ")}`);
    }
    const file = await readWeights(input);
    const { bytes, sizes, report } = convertFile(file, ending, options.layout ?? "torch", input);
    await writeFileAtomic(output, bytes);
    const elements = sizes.reduce((sum, size) => sum + size, 0);
    const facts = { input, format: file.format, output, tensors: sizes.length, elements, bytes: bytes.length };
    if (options.json) console.log(JSON.stringify({ ...facts, report }));
    else {
      for (const line of report) console.log(`  ${line}`);
      console.log(
        `${output}: ${facts.tensors} tensors, ${showCount(elements)} numbers, ${showBytes(bytes.length)}, from ${file.format}`,
      );
    }
  },
};

function convertFile(
  file: WeightsFile,
  ending: (typeof endings)[number],
  layout: "torch" | "file",
  input: string,
): Converted {
  if (ending === ".onnx") {
    if (file.architecture === null) {
      throw new FoveaError(
        `${input} holds weights alone, and ONNX wants a network; convert to .safetensors, or export the model in code with exportOnnx`,
      );
    }
    const built = file.architecture.build();
    const sizes = [...built.model.stateDict()].filter(([name]) => !name.endsWith("num_batches_tracked"));
    return { bytes: toOnnx(built), sizes: sizes.map(([, { size }]) => size), report: built.report };
  }
  const { tensors, report } = layout === "torch" ? inTorchLayout(file) : { tensors: file.tensors, report: [] };
  const bytes = ending === ".npz" ? encodeNpz(tensors) : encodeSafetensors(tensors, file.metadata);
  return { bytes, sizes: Array.from(tensors.values(), ({ data }) => data.length), report };
}

/** Keras' weights as PyTorch has them; what is not of Keras is so already. */
function inTorchLayout(file: WeightsFile): Pick<WeightsFile, "tensors"> & Pick<Converted, "report"> {
  if (!["HDF5", "Keras", "TensorFlow.js"].includes(file.format)) return { tensors: file.tensors, report: [] };
  if (file.architecture === null) {
    const report = ["there is no architecture in the file: names and layouts are kept as they are"];
    return { tensors: file.tensors, report };
  }
  const { model, report } = file.architecture.build();
  const converted = torchLayout(model as unknown as Functional);
  const left = report.filter((line) => !line.includes("→"));
  return { tensors: converted.tensors, report: [...left, ...converted.report] };
}

/** What has several outputs, as a module whose weights keep their names. */
class Whole extends Module<Tensor[], Tensor[]> {
  readonly network: AnyModule;
  readonly #run: BuiltModel["run"];

  constructor({ model, run }: BuiltModel) {
    super();
    this.network = model;
    this.#run = run;
  }

  forward(...inputs: Tensor[]): Tensor[] {
    return this.#run(inputs);
  }
}

function toOnnx(built: BuiltModel): Uint8Array {
  const shapes = built.inputShapes.map((shape) =>
    shape.map((d, axis) => {
      if (d === null && axis > 0) {
        throw new FoveaError(
          "the network leaves sizes of its input open; export it in code with exportOnnx and the sizes you want",
        );
      }
      return d ?? 1;
    }),
  );
  return exportOnnx(new Whole(built), shapes);
}
