import type { Evidence } from "./examine.ts";
import { showNumber, showPercent } from "./format.ts";

/** What is likely wrong with a training, in words, with the numbers that show it and what may help. */
export interface Diagnosis {
  readonly kind:
    | "oneClass"
    | "deadReLU"
    | "lossNotFalling"
    | "overfitting"
    | "vanishingGradients"
    | "explodingGradients";
  readonly text: string;
}

/** Curves of a run, as in `History.history`. */
export type Curves = { readonly [name: string]: readonly number[] };

/** Units of a ReLU that may be dead without a word. */
const DEAD = 0.4;
/** How much shorter the gradient of an early weight may be than the longest of later ones, each relative to its weight. */
const VANISHED = 1e-4;
/** A gradient that is so many times its weight moves it across the room in a step of 1 %. */
const EXPLODED = 1e3;

/** Reads the numbers of a run; an empty list when nothing is conspicuous. */
export function diagnose(curves: Curves, evidence: Evidence | null, classes: readonly string[] = []): Diagnosis[] {
  const found = [lossNotFalling(curves, evidence?.answers.length ?? classes.length), overfitting(curves)];
  if (evidence !== null) found.push(oneClass(evidence, classes), deadReLU(evidence), ...gradients(evidence));
  return found.filter((diagnosis) => diagnosis !== null);
}

function oneClass({ answers, labels }: Evidence, classes: readonly string[]): Diagnosis | null {
  const total = answers.reduce((a, b) => a + b, 0);
  const most = answers.indexOf(Math.max(...answers));
  if (total < 8 || answers[most]! < total || labels[most]! > 0.8 * total) return null;
  const name = classes[most] ?? `class ${most}`;
  return {
    kind: "oneClass",
    text:
      `one class is predicted for all: ${name} for each of ${total} examples, of which ${labels[most]} are of it; ` +
      "a lower learning rate, class weights, or normalised inputs may help",
  };
}

function deadReLU({ dead }: Evidence): Diagnosis | null {
  const bad = dead.filter(({ share }) => share > DEAD);
  if (bad.length === 0) return null;
  const shown = bad.slice(0, 4).map(({ layer, share }) => `${layer} ${showPercent(share, 0)}`);
  const more = bad.length > 4 ? ` and ${bad.length - 4} more layers` : "";
  return {
    kind: "deadReLU",
    text:
      `dead ReLUs, 0 for every example: ${shown.join(", ")}${more} of the units; ` +
      "a lower learning rate, batch norm or a leaky ReLU may help",
  };
}

function lossNotFalling({ loss = [] }: Curves, classes: number): Diagnosis | null {
  if (loss.length < 2) return null;
  const [first, least, last] = [loss[0]!, Math.min(...loss), loss.at(-1)!];
  if (least < 0.98 * first) return null;
  const chance = Math.log(classes);
  const guessing =
    classes > 1 && Math.abs(last - chance) < 0.05 * chance
      ? `, about that of guessing among ${classes} classes (${showNumber(chance)})`
      : "";
  return {
    kind: "lossNotFalling",
    text:
      `the loss is not falling: ${showNumber(first)} in the first epoch, ${showNumber(last)} in the last${guessing}; ` +
      "try other learning rates (ten times less, ten times more), and overfitBatches: 1 to see whether the network can learn at all",
  };
}

function overfitting({ loss = [], valLoss = [], accuracy = [], valAccuracy = [] }: Curves): Diagnosis | null {
  if (valLoss.length < 3 || loss.length < 3) return null;
  const gap = (accuracy.at(-1) ?? NaN) - (valAccuracy.at(-1) ?? NaN);
  const least = Math.min(...valLoss);
  const rising = valLoss.at(-1)! > 1.1 * least && loss.at(-1)! < loss[valLoss.indexOf(least)]!;
  if (!(gap > 0.1) && !rising) return null;
  const accuracies = Number.isFinite(gap)
    ? `${showPercent(accuracy.at(-1)!, 1)} of the training examples are right, ${showPercent(valAccuracy.at(-1)!, 1)} of the others`
    : `the loss is ${showNumber(loss.at(-1)!)} in training and ${showNumber(valLoss.at(-1)!)} in validation`;
  const best = rising ? `; the validation loss was least in epoch ${valLoss.indexOf(least) + 1}` : "";
  return {
    kind: "overfitting",
    text: `the network learns by heart: ${accuracies}${best}; more data, augmentation, dropout, weight decay or an earlier stop may help`,
  };
}

function gradients({ gradients: all }: Evidence): (Diagnosis | null)[] {
  if (all.length < 2) return [];
  const relative = all.map(({ name, norm, weight }) => ({ name, size: norm / (weight || 1) }));
  const largest = relative.reduce((a, b) => (b.size > a.size ? b : a));
  const first = relative[0]!;
  const vanished = first.size < VANISHED * largest.size && largest !== first;
  const names = (at: { readonly name: string; readonly size: number }) => `${at.size.toExponential(1)} at ${at.name}`;
  return [
    vanished
      ? {
          kind: "vanishingGradients",
          text:
            `gradients vanish on the way back: relative to the weights ${names(largest)}, but ${names(first)}; ` +
            "ReLU for sigmoid, batch norm, skip connections or another initialisation may help",
        }
      : null,
    largest.size > EXPLODED
      ? {
          kind: "explodingGradients",
          text: `gradients explode: relative to the weights ${names(largest)}; clip them by norm, or lower the learning rate`,
        }
      : null,
  ];
}
