// Writes docs/benchmarks.md from results/*.json.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { scalingChart } from "./chart.mjs";
import { readResults } from "./results.mjs";
import { exceptions } from "./reasons.mjs";
import { denseShares, percent, wanted } from "./shares.mjs";

const docs = (name) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));

const HEAD = `# Benchmarks

Written by \`npm run bench -- table\` from \`bench/results\`; how they are measured: [bench/README.md](../bench/README.md).
Each cell is *ours / theirs = ratio* from one run in which both took turns; above 1, ours is faster (or smaller).
`;

const COST = `Four images of 112 pixels cost up to a quarter more than their multiply–adds say, on several threads most of all: the
same weights are read for a fourth of the pixels (ResNet-18's are 95 MB after Winograd's transforms, more than caches hold), and
maps of 14×14 and 7×7 fill 77 % of the 4×4 tiles that cover them.`;

function geomean(rows) {
  const list = rows.filter(({ ratio }) => ratio !== null); // null: the peer failed
  return Math.exp(list.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / list.length);
}
const columnOf = ({ batch, threads }) => `b${batch}, ${threads}t`;
const table = (head, rows) =>
  [head, head.map(() => "-"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** One table per engine and peer: a line per network, a column per batch and number of threads. */
function comparison(rows, suite, title) {
  const groups = groupBy(
    rows.filter((r) => r.suite === suite),
    ({ engine, peer }) => `${engine} against ${peer}`,
  );
  return [...groups].map(([group, list]) => {
    const columns = [...new Set(list.map(columnOf))].toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const lines = [...new Set(list.map((r) => r.model))].map((model) => [
      model,
      ...columns.map((column) => {
        const r = list.find((row) => row.model === model && columnOf(row) === column);
        if (r?.ratio === null) return "the peer fails";
        return r === undefined ? "" : `${r.ours} / ${r.theirs} = **${r.ratio.toFixed(2)}**`;
      }),
    ]);
    const means = columns.map((c) => `**${geomean(list.filter((r) => columnOf(r) === c)).toFixed(2)}**`);
    const head = `### ${title}, ${group} (${list[0].unit})`;
    return `${head}\n\n${table(["", ...columns], [...lines, ["geometric mean", ...means]])}\n`;
  });
}

function groupBy(list, key) {
  const groups = new Map();
  for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

/** Kernels in short: how many there are, and the share of the roof that the worst, the middle and the best reach. */
function kernels(rows, peaks) {
  const list = rows.filter((r) => r.suite === "kernels");
  if (list.length === 0) return [];
  const direction = ({ model }) => /matmul|(\w+) \([^()]*\)$/.exec(model)?.[1] ?? "matmul";
  const groups = groupBy(list, (r) => `${r.engine}, ${r.threads}t, ${r.peer}, ${direction(r)}`);
  const lines = [...groups].map(([group, members]) => {
    const shares = members.map((r) => r.ratio).toSorted((a, b) => a - b);
    return [group, shares.length, percent(shares[0]), percent(shares[shares.length >> 1]), percent(shares.at(-1))];
  });
  const title = "### Kernels alone: share of the peak, or of what memory allows where that is lower";
  return [`${title}\n\n${table(["", "cases", "least", "median", "most"], lines)}\n`, ...denseConvolutions(list, peaks)];
}

/** Per network: how many dense convolutions reach the share of the roof that is enough for them, and why others do not. */
function denseConvolutions(rows, peaks) {
  const kind = ({ engine, threads, peer }) => `${engine}, ${threads}t, ${peer}`;
  return [...groupBy(denseShares(rows), kind)].map(([group, members]) => {
    const directions = ["forward", "inputGrad", "weightGrad"];
    const lines = [...groupBy(members, (g) => g.network)].map(([network, ofNetwork]) => [
      network,
      ...directions.map((direction) => {
        const found = ofNetwork.find((g) => g.direction === direction);
        return found === undefined ? "" : `${found.reached} of ${found.cases}`;
      }),
    ]);
    const ofGroup = rows.filter((row) => kind(row) === group);
    const listed = exceptions(ofGroup, peaks).join("\n");
    const title = `### Dense convolutions near the roof, ${group}`;
    const below = listed === "" ? "" : `\nBelow, with their share:\n\n${listed}\n`;
    return `${title}\n\nEnough: ${wanted(members[0])}.\n\n${table(["", ...directions], lines)}\n${below}`;
  });
}

const sections = readResults().flatMap(({ machine, peaks, rows }, i) => {
  const peakLines = Object.entries(peaks).map(([threads, p]) => [
    threads,
    Object.entries(p.native)
      .map(([isa, rate]) => `${isa} ${rate}`)
      .join(", "),
    p.wasm,
    p.wasmRelaxed ?? "not there",
    p.readGBs,
    p.copyGBs,
  ]);
  const chart = scalingChart(rows);
  const picture = `benchmarks-scaling-${i + 1}.svg`;
  if (chart !== null) writeFileSync(docs(picture), chart);
  return [
    `## ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}\n`,
    `${table(["threads", "native GFLOP/s", "wasm", "wasm relaxed", "read GB/s", "copy GB/s"], peakLines)}\n`,
    ...comparison(rows, "inference", "Inference"),
    ...comparison(rows, "training", "Training step"),
    ...comparison(rows, "coldstart", "Start of the process to the first prediction"),
    ...comparison(rows, "memory", "Most memory resident"),
    ...comparison(rows, "threads, inference", "Several threads, predicting"),
    ...comparison(rows, "threads, training", "Several threads, training step"),
    ...kernels(rows, peaks),
    ...comparison(rows, "scaling", "Images per second over what the work says"),
    ...(chart === null
      ? []
      : [`### Cost and work\n\n![Images per second by batch and by size](${picture})\n\n${COST}\n`]),
  ];
});
writeFileSync(docs("benchmarks.md"), [HEAD, ...sections].join("\n"));
