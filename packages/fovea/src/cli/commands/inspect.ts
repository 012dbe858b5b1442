import { readWeights } from "../../io/weights.ts";
import type { WeightsFile } from "../../io/weightsFile.ts";
import { showBytes, showCount } from "../../train/format.ts";
import type { Command } from "../command.ts";

export const inspect: Command<{ json?: boolean }> = {
  arguments: [
    {
      name: "<file>",
      description:
        "safetensors, PyTorch, Keras (.h5, .keras), ONNX, Darknet, TensorFlow.js, .npy or .npz; known by its contents",
    },
  ],
  options: [{ flags: "--json", description: "print one JSON object" }],
  examples: [
    ["fovea inspect resnet20.th", "names, shapes and dtypes of a PyTorch file"],
    ["fovea inspect model.h5 --json", "a whole model of Keras, with its layers, for scripts"],
  ],
  async run(options, [path]) {
    const file = String(path);
    const facts = describeFile(file, await readWeights(file));
    console.log(options.json ? JSON.stringify(facts) : show(facts));
  },
};

function describeFile(file: string, { format, tensors, metadata, architecture }: WeightsFile) {
  const list = Array.from(tensors, ([name, { dtype, shape, data }]) => ({
    name,
    dtype,
    shape,
    elements: data.length,
    bytes: data.byteLength,
  }));
  return {
    file,
    format,
    tensors: list,
    elements: list.reduce((sum, { elements }) => sum + elements, 0),
    bytes: list.reduce((sum, { bytes }) => sum + bytes, 0),
    metadata: Object.fromEntries(metadata),
    architecture: architecture?.layers ?? null,
  };
}

const MAX_TEXT = 100;

function show(facts: ReturnType<typeof describeFile>): string {
  const rows = facts.tensors.map(({ name, dtype, shape, elements }) => [
    name,
    dtype,
    `[${shape.join(", ")}]`,
    showCount(elements),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  const lines = [
    `${facts.file}: ${facts.format}, ${facts.tensors.length} tensors, ${showCount(facts.elements)} numbers, ${showBytes(facts.bytes)}`,
  ];
  const cut = (text: string) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text).replaceAll("\n", " ");
  for (const [key, value] of Object.entries(facts.metadata)) lines.push(`  ${key}: ${cut(value)}`);
  lines.push("");
  for (const row of rows) {
    const cells = row.map((cell, i) => (i === 3 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    lines.push(`  ${cells.join("  ")}`);
  }
  if (facts.architecture !== null) {
    lines.push("", `architecture, ${facts.architecture.length} layers:`);
    for (const layer of facts.architecture) lines.push(`  ${layer}`);
  }
  return lines.join("\n");
}
