import { epochsOf, type HistoryLine } from "./runLines.ts";
import { showCount, showDuration, showNumber, showPercent } from "./format.ts";
import type { ClassScore, ConfusionMatrix } from "./metrics/confusionMatrix.ts";
import { loadCharts } from "./report/charts.ts";
import type { TuningPhase } from "./fineTune.ts";
import { html, type Html } from "./report/html.ts";
import { card, page } from "./report/page.ts";
import { filterPictures, pictures, type Filters, type Picture } from "./report/pictures.ts";

/** Everything that a report shows. */
export interface ReportData {
  /** `lenet5 on strokes` */
  readonly title: string;
  readonly date: Date;
  readonly parameters: number;
  /** Empty where nothing was learnt by steps. */
  readonly history: readonly HistoryLine[];
  readonly test: { readonly loss: number; readonly accuracy: number; readonly confusion: ConfusionMatrix };
  /** What the images were that it was tested on. */
  readonly part: "test" | "validation";
  /** What learns and when, where that is not everything all the time. */
  readonly plan: readonly TuningPhase[];
  /** What the numbers show, in words. */
  readonly diagnoses: readonly string[];
  readonly imagesPerSecond: number;
  /** Training time. */
  readonly seconds: number;
  readonly trainBatch: readonly Picture[];
  readonly predictions: readonly Picture[];
  readonly mistakes: readonly Picture[];
  readonly filters: Filters | null;
  readonly config: Facts;
  readonly environment: Facts;
  /** The command that trains the same again. */
  readonly command: string;
}

export type Facts = readonly (readonly [name: string, value: string])[];

/** A page that needs nothing but itself: styles, charts and images are inside. */
export async function renderReport(data: ReportData): Promise<string> {
  const charts = await loadCharts();
  const { test, history, part } = data;
  const epochs = epochsOf(history).length;
  const images = part === "test" ? "Test images" : "Validation images";
  const note = `${data.date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return page(
    { heading: data.title, title: `${data.title} · ${showPercent(test.accuracy)}`, note },
    html`<div class="tiles">
        ${tile(showPercent(test.accuracy), `of ${showCount(test.confusion.total)} ${part} images right`, "lead")}
        ${tile(showNumber(test.loss), `${part} loss`)} ${tile(showCount(data.parameters), "parameters")}
        ${epochs > 0 && tile(String(epochs), epochs === 1 ? "epoch" : "epochs")}
        ${tile(showCount(data.imagesPerSecond), "images/s in training")}
        ${tile(showDuration(data.seconds), "training time")}
      </div>
      ${
        data.diagnoses.length > 0 &&
        card(
          "Diagnosis",
          "What the numbers of this run show.",
          html`<ul class="diagnoses">
            ${data.diagnoses.map((text) => html`<li>${text}</li>`)}
          </ul>`,
        )
      }
      ${data.plan.length > 0 && html`<div class="columns">${data.plan.map(planCard)}</div>`}
      ${
        epochs > 0 &&
        html`<div class="columns">
          ${card("Loss", curveKey, charts.loss(history))} ${card("Accuracy", curveKey, charts.accuracy(history))}
        </div>`
      }
      <div class="columns matrix">
        ${card("Confusion matrix", `${images}. Rows are true classes, columns what the network said.`, charts.confusion(test.confusion))}
        ${card("Classes", "Precision: of those called so, how many are. Recall: of those that are, how many were found.", classTable(test.confusion.scores()))}
      </div>
      ${data.mistakes.length > 0 && card("Worst mistakes", `${images} on which the network was surest and wrong: true → predicted, and how sure.`, await pictures(data.mistakes, "large"))}
      ${card("Predictions", "Validation images: true → predicted where they differ.", await pictures(data.predictions))}
      ${card("Training images", "What the network was given, with its labels.", await pictures(data.trainBatch))}
      ${data.filters && card("First-layer filters", html`${data.filters.name}, ${data.filters.shape.join(" × ")}. Grey is 0, white positive, black negative.`, await pictures(filterPictures(data.filters), "filters"))}
      <div class="columns">
        ${card("Configuration", "config.json has all of it.", factTable(data.config))}
        ${card("Environment", "The same numbers come back where this is the same.", factTable(data.environment))}
      </div>
      <footer>The same again: <code>${data.command}</code></footer>`,
  );
}

const curveKey = html`<span class="key"><i style="background:var(--train)"></i>training</span
  ><span class="key"><i style="background:var(--validation)"></i>validation, most accurate epoch ringed</span>`;

function tile(value: string, label: string, className = ""): Html {
  return html`<div class="tile ${className}"><b>${value}</b><span>${label}</span></div>`;
}

function planCard({ name, epochs, lr, counts, stages }: TuningPhase, place: number): Html {
  const count = `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`;
  return card(
    `${place === 0 ? "What learns" : "Then"}: ${name}, ${count}`,
    "By stage, up to the named module. Rates are the highest of the phase.",
    html`<table>
      <thead>
        <tr>
          <th>up to</th>
          <th>parameters</th>
          <th>trainable</th>
          <th>rate</th>
        </tr>
      </thead>
      <tbody>
        ${stages.map(
          ({ stage, parameters, trainable, lrScale }) =>
            html`<tr>
              <td>${stage}</td>
              <td>${showCount(parameters)}</td>
              <td>${showCount(trainable)}</td>
              <td>${trainable === 0 ? "frozen" : (lr * lrScale).toPrecision(2)}</td>
            </tr>`,
        )}
        <tr>
          <td>all</td>
          <td>${showCount(counts.total)}</td>
          <td>${showCount(counts.trainable)}</td>
          <td></td>
        </tr>
      </tbody>
    </table>`,
  );
}

function classTable(scores: readonly ClassScore[]): Html {
  return html`<table>
    <thead>
      <tr>
        <th>class</th>
        <th>precision</th>
        <th>recall</th>
        <th>F1</th>
        <th>images</th>
      </tr>
    </thead>
    <tbody>
      ${scores.map(
        ({ name, precision, recall, f1, images }) =>
          html`<tr>
            <td>${name}</td>
            <td>${showPercent(precision, 1)}</td>
            <td>${showPercent(recall, 1)}</td>
            <td>${showPercent(f1, 1)}</td>
            <td>${showCount(images)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function factTable(facts: Facts): Html {
  return html`<table class="facts">
    <tbody>
      ${facts.map(
        ([name, value]) =>
          html`<tr>
            <th>${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
