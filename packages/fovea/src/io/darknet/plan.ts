import { parseConfig, type Section } from "./config.ts";

/** A picture between layers: channels, height, width. */
export type Picture = readonly [channels: number, height: number, width: number];

/** What a layer of Darknet is, with everything resolved: which layers it takes from, and what it gives. */
export type LayerPlan = { readonly output: Picture } & (
  | ConvolutionPlan
  | ConnectedPlan
  | { readonly kind: "maxpool"; readonly size: number; readonly stride: number; readonly padding: number }
  | { readonly kind: "avgpool" | "softmax" | "identity" }
  | { readonly kind: "upsample"; readonly stride: number; readonly scale: number }
  | { readonly kind: "shortcut"; readonly from: readonly number[]; readonly activation: string }
  | { readonly kind: "route"; readonly from: readonly number[]; readonly groups: number; readonly group: number }
  | YoloPlan
);

export interface ConvolutionPlan {
  readonly kind: "convolutional";
  readonly inChannels: number;
  readonly filters: number;
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
  readonly normalize: boolean;
  readonly activation: string;
}

export interface ConnectedPlan {
  readonly kind: "connected";
  readonly inputs: number;
  readonly filters: number;
  readonly normalize: boolean;
  readonly activation: string;
}

/** A head of a detector: where it looks for objects of which sizes. */
export interface YoloPlan {
  readonly kind: "yolo";
  /** Widths and heights of the boxes that it starts from, in pixels of the network's input. */
  readonly anchors: readonly (readonly [width: number, height: number])[];
  readonly classes: number;
  /** How far a box's middle may leave its cell: 1 not at all. */
  readonly scale: number;
}

export interface NetworkPlan {
  readonly input: Picture;
  readonly layers: readonly LayerPlan[];
}

export const activations = ["leaky", "linear", "logistic", "mish", "relu", "relu6", "swish", "tanh"] as const;

/** Reads a configuration into layers. Shapes are followed through, so that the numbers of weights are known before any are. */
export function planNetwork(bytes: Uint8Array, name: string): NetworkPlan {
  const [net, ...sections] = parseConfig(bytes, name) as [Section, ...Section[]];
  const input: Picture = [net.count("channels", 3, 1), net.count("height", 416, 1), net.count("width", 416, 1)];
  const layers: LayerPlan[] = [];
  for (const section of sections) layers.push(planLayer(section, layers, input));
  if (layers.length === 0) net.fail("is followed by no layers");
  return { input, layers };
}

function planLayer(section: Section, before: readonly LayerPlan[], start: Picture): LayerPlan {
  const input = before.at(-1)?.output ?? start;
  const [channels, height, width] = input;
  switch (section.type) {
    case "convolutional":
    case "conv": {
      const filters = section.count("filters", 1, 1);
      const size = section.count("size", 1, 1);
      const stride = section.count("stride", 1, 1);
      const groups = section.count("groups", 1, 1);
      const dilation = section.count("dilation", 1, 1);
      const padding = section.count("pad", 0) === 0 ? section.count("padding", 0) : Math.floor(size / 2) * dilation;
      if (channels % groups !== 0 || filters % groups !== 0) {
        section.fail(`has ${groups} groups for ${channels} channels and ${filters} filters`);
      }
      const side = (d: number) => windows(section, d, dilation * (size - 1) + 1, stride, 2 * padding);
      return {
        kind: "convolutional",
        inChannels: channels,
        filters,
        size,
        stride,
        padding,
        dilation,
        groups,
        normalize: section.count("batch_normalize", 0) !== 0,
        activation: activationOf(section, "logistic"),
        output: [filters, side(height), side(width)],
      };
    }
    case "connected": {
      const filters = section.count("output", 1, 1);
      return {
        kind: "connected",
        inputs: channels * height * width,
        filters,
        normalize: section.count("batch_normalize", 0) !== 0,
        activation: activationOf(section, "logistic"),
        output: [filters, 1, 1],
      };
    }
    case "maxpool": {
      const stride = section.count("stride", 1, 1);
      const size = section.count("size", stride, 1);
      const padding = section.count("padding", size - 1);
      const side = (d: number) => windows(section, d, size, stride, padding);
      return { kind: "maxpool", size, stride, padding, output: [channels, side(height), side(width)] };
    }
    case "avgpool":
      return { kind: "avgpool", output: [channels, 1, 1] };
    case "softmax":
      return { kind: "softmax", output: input };
    case "dropout":
    case "cost":
      return { kind: "identity", output: input };
    case "upsample": {
      const stride = section.count("stride", 2, 1);
      return {
        kind: "upsample",
        stride,
        scale: section.number("scale", 1),
        output: [channels, height * stride, width * stride],
      };
    }
    case "shortcut": {
      const from = section.numbers("from").map((i) => layerAt(section, i, before.length));
      for (const other of from) {
        if (before[other]!.output.join() === input.join()) continue;
        section.fail(`adds layer ${other} [${before[other]!.output.join(", ")}] to [${input.join(", ")}]`);
      }
      return { kind: "shortcut", from, activation: activationOf(section, "linear"), output: input };
    }
    case "route": {
      const from = section.numbers("layers").map((i) => layerAt(section, i, before.length));
      const groups = section.count("groups", 1, 1);
      const group = section.count("group_id", 0);
      const [, h, w] = before[from[0]!]!.output;
      let total = 0;
      for (const other of from) {
        const [c, oh, ow] = before[other]!.output;
        if (oh !== h || ow !== w || c % groups !== 0 || group >= groups) {
          section.fail(`joins layers of ${h}×${w} and ${oh}×${ow} pixels, or groups that there are not`);
        }
        total += c / groups;
      }
      return { kind: "route", from, groups, group, output: [total, h, w] };
    }
    case "yolo": {
      const pairs = section.numbers("anchors");
      const classes = section.count("classes", 20, 1);
      const chosen = section.has("mask") ? section.numbers("mask") : [...Array(Math.floor(pairs.length / 2)).keys()];
      const anchors = chosen.map((i): [number, number] =>
        pairs[2 * i] !== undefined && pairs[2 * i + 1] !== undefined
          ? [pairs[2 * i]!, pairs[2 * i + 1]!]
          : section.fail(`has no anchor ${i}`),
      );
      if (channels !== anchors.length * (classes + 5)) {
        section.fail(`needs ${anchors.length * (classes + 5)} channels, for ${classes} classes, and gets ${channels}`);
      }
      return { kind: "yolo", anchors, classes, scale: section.number("scale_x_y", 1), output: input };
    }
    default:
      return section.fail("is a kind of layer that is not supported");
  }
}

function windows(section: Section, pixels: number, size: number, stride: number, padding: number): number {
  const count = Math.floor((pixels + padding - size) / stride) + 1;
  return count >= 1 ? count : section.fail(`leaves nothing of ${pixels} pixels`);
}

function activationOf(section: Section, missing: string): string {
  const name = section.text("activation", missing);
  return (activations as readonly string[]).includes(name)
    ? name
    : section.fail(`has the activation ${JSON.stringify(name)}; known are ${activations.join(", ")}`);
}

/** Negative numbers count back from this layer. */
function layerAt(section: Section, index: number, here: number): number {
  const found = index < 0 ? here + index : index;
  return Number.isInteger(found) && found >= 0 && found < here
    ? found
    : section.fail(`takes from layer ${index}, which does not come before it`);
}
