import { DataLoader } from "../../data/loader.ts";
import { evaluate, type Evaluation } from "../../train/evaluate.ts";
import { showCount, showNumber, showPercent } from "../../train/format.ts";
import type { Command } from "../command.ts";
import { dataHelp, openData } from "../data.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { checkFits, imageShape, inOrder } from "../model.ts";
import { testPictures } from "../testPictures.ts";
import { openTrained } from "../trained.ts";

interface EvaluateCommandOptions extends EngineOptions {
  readonly data?: string;
  readonly json?: boolean;
}

export const evaluateCommand: Command<EvaluateCommandOptions> = {
  arguments: [{ name: "<run or weights>", description: "folder of a run, or a .safetensors file" }],
  options: [
    { flags: "--data <name or folder>", description: `${dataHelp} (default: what it was trained on)` },
    ...engineOptions,
    { flags: "--json", description: "print one JSON object, with the confusion matrix" },
  ],
  examples: [
    ["fovea evaluate runs/lenet5-strokes-1", "on the data it was trained on"],
    ["fovea evaluate runs/lenet5-strokes-1 --data mnist", "trained on strokes, does it read MNIST?"],
    ["fovea evaluate best.safetensors --data mnist --json", "any weights that fit"],
  ],
  async run(options, [path]) {
    useEngine(options);
    const { model, spec, file } = await openTrained(String(path));
    const name = options.data ?? (spec.data === "unknown" ? "strokes" : spec.data);
    const { preprocessing } = spec;
    let pictures: DataLoader;
    if (preprocessing === undefined) {
      const data = await (await openData(name, console.error)).test(imageShape(spec));
      checkFits(spec, data);
      pictures = inOrder(data, spec);
    } else {
      pictures = await testPictures(name, spec, preprocessing, console.error);
    }
    const result = await evaluate(model, pictures);
    const facts = { model: spec.model, weights: file, data: name, images: result.images };
    if (options.json) {
      const { accuracy, loss, confusion } = result;
      console.log(JSON.stringify({ ...facts, accuracy, loss, classes: confusion.scores(), confusion }));
    } else {
      console.log(describe(result, facts));
    }
  },
};

const cell = (share: number) => showPercent(share, 1).padStart(9);

function describe(
  { accuracy, loss, confusion, images }: Evaluation,
  { weights, data }: { weights: string; data: string },
): string {
  const scores = confusion.scores();
  const width = Math.max(5, ...scores.map(({ name }) => name.length));
  return [
    `accuracy ${showPercent(accuracy)}, loss ${showNumber(loss)}, on ${showCount(images)} images (${data}) with ${weights}`,
    "",
    `${"class".padEnd(width)} ${["precision", "recall", "F1", "images"].map((title) => title.padStart(9)).join(" ")}`,
    ...scores.map(
      ({ name, precision, recall, f1, images: count }) =>
        `${name.padEnd(width)} ${cell(precision)} ${cell(recall)} ${cell(f1)} ${showCount(count).padStart(9)}`,
    ),
  ].join("\n");
}
