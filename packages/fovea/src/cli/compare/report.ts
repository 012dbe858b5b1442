import type { Environment } from "../../train/environment.ts";
import { showCount, showPercent } from "../../train/format.ts";
import { loadCharts } from "../../train/report/charts.ts";
import { html } from "../../train/report/html.ts";
import { card, page } from "../../train/report/page.ts";
import type { MethodResult } from "./run.ts";

export interface ComparisonFacts {
  readonly data: string;
  readonly train: number;
  readonly test: number;
  readonly classes: number;
  readonly epochs: number;
  readonly seed: number;
}

/** A page that needs nothing but itself: the table, a bar for each accuracy, and every confusion matrix. */
export async function renderComparison(
  results: readonly MethodResult[],
  { data, train, test, classes, epochs, seed }: ComparisonFacts,
  { engine, threads }: Environment,
): Promise<string> {
  const charts = await loadCharts();
  const best = Math.max(...results.map(({ accuracy }) => accuracy));
  const note =
    `${showCount(train)} training and ${showCount(test)} test pictures, ${classes} classes; networks ${epochs} epochs, ` +
    `seed ${seed}; ${engine} engine, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  const table = html`<table>
    <thead>
      <tr>
        <th>method</th>
        <th>accuracy</th>
        <th></th>
        <th>training</th>
        <th>prediction</th>
        <th>numbers kept</th>
      </tr>
    </thead>
    <tbody>
      ${results.map(
        ({ method, about, accuracy, trainSeconds, predictSeconds, parameters }) =>
          html`<tr>
            <td><b>${method}</b><br /><span class="muted">${about}</span></td>
            <td style="white-space:nowrap">${showPercent(accuracy)}</td>
            <td style="width:28%">
              <div
                style="height:10px;border-radius:5px;width:${(100 * accuracy).toFixed(1)}%;background:var(${accuracy === best ? "--right" : "--train"})"
              ></div>
            </td>
            <td style="white-space:nowrap">${trainSeconds.toFixed(2)} s</td>
            <td style="white-space:nowrap">${predictSeconds.toFixed(2)} s</td>
            <td>${showCount(parameters)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return page(
    { heading: `${results.length} methods on ${data}`, note },
    html`${card("Results", "Training and prediction count from the pictures: features included, and for deep features their network.", table)}
      <div class="columns">
        ${results.map(({ method, accuracy, confusion }) =>
          card(
            `${method} · ${showPercent(accuracy)}`,
            "Rows are true classes, columns what the method said.",
            charts.confusion(confusion),
          ),
        )}
      </div>`,
  );
}
