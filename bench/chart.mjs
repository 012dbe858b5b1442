// The chart of the scaling suite: how many times the time per multiply–accumulate of batch 4 at 224 pixels each takes.

const [WIDTH, HEIGHT, LEFT, TOP] = [760, 310, 70, 50];
const COLOURS = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0"];

/** An SVG, or null where nothing was measured. */
export function scalingChart(rows) {
  const threads = Math.max(...rows.filter((r) => r.suite === "scaling").map((r) => r.threads));
  const list = rows.filter((r) => r.suite === "scaling" && r.threads === threads && r.engine === "native");
  if (list.length === 0) return null;
  const bySize = list.filter((r) => / at \d+$/.test(r.model));
  const byBatch = list.filter((r) => !bySize.includes(r));
  const panels = [
    { title: "by batch at 224 pixels", list: byBatch, x: (r) => r.batch, name: (r) => r.model },
    {
      title: "by side in pixels, in batches of 4",
      list: bySize,
      x: (r) => Number(/\d+$/.exec(r.model)),
      name: (r) => r.model.replace(/ at \d+$/, ""),
    },
  ];
  const names = [...new Set(byBatch.map((r) => r.model))];
  const highest = Math.max(1.5, ...list.map((r) => 1 / r.ratio));
  const y = (cost) => TOP + (HEIGHT - 2 * TOP) * (1 - cost / highest);
  const drawn = panels.map(({ title, list: rowsOf, x, name }, k) => {
    const from = LEFT + (k * (WIDTH - LEFT)) / 2;
    const width = (WIDTH - LEFT) / 2 - 40;
    const ticks = [...new Set(rowsOf.map(x))].toSorted((a, b) => a - b);
    const at = (value) => from + (width * ticks.indexOf(value)) / Math.max(1, ticks.length - 1);
    const lines = names.map((model, c) => {
      const points = rowsOf.filter((r) => name(r) === model).toSorted((a, b) => x(a) - x(b));
      const path = points.map((r) => `${at(x(r)).toFixed(1)},${y(1 / r.ratio).toFixed(1)}`).join(" ");
      return `<polyline points="${path}" fill="none" stroke="${COLOURS[c % COLOURS.length]}" stroke-width="2"/>`;
    });
    return [
      `<text x="${from}" y="${TOP - 8}">${title}</text>`,
      ...ticks.map((tick) => `<text x="${at(tick)}" y="${HEIGHT - TOP + 18}" text-anchor="middle">${tick}</text>`),
      `<line x1="${from}" x2="${from + width}" y1="${y(1)}" y2="${y(1)}" stroke="#999" stroke-dasharray="4"/>`,
      ...lines,
    ].join("\n");
  });
  const legend = names.map(
    (model, c) => `<text x="${LEFT + c * 130}" y="${HEIGHT - 4}" fill="${COLOURS[c % COLOURS.length]}">${model}</text>`,
  );
  const heading = `Time per multiply–accumulate, as a multiple of that in batches of 4 at 224 pixels; ${threads} ${threads === 1 ? "thread" : "threads"}`;
  const scale = [0, 0.5, 1, 1.5].map((v) => `<text x="${LEFT - 12}" y="${y(v) + 4}" text-anchor="end">${v}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="18" font-weight="bold">${heading}</text>
${[...drawn, ...legend, ...scale].join("\n")}
</svg>
`;
}
