import type { Environment } from "../../train/environment.ts";
import { showCount, showPercent } from "../../train/format.ts";
import { loadCharts } from "../../train/report/charts.ts";
import { html } from "../../train/report/html.ts";
import { style } from "../../train/report/style.ts";
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
  const title = `${results.length} methods on ${data}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>${title}</h1>
            <span class="muted"
              >${showCount(train)} training and ${showCount(test)} test pictures, ${classes} classes; networks ${epochs}
              epochs, seed ${seed}; ${engine} engine, ${threads} ${threads === 1 ? "thread" : "threads"}</span
            >
          </header>
          <section class="card">
            <h2>Results</h2>
            <p class="note">
              Training and prediction count from the pictures: features included, and for deep features their network.
            </p>
            <table>
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
            </table>
          </section>
          <div class="columns">
            ${results.map(
              ({ method, accuracy, confusion }) =>
                html`<section class="card">
                  <h2>${method} · ${showPercent(accuracy)}</h2>
                  <p class="note">Rows are true classes, columns what the method said.</p>
                  ${charts.confusion(confusion)}
                </section>`,
            )}
          </div>
        </main>
      </body>
    </html>`;
  return page.text;
}
