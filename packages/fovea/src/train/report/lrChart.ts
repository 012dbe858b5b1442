import type { LrFindResult } from "../lrFind.ts";

const names = { valley: "#2f7ed8", slide: "#8a5cd0", minimum: "#c2571a", steep: "#1a8a4c" } as const;

/** The loss over the rates of a search, with the four suggestions: an SVG file's contents. */
export async function drawLrFind({ points, suggestions, diverged }: LrFindResult): Promise<string> {
  const [plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as { document: Document };
  const shown = points.filter(({ loss }) => Number.isFinite(loss));
  const least = Math.min(...shown.map(({ loss }) => loss));
  const first = shown[0]!.loss;
  const marks = (Object.keys(names) as (keyof typeof names)[]).map((name) => ({ name, lr: suggestions[name] }));
  const svg = plot.plot({
    document,
    width: 640,
    height: 400,
    marginLeft: 52,
    marginTop: 34,
    style: { fontSize: "12px", background: "white", color: "#222" },
    x: { type: "log", label: "learning rate", tickFormat: "~g" },
    // The last losses, of rates that broke it, would squeeze everything else.
    y: {
      label: diverged ? "smoothed loss (then it diverged)" : "smoothed loss",
      domain: [least, first + (first - least)],
      clamp: true,
    },
    marks: [
      plot.gridY({ stroke: "#ddd", strokeOpacity: 1 }),
      plot.ruleX(marks, {
        x: "lr",
        stroke: (d: { name: keyof typeof names }) => names[d.name],
        strokeDasharray: "3,3",
      }),
      plot.line(shown, { x: "lr", y: "loss", stroke: "#222", strokeWidth: 2, clip: true }),
      ...marks.map((mark, i) =>
        plot.text([mark], {
          x: "lr",
          text: ({ name, lr }: typeof mark) => `${name} ${lr.toPrecision(2)}`,
          fill: ({ name }: typeof mark) => names[name],
          frameAnchor: "top",
          textAnchor: "start",
          dx: 4,
          dy: 8 + 14 * i, // one below the other: rates may be the same
        }),
      ),
    ],
    color: { type: "identity" },
  }) as unknown as { setAttribute(name: string, value: string): void; outerHTML: string };
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}
