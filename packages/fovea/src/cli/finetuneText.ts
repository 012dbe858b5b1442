import type { TuningPhase } from "../train/fineTune.ts";
import { showCount, showPercent } from "../train/format.ts";
import type { ConfusionMatrix } from "../train/metrics/confusionMatrix.ts";
import type { FineTuneStrategy } from "../train/strategy.ts";
import type { FineTuneRunOptions } from "./finetuneRun.ts";
import { showTable } from "./table.ts";

/** A phase as a table: what of the network learns, and how fast. */
export function showPhase({ name, epochs, lr, counts, stages }: TuningPhase): string {
  const rows = [
    ["up to", "parameters", "trainable", "rate"],
    ...stages.map(({ stage, parameters, trainable, lrScale }) => [
      stage,
      showCount(parameters),
      showCount(trainable),
      trainable === 0 ? "frozen" : (lr * lrScale).toPrecision(2),
    ]),
    ["all", showCount(counts.total), showCount(counts.trainable), ""],
  ];
  return `${name}, ${epochs} ${epochs === 1 ? "epoch" : "epochs"}:\n${showTable(rows, [false, true, true, true])}`;
}

/** How often each class was taken for each. */
export function showConfusion(confusion: ConfusionMatrix): string {
  const head = ["true \\ called", ...confusion.classes, "recall"];
  const rows = confusion
    .scores()
    .map(({ name, recall }, label) => [
      name,
      ...confusion.classes.map((_, predicted) => showCount(confusion.count(label, predicted))),
      showPercent(recall, 1),
    ]);
  return showTable([head, ...rows], [false, ...head.slice(1).map(() => true)]);
}

/** The command that does the same again, into another folder. */
export function commandOf(
  name: string,
  folder: string,
  strategy: FineTuneStrategy,
  options: FineTuneRunOptions,
): string {
  const { headEpochs, epochs, headLr, lr, batchSize, batchNorm, seed, weights, fromScratch } = options;
  const given = { weights, headEpochs, epochs, headLr, lr, batchSize, batchNorm, seed };
  const flag = (key: string) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const quoted = (value: unknown) => (/[^\w./:=@-]/.test(String(value)) ? `"${String(value)}"` : String(value));
  return [
    "fovea finetune",
    quoted(name),
    quoted(folder),
    "--strategy",
    strategy,
    ...Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [flag(key), quoted(value)])),
    ...(fromScratch ? ["--from-scratch"] : []),
  ].join(" ");
}
