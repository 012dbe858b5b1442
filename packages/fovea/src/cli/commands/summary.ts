import "../../tensor.ts"; // networks are written with tensor methods
import { create, inputShape } from "../../models/_registry.ts";
import { skipInit } from "../../nn/initFill.ts";
import type { ReceptiveField } from "../../graph/receptiveField.ts";
import { summarize, type Summary, type SummaryRow } from "../../nn/summary.ts";
import { showBytes, showCount } from "../../train/format.ts";
import type { Command } from "../command.ts";
import { checkModelName } from "../modelName.ts";
import { wholeNumber } from "../parse.ts";
import { showTable } from "../table.ts";
import { runUnoptimized } from "../unoptimized.ts";

interface SummaryOptions {
  readonly batch?: number;
  readonly size?: number;
  readonly depth?: number;
  readonly json?: boolean;
}

export const summary: Command<SummaryOptions> = {
  arguments: [{ name: "<model>", description: "name of a model; fovea zoo lists them" }],
  options: [
    { flags: "--batch <n>", description: "images at once", parse: wholeNumber(1, 4096), default: 1 },
    {
      flags: "--size <pixels>",
      description: "side of the images (default: what the model is made for)",
      parse: wholeNumber(1, 8192),
    },
    { flags: "--depth <n>", description: "levels of modules to show (default: all)", parse: wholeNumber(0, 100) },
    { flags: "--json", description: "print one JSON object" },
  ],
  examples: [
    ["fovea summary resnet50.torchvision", "every layer"],
    ["fovea summary hrnet-w48 --depth 1", "the parts"],
    ["fovea summary vgg16 --json", "for a program to read"],
  ],
  run({ batch = 1, size, depth = Infinity, json = false }, [argument]) {
    const name = checkModelName(String(argument));
    runUnoptimized();
    const [channels, ...sides] = inputShape(name);
    const input = [batch, channels!, ...(size === undefined ? sides : sides.map(() => size))];
    const result = summarize(
      skipInit(() => create(name)),
      input,
    );
    console.log(json ? JSON.stringify({ model: name, ...result }) : show(name, result, depth));
    return Promise.resolve();
  },
};

function show(name: string, result: Summary, depth: number): string {
  const { input, rows, parameters, trainable, statistics, macs, flops, memory } = result;
  const head = ["Layer", "Output", "Parameters", "Trained", "MACs", "Field", "Stride", "Padding"];
  const shown = rows.filter(({ path }) => levelOf(path) <= depth);
  const right = [false, false, true, true, true, true, true, true];
  return [
    `${name} on [${input.join(", ")}]`,
    "",
    showTable([head, ...shown.map(cells)], right),
    "",
    `parameters  ${showCount(parameters)}, ${showCount(trainable)} trained; ${showCount(parameters + statistics)} with running statistics`,
    `work        ${showCount(macs)} multiply–accumulates of convolutions and linear layers, ${showCount(flops)} FLOPs`,
    `memory      ${showBytes(memory.weights)} of weights, ${showBytes(memory.peak)} of results at one time, ${showBytes(memory.activations)} of results in all (for training)`,
    "Field, stride and padding: pixels of the image that a unit sees, from one unit to the next, and beyond the edge.",
  ].join("\n");
}

const levelOf = (path: string): number => (path === "" ? 0 : path.split(".").length);

function cells({ path, layer, outputShape, parameters, trainable, macs, receptiveField }: SummaryRow): string[] {
  const name = path.split(".").at(-1)!;
  const label = path === "" ? layer : `${"  ".repeat(levelOf(path))}${name}: ${layer}`;
  const trained = parameters === 0 ? "" : trainable === parameters ? "yes" : trainable === 0 ? "no" : "in part";
  return [
    label,
    outputShape === null ? "" : `[${outputShape.join(", ")}]`,
    parameters === 0 ? "" : showCount(parameters),
    trained,
    macs === 0 ? "" : showCount(macs),
    ...fieldCells(receptiveField),
  ];
}

function fieldCells(field: ReceptiveField | null): string[] {
  if (field === null) return ["", "", ""];
  const both = ([vertical, horizontal]: readonly [number, number]) =>
    vertical === horizontal ? String(vertical) : `${vertical}×${horizontal}`;
  return [both(field.size), both(field.stride), both(field.padding)];
}
