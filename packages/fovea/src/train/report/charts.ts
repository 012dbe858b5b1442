import type * as PlotModule from "@observablehq/plot";
import { bestEpoch, epochsOf, stretchesOf, type HistoryLine } from "../runLines.ts";
import type { ConfusionMatrix } from "../metrics/confusionMatrix.ts";
import { Html } from "./html.ts";

/** Draws the charts of a report as inline SVG. Colours are CSS variables, so that they follow light and dark. */
export interface Charts {
  /** Loss over the epochs, on a logarithmic scale. */
  loss(history: readonly HistoryLine[]): Html;
  /** Accuracy over the epochs, from where it becomes interesting. */
  accuracy(history: readonly HistoryLine[]): Html;
  /** True classes down, predicted ones across. */
  confusion(matrix: ConfusionMatrix): Html;
}

/** Loads Observable Plot and a document for it to draw on; only a report needs them. */
export async function loadCharts(): Promise<Charts> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as { document: Document };
  const draw = (options: PlotModule.PlotOptions) => new Html(Plot.plot({ ...options, document }).outerHTML);
  return {
    loss: (history) => draw(lossOptions(Plot, history)),
    accuracy: (history) => draw(accuracyOptions(Plot, history)),
    confusion: (matrix) => draw(confusionOptions(Plot, matrix)),
  };
}

type Plot = typeof PlotModule;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The same history as points: training as it went by, training per epoch, validation per epoch. */
interface Curves {
  readonly fine: readonly Point[];
  readonly train: readonly Point[];
  readonly validation: readonly Point[];
  readonly best: Point | null;
  readonly epochs: number;
}

function curves(history: readonly HistoryLine[], kind: "loss" | "accuracy"): Curves {
  const epochs = epochsOf(history);
  const stretches = stretchesOf(history);
  const firstEnd = epochs[0]?.step ?? stretches.at(-1)?.step ?? 1; // steps per epoch
  const isLoss = kind === "loss";
  const validation = (line: (typeof epochs)[number]) => (isLoss ? line.validationLoss : line.validationAccuracy);
  const best = bestEpoch(history);
  return {
    fine: stretches.map((line) => ({ x: line.step / firstEnd, y: line[kind] })),
    train: epochs.map((line) => ({ x: line.epoch, y: isLoss ? line.trainLoss : line.trainAccuracy })),
    validation: epochs.map((line) => ({ x: line.epoch, y: validation(line) })),
    best: best && { x: best.epoch, y: validation(best) },
    epochs: epochs.length,
  };
}

function lossOptions(plot: Plot, history: readonly HistoryLine[]): PlotModule.PlotOptions {
  return curveOptions(plot, curves(history, "loss"), {
    type: "log",
    label: null,
    tickFormat: "~g",
    ticks: 5,
    tickSize: 0,
  });
}

function accuracyOptions(plot: Plot, history: readonly HistoryLine[]): PlotModule.PlotOptions {
  const data = curves(history, "accuracy");
  // The first steps, at chance, would squeeze everything else: the axis starts a little below what validation had.
  const low = Math.min(...data.validation.map((p) => p.y), ...data.train.slice(1).map((p) => p.y), 0.98);
  const from = Math.max(0, Math.floor((low - (1 - low) / 2) * 50) / 50);
  return curveOptions(plot, data, { domain: [from, 1], label: null, tickFormat: ".0%", ticks: 5, tickSize: 0 });
}

function curveOptions(plot: Plot, data: Curves, y: PlotModule.ScaleOptions): PlotModule.PlotOptions {
  const whole = Math.max(1, Math.ceil(data.epochs / 10));
  const at = { x: "x", y: "y" };
  return {
    width: 520,
    height: 280,
    marginLeft: 44,
    marginBottom: 38,
    marginRight: 12,
    style: { fontSize: "12px" },
    x: {
      label: "epoch",
      labelArrow: "none",
      ticks: range(0, data.epochs, whole),
      tickFormat: "d",
      domain: [0, Math.max(1, data.epochs)],
    },
    y: { ...y, clamp: true },
    marks: [
      plot.gridY({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 5 }),
      plot.ruleX(data.best ? [data.best.x] : [], { stroke: "var(--muted)", strokeDasharray: "2,4" }),
      plot.line(data.fine, { ...at, stroke: "var(--train)", strokeOpacity: 0.35, strokeWidth: 1.25, clip: true }),
      plot.line(data.train, { ...at, stroke: "var(--train)", strokeWidth: 2, clip: true }),
      plot.dot(data.train, { ...at, fill: "var(--train)", r: 2.5, clip: true }),
      plot.line(data.validation, { ...at, stroke: "var(--validation)", strokeWidth: 2, clip: true }),
      plot.dot(data.validation, { ...at, fill: "var(--validation)", r: 3 }),
      plot.dot(data.best ? [data.best] : [], { ...at, stroke: "var(--validation)", strokeWidth: 2, r: 6.5 }),
    ],
  };
}

/** Above this many classes the counts would not be legible. */
const MOST_LABELLED = 25;

function confusionOptions(plot: Plot, matrix: ConfusionMatrix): PlotModule.PlotOptions {
  const { classes } = matrix;
  const rows = matrix.toJSON();
  const cells = rows.flatMap((row, label) => {
    const images = row.reduce((a, b) => a + b, 0);
    return row.map((count, predicted) => {
      const share = images === 0 ? 0 : count / images;
      const right = label === predicted;
      // Mistakes are few: the root makes one in a hundred visible.
      const depth = count === 0 ? 0 : right ? 0.25 + 0.75 * share ** 2 : Math.min(1, 0.12 + 1.6 * Math.sqrt(share));
      return { label: classes[label]!, predicted: classes[predicted]!, count, right, depth };
    });
  });
  const side = Math.max(420, Math.min(760, 60 + classes.length * 40));
  const longest = Math.max(...classes.map((name) => name.length));
  const at = { x: "predicted", y: "label" };
  return {
    width: side,
    height: side,
    marginTop: longest > 2 ? 30 + longest * 5 : 44,
    marginLeft: 34 + longest * 7,
    marginRight: 8,
    marginBottom: 8,
    style: { fontSize: "12px" },
    x: {
      axis: "top",
      label: "predicted",
      labelAnchor: "center",
      labelArrow: "none",
      domain: classes,
      tickSize: 0,
      tickRotate: longest > 2 ? -40 : 0,
    },
    y: { label: "true", labelAnchor: "center", labelArrow: "none", domain: classes, tickSize: 0 },
    marks: [
      plot.cell(cells, { ...at, fill: "var(--cell)", inset: 1, rx: 3 }),
      plot.cell(cells, {
        ...at,
        fill: (d: (typeof cells)[number]) => (d.right ? "var(--right)" : "var(--wrong)"),
        fillOpacity: (d: (typeof cells)[number]) => d.depth,
        inset: 1,
        rx: 3,
        title: (d: (typeof cells)[number]) => `${d.count} × ${d.label} called ${d.predicted}`,
      }),
      classes.length <= MOST_LABELLED
        ? plot.text(
            cells.filter((d) => d.count > 0),
            {
              ...at,
              text: (d: (typeof cells)[number]) => String(d.count),
              fontSize: 11,
              fill: (d: (typeof cells)[number]) => (d.depth > 0.55 ? "var(--on-fill)" : "var(--text)"),
            },
          )
        : null,
    ],
    color: { type: "identity" },
    opacity: { type: "identity" },
  };
}

function range(from: number, to: number, by: number): number[] {
  const values: number[] = [];
  for (let v = from; v <= to; v += by) values.push(v);
  return values;
}
