import { readFileSync } from "node:fs";
import { join } from "node:path";
import { facts, list, type ModelFacts } from "../models/index.ts";
import { showCount } from "../train/format.ts";

/** A fixture of the parity tests: networks by what is compared of them. */
interface Fixture {
  readonly parity: readonly { readonly name: string; readonly gradient?: object }[];
  /** Names and shapes of all weights. */
  readonly keys?: Readonly<Record<string, unknown>>;
  /** Layers with weights, their shapes and order. */
  readonly order?: readonly { readonly name: string }[];
}

interface Fixtures {
  readonly models: Fixture;
  readonly kerasApplications: Fixture;
  readonly published: Fixture;
}

/** Not in torchvision: models.py writes them again too. */
const written = /^unet|\.cifar/;

function readFixtures(folder: string): Fixtures {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Fixture;
  return { models: read("models"), kerasApplications: read("kerasApplications"), published: read("published") };
}

/** What outputs (or at least names and shapes of the weights) are compared with. */
function checkedAgainst({ name }: ModelFacts, { models, kerasApplications, published }: Fixtures): string {
  const compared = ({ parity }: Fixture): string | null => {
    const entries = parity.filter((entry) => entry.name === name);
    if (entries.length === 0) return null;
    return entries.some(({ gradient }) => gradient !== undefined) ? "outputs, gradient" : "outputs";
  };
  const theirs = compared(models) ?? (models.keys![name] === undefined ? null : "weights");
  const keras =
    compared(kerasApplications) ?? (kerasApplications.order!.some((entry) => entry.name === name) ? "weights" : null);
  const definition = compared(published);
  const found = [
    theirs && `${written.test(name) ? "definition" : "torchvision"}: ${theirs}`,
    keras && `Keras: ${keras}`,
    definition && `definition: ${definition}`,
  ].filter((text) => text !== null);
  return found.join("; ") || "counts";
}

const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

function row(one: ModelFacts, fixtures: Fixtures): string {
  const { published } = one;
  return line([
    `\`${one.name}\``,
    one.summary,
    one.input.join("×"),
    showCount(one.parameters),
    showCount(one.parametersWithStatistics),
    showCount(one.macs),
    published === null
      ? "–"
      : `${published.top1} (${published.source}${published.on === "ImageNet" ? "" : `, ${published.on}`})`,
    checkedAgainst(one, fixtures),
  ]);
}

const head = ["name", "what", "input", "parameters", "with statistics", "MACs", "top-1, %", "checked against"];

/** docs/zoo.md, from the registry; `fixtures` is the folder with the parity tests' expectations. */
export function zooPage(fixtures: string): string {
  const checked = readFixtures(fixtures);
  const families = new Map<string, ModelFacts[]>();
  for (const one of list().map(facts)) families.set(one.family, [...(families.get(one.family) ?? []), one]);
  const sections = [...families]
    .toSorted(([a], [b]) => a.localeCompare(b, "en"))
    .flatMap(([family, models]) => {
      const { paper } = models[0]!;
      return [
        `## ${family}`,
        "",
        `[${paper.title}](${paper.url}), ${paper.year}.`,
        "",
        line(head),
        line(head.map((_, k) => (k > 1 && k < 6 ? "--:" : "---"))),
        ...models.map((one) => row(one, checked)),
        "",
      ];
    });
  return [
    "# The model zoo",
    "",
    `${[...families.values()].flat().length} networks by name, generated from the registry by \`npm run zoo\`. \`models.create("resnet50.torchvision")\` makes one with`,
    "fresh weights, `models.load` one with published weights, `fovea summary <name>` shows its layers, `fovea zoo` prints this list.",
    "A name is the network, and after a dot whose form of it: `resnet50.torchvision` and `resnet50.keras` differ in strides,",
    "biases and arithmetic.",
    "",
    "**Parameters** are those that training changes; *with statistics* also counts running means and variances, as Keras does.",
    "**MACs** are the multiply–accumulates of convolutions and linear layers for one input in inference; FLOPs are twice as many.",
    "**Top-1** is what the named source publishes, not a measurement of Fovea.",
    "",
    "**Checked against** says what runs with the same weights on both sides. *Outputs* agree within 1e-4 of the largest; *gradient*, the image's",
    "agrees within 1e-6 in double precision; *weights*, names (torchvision) or order (Keras) and shapes of all weights are the same, and outputs are",
    "compared for a sibling. *torchvision* and *Keras* are the packages themselves; *definition* is the published definition written again in",
    "PyTorch beside the fixtures, where no package has the network or its gradient. *Counts*: parameters and MACs are those of the paper's layer",
    "table, for siblings of a network whose outputs are compared, and the suite runs each for shapes, heads, and features.",
    "",
    ...sections,
  ].join("\n");
}
