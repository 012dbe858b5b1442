import { exp } from "../../base/math.ts";
import { argmaxOf, makeClassifier } from "../../train/classifier.ts";
import { showPercent } from "../../train/format.ts";
import type { Command } from "../command.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { readImage } from "../../data/readImage.ts";
import { prepareImage } from "../prepareImage.ts";
import { imageShape } from "../model.ts";
import { openTrained } from "../trained.ts";

interface PredictOptions extends EngineOptions {
  readonly json?: boolean;
}

export const predictCommand: Command<PredictOptions> = {
  name: "predict",
  summary: "Say what is on pictures (PNG, JPEG)",
  arguments: [
    { name: "<run or weights>", description: "folder of a run, or a .safetensors file" },
    { name: "<image...>", description: "pictures of any size and colour; light paper is inverted, the ink is centred" },
  ],
  options: [...engineOptions, { flags: "--json", description: "print one JSON object per image" }],
  examples: [
    ["fovea predict runs/lenet5-strokes-1 digit.png", "a digit from a paint program, or photographed"],
    ["fovea predict runs/lenet5-strokes-1 *.jpg --json", "many, for a program to read"],
  ],
  async run(options, [path, images]) {
    useEngine(options);
    const { model, spec } = await openTrained(String(path));
    const shape = imageShape(spec);
    const classifier = makeClassifier(model);
    for (const file of images as readonly string[]) {
      const pixels = prepareImage(await readImage(file, { maxSide: 2048 }), shape, spec.data);
      const x = Float32Array.from(pixels, (byte) => byte / 255);
      const scores = await classifier.logProbabilities({ x, shape: [1, ...shape] });
      const probabilities = Array.from(scores, exp);
      const label = spec.classes[argmaxOf(scores)]!;
      if (options.json) {
        const byClass = spec.classes.map((name, i) => [name, probabilities[i]] as const);
        console.log(JSON.stringify({ image: file, label, probabilities: Object.fromEntries(byClass) }));
      } else {
        console.log(`${file}: ${label}\n${bars(spec.classes, probabilities)}`);
      }
    }
  },
};

const TOP = 5;
const WIDTH = 40;

/** The most probable classes, each with a bar. */
function bars(classes: readonly string[], probabilities: readonly number[]): string {
  const order = classes.map((name, i) => ({ name, p: probabilities[i]! })).toSorted((a, b) => b.p - a.p);
  const width = Math.max(...classes.map((name) => name.length));
  return order
    .slice(0, TOP)
    .map(
      ({ name, p }) =>
        `  ${name.padEnd(width)} ${"█".repeat(Math.round(p * WIDTH)).padEnd(WIDTH, "░")} ${showPercent(p, 1).padStart(7)}`,
    )
    .join("\n");
}
