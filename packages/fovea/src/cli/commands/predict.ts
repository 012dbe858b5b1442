import { topClasses, type Prediction } from "../../data/predictions.ts";
import { softmax } from "../../ops/softmax.ts";
import { noGrad } from "../../tensor/apply.ts";
import { compile } from "../../graph/compile.ts";
import { showPercent } from "../../train/format.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Command } from "../command.ts";
import { engineOptions, useEngine, type EngineOptions } from "../engine.ts";
import { networkHelp, networkOptions, openNetwork, type Network, type NetworkOptions } from "../network.ts";
import { wholeNumber } from "../parse.ts";
import { findPictures, forPictures, picturesHelp } from "../pictures.ts";

interface PredictOptions extends EngineOptions, NetworkOptions {
  readonly top?: number;
  readonly batch?: number;
  readonly json?: boolean;
}

export const predictCommand: Command<PredictOptions> = {
  arguments: [
    { name: "<model>", description: networkHelp },
    { name: "<image...>", description: picturesHelp },
  ],
  options: [
    { flags: "--top <n>", description: "classes to show for each picture", parse: wholeNumber(1, 1000), default: 5 },
    { flags: "--batch <n>", description: "pictures at once", parse: wholeNumber(1, 1024), default: 8 },
    ...networkOptions,
    ...engineOptions,
    { flags: "--json", description: "print one JSON object per picture" },
  ],
  examples: [
    ["fovea predict resnet50.imagenet1k-v2 elephant.jpg", "one of ImageNet's thousand classes"],
    ["fovea predict resnet50.imagenet1k-v2 photos --json", "all pictures of a folder, for a program to read"],
    ["fovea predict runs/lenet5-strokes-1 digit.png", "a digit from a paint program, or photographed"],
  ],
  async run({ top = 5, batch = 8, json = false, ...options }, [name, images]) {
    useEngine(options);
    const files = await findPictures(images as readonly string[]);
    const network = await openNetwork(String(name), options);
    const probabilities = compile((x: Tensor) => noGrad(() => classify(network, x)));
    await forPictures(files, { batch, maxSide: network.maxSide }, async (batchFiles, pictures) => {
      const values = await probabilities(network.prepare(pictures)).data();
      const classes = values.length / pictures.length;
      for (const [n, file] of batchFiles.entries()) {
        const labels = network.labels ?? Array.from({ length: classes }, (_, i) => `class ${i}`);
        const best = topClasses(values.subarray(n * classes, (n + 1) * classes), labels, top);
        console.log(json ? asJson(file, best) : `${file}: ${best[0]!.name}\n${bars(best)}`);
      }
    });
  },
};

/** [N, …] → probabilities [N, classes]. */
function classify({ model, probabilities }: Network, x: Tensor): Tensor {
  const scores = model.eval().forward(x).flatten(1);
  return probabilities ? scores : softmax(scores, 1);
}

function asJson(image: string, best: readonly Prediction[]): string {
  const top = best.map(({ index, name, score }) => ({ label: name, index, probability: score }));
  return JSON.stringify({ image, label: top[0]!.label, top });
}

const WIDTH = 40;

/** The most probable classes, each with a bar. */
function bars(best: readonly Prediction[]): string {
  const width = Math.max(...best.map(({ name }) => name.length));
  return best
    .map(({ name, score }) => {
      const bar = "█".repeat(Math.round(Math.min(1, Math.max(0, score)) * WIDTH)).padEnd(WIDTH, "░");
      return `  ${name.padEnd(width)} ${bar} ${showPercent(score, 1).padStart(7)}`;
    })
    .join("\n");
}
