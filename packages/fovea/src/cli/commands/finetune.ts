import type { Command } from "../command.ts";
import { engineOptions } from "../engine.ts";
import { networkOptions } from "../network.ts";
import { choice, positiveNumber, wholeNumber } from "../parse.ts";
import { runFineTuning, type FineTuneRunOptions } from "../finetuneRun.ts";

const [weightsOption, , mirrorOption, offlineOption] = networkOptions;

export const finetune: Command<FineTuneRunOptions> = {
  arguments: [
    {
      name: "<model>",
      description:
        "published weights (squeezenet1.0.imagenet1k-v1), a network with --weights (squeezenet1_0), a run, or a file that fovea wrote",
    },
    {
      name: "<folder>",
      description:
        "pictures in folders named after their classes, perhaps below train/ and val/; or a CSV file of file,label",
    },
  ],
  options: [
    {
      flags: "--strategy <name>",
      description:
        "auto (by size of the data and what the network sees in them), head, partial, full, or svm (on deep features)",
      parse: choice(["auto", "head", "partial", "full", "svm"]),
      default: "auto",
    },
    {
      flags: "--similarity <name>",
      description: "similar or different from the pictures that the network knows, for auto (default: measured)",
      parse: choice(["similar", "different"]),
    },
    {
      flags: "--head-epochs <n>",
      description: "epochs in which the head alone learns",
      parse: wholeNumber(0, 1e5),
      default: 8,
    },
    {
      flags: "--epochs <n>",
      description: "epochs after that, with more layers",
      parse: wholeNumber(0, 1e5),
      default: 8,
    },
    { flags: "--head-lr <rate>", description: "highest rate of the head", parse: positiveNumber },
    {
      flags: "--lr <rate>",
      description: "highest rate of the last layers, once more of them learn",
      parse: positiveNumber,
    },
    { flags: "--batch-size <n>", description: "pictures per step", parse: wholeNumber(1, 4096), default: 16 },
    {
      flags: "--batch-norm <mode>",
      description: "frozen: batch norms keep their statistics; train: those of layers that learn follow the data",
      parse: choice(["frozen", "train"]),
      default: "frozen",
    },
    { flags: "--from-scratch", description: "fresh weights instead of pretrained ones, for comparison" },
    weightsOption,
    mirrorOption,
    offlineOption,
    { flags: "--seed <n>", description: "of order, augmentation and fresh weights", parse: wholeNumber(0), default: 0 },
    { flags: "--strict", description: "stop at pictures that cannot be read, instead of leaving them out" },
    { flags: "--out <folder>", description: "folder for the run (default: runs/<model>-<folder>-<number>)" },
    ...engineOptions,
    {
      flags: "--json",
      description: "print one JSON object for the plan, one per epoch, and a last one with the result",
    },
  ],
  examples: [
    [
      "fovea finetune squeezenet1.0.imagenet1k-v1 photos",
      "the strategy that suits, from weights that are fetched once",
    ],
    ["fovea finetune squeezenet1_0 --weights squeezenet1_0-b66bff10.pth photos", "from a file"],
    ["fovea finetune resnet50.imagenet1k-v2 photos --strategy svm", "a support vector machine on deep features"],
    ["fovea predict runs/squeezenet1.0.torchvision-photos-1 ant.jpg", "use what it learnt"],
  ],
  run: (options, [model, folder]) => runFineTuning(String(model), String(folder), options),
};
