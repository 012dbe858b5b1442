import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { HistoryLine } from "./runLines.ts";
import { ConfusionMatrix } from "./metrics/confusionMatrix.ts";
import { renderReport, type ReportData } from "./report.ts";
import { html } from "./report/html.ts";
import { filterPictures, pngDataUri } from "./report/pictures.ts";

it.each([
  ["grey", [1, 2, 3], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]],
  ["colour", [3, 1, 2], [1, 2, 3, 4, 5, 6], [1, 3, 5, 2, 4, 6]],
  ["two channels, of which the first is shown", [2, 1, 2], [1, 2, 3, 4], [1, 2]],
] as const)("planes become a picture: %s", async (_, shape, planes, interleaved) => {
  const uri = await pngDataUri(Uint8Array.from(planes), shape);
  const { data, info } = await sharp(Buffer.from(uri.split(",")[1]!, "base64"))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.height, info.width]).toEqual(shape.slice(1));
  const step = info.channels / (shape[0] === 3 ? 3 : 1); // the decoder may give grey as RGB
  expect([...data].filter((_, i) => i % step === 0)).toEqual(interleaved);
});

it("html escapes text and passes markup", () => {
  expect(html`<b title="${'"x"'}">${"<script>"}${[html`<i></i>`, false, null, 0]}</b>`.text).toBe(
    '<b title="&#34;x&#34;">&#60;script&#62;<i></i>0</b>',
  );
});

it("filters share one scale around grey", () => {
  const [a, b] = filterPictures({ name: "w", shape: [2, 1, 1, 2], weights: [1, -1, 0, 0.5] });
  expect([...a!.pixels, ...b!.pixels]).toEqual([255, 0, 128, 191]);
});

const epoch = (n: number): HistoryLine[] => [
  { event: "steps", epoch: n, step: n, lr: 0.1, loss: 1 / n, accuracy: 0.5 },
  {
    event: "epoch",
    epoch: n,
    step: n,
    lr: 0.1,
    trainLoss: 1 / n,
    trainAccuracy: 0.5,
    validationLoss: 1,
    validationAccuracy: 0.5,
  },
];

describe("the report", () => {
  const confusion = new ConfusionMatrix(["cat", "<dog>"]);
  confusion.add(0, 0);
  confusion.add(1, 0);
  const picture = { pixels: new Uint8Array(4), shape: [1, 2, 2] as const, caption: "cat", title: "a cat" };
  const data: ReportData = {
    title: "net on pets",
    date: new Date(0),
    parameters: 1234,
    history: [...epoch(1), ...epoch(2)],
    test: { loss: 0.5, accuracy: confusion.accuracy, confusion },
    part: "test",
    plan: [],
    diagnoses: ["the network <guesses>"],
    imagesPerSecond: 1000,
    seconds: 61,
    trainBatch: [picture],
    predictions: [picture],
    mistakes: [],
    filters: { name: "conv.weight", shape: [1, 1, 2, 2], weights: [1, 2, 3, 4] },
    config: [["seed", "0"]],
    environment: [["engine", "wasm"]],
    command: "fovea train",
  };

  it("needs nothing but itself: no address is loaded", async () => {
    const page = await renderReport(data);
    const addresses = [...page.matchAll(/(?:src|href|url\()\s*=?\s*["']?([^"')\s>]+)/g)].map((m) => m[1]!);
    expect(addresses.filter((address) => !/^(data:image\/png;base64,|#)/.test(address))).toEqual([]);
    expect(page).not.toMatch(/<script|@import|<link/);
  });

  it("holds curves, matrix, tables and pictures, with names escaped", async () => {
    const page = await renderReport(data);
    expect(page.match(/<svg/g)).toHaveLength(3);
    expect(page).toContain("50.00 %");
    expect(page).toContain("1,234");
    expect(page).toContain("&#60;dog&#62;");
    expect(page).not.toContain("<dog>");
  });

  it("can be drawn of a single epoch", async () => {
    const page = await renderReport({ ...data, history: epoch(1), filters: null });
    expect(page.match(/<svg/g)).toHaveLength(3);
    expect(page).not.toMatch(/NaN|undefined/);
  });
});
