import { readFileSync } from "node:fs";
import { join } from "node:path";
import { facts, list, type ModelFacts } from "../models/index.ts";
import { showCount } from "../train/format.ts";

/** Networks whose parity tests run against each of the fixtures. */
interface Fixtures {
  readonly torchvision: ReadonlySet<string>;
  readonly namesOnly: ReadonlySet<string>;
  readonly published: ReadonlySet<string>;
}

/** Not in torchvision: models.py writes them again too. */
const written = /^unet|\.cifar/;

function readFixtures(folder: string): Fixtures {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as {
      readonly keys?: Readonly<Record<string, unknown>>;
      readonly parity: readonly { readonly name: string }[];
    };
  const models = read("models");
  return {
    torchvision: new Set(models.parity.map(({ name }) => name).filter((name) => !written.test(name))),
    namesOnly: new Set(Object.keys(models.keys!).filter((name) => !written.test(name))),
    published: new Set([...models.parity, ...read("published").parity].map(({ name }) => name)),
  };
}

/** What outputs (or at least names and shapes of the weights) are compared with. */
function checkedAgainst({ name }: ModelFacts, { torchvision, namesOnly, published }: Fixtures): string {
  if (torchvision.has(name)) return "torchvision: outputs";
  if (namesOnly.has(name)) return "torchvision: weights";
  if (published.has(name)) return "definition: outputs";
  return "counts";
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
    "**Top-1** is what the named source publishes, not a measurement of Fovea. **Checked against**: *torchvision: outputs*, outputs (and for some",
    "the gradient by the image) equal torchvision's for the same weights within 1e-4; *torchvision: weights*, names and shapes of all weights are",
    "torchvision's, and outputs are compared for a sibling; *definition: outputs*, there is no package to compare with (Keras, timm and the",
    "original code are not installed where the fixtures are made), so outputs equal those of the published definition written again in PyTorch;",
    "*counts*, parameters and MACs are those of the paper's layer table, for siblings of a network whose outputs are compared.",
    "",
    ...sections,
  ].join("\n");
}
