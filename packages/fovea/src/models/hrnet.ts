/**
 * HRNet: "Deep High-Resolution Representation Learning for Visual Recognition" (Wang et al., 2019),
 * https://arxiv.org/abs/1908.07919
 *
 * Streams of 1/4, 1/8, 1/16 and 1/32 of the image's size run side by side and exchange what they see; the fine one is
 * never given up. The classification form, whose layers are named and whose weights start as in
 * https://github.com/HRNet/HRNet-Image-Classification.
 */
import { ReLU } from "../nn/activation.ts";
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { kaimingNormal } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import { UpsamplingNearest2d } from "../nn/upsample.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convNorm } from "./_blocks.ts";
import { ImageClassifier, squareImage, type ClassifierOptions } from "./_classifier.ts";
import { family, published } from "./_family.ts";
import { BasicBlock, Bottleneck } from "./resnet.ts";

/** The same block, so many times. */
function layer(block: typeof BasicBlock | typeof Bottleneck, inChannels: number, width: number, count: number) {
  const stack = Array.from({ length: count }, (_, i) => {
    return new block(i === 0 ? inChannels : width * block.expansion, width, 1, {});
  });
  return new Sequential(...stack);
}

/** From stream `from` to stream `to`: 1×1 and repeated pixels upwards, 3×3 of stride 2 downwards. */
function exchange(widths: readonly number[], from: number, to: number): Sequential | null {
  if (from === to) return null;
  if (from > to) {
    return new Sequential(
      new Conv2d(widths[from]!, widths[to]!, 1, { bias: false }),
      new BatchNorm2d(widths[to]!),
      new UpsamplingNearest2d({ scaleFactor: 2 ** (from - to) }),
    );
  }
  const steps = Array.from({ length: to - from }, (_, k) => {
    const last = k === to - from - 1;
    return convNorm(widths[from]!, widths[last ? to : from]!, 3, { stride: 2, activation: last ? null : ReLU });
  });
  return new Sequential(...steps);
}

/** Four blocks in each stream, then every stream adds up what all of them send. */
class HighResolutionModule extends Module<[streams: readonly Tensor[]], Tensor[]> {
  readonly branches: readonly Sequential[];
  /** [to][from] */
  readonly fuseLayers: readonly (readonly (Sequential | null)[])[];

  constructor(widths: readonly number[]) {
    super();
    this.branches = widths.map((width) => layer(BasicBlock, width, width, 4));
    this.fuseLayers = widths.map((_, to) => widths.map((_, from) => exchange(widths, from, to)));
  }

  forward(streams: readonly Tensor[]): Tensor[] {
    const seen = streams.map((x, i) => this.branches[i]!.forward(x));
    return this.fuseLayers.map((layers) => {
      const sent = layers.map((one, from) => one?.forward(seen[from]!) ?? seen[from]!);
      return sent.reduce((sum, x) => sum.add(x)).relu();
    });
  }
}

/** Streams of the next stage: changed in width where they are there, the last one shrunk for a new one. */
function transition(before: readonly number[], widths: readonly number[]): (Sequential | null)[] {
  return widths.map((width, i) => {
    if (i < before.length) {
      return before[i] === width ? null : convNorm(before[i]!, width, 3, { activation: ReLU });
    }
    return new Sequential(convNorm(before.at(-1)!, width, 3, { stride: 2, activation: ReLU }));
  });
}

/** Applies a transition; a new stream comes from the coarsest. */
function moveOn(layers: readonly (Sequential | null)[], streams: readonly Tensor[]): Tensor[] {
  return layers.map((one, i) => {
    const from = streams[Math.min(i, streams.length - 1)]!;
    return one?.forward(from) ?? from;
  });
}

const modules = (count: number, widths: readonly number[]) =>
  Array.from({ length: count }, () => new HighResolutionModule(widths));

const exchangeAll = (stage: readonly HighResolutionModule[], streams: readonly Tensor[]) =>
  stage.reduce<readonly Tensor[]>((x, module) => module.forward(x), streams);

export class HRNet extends ImageClassifier {
  readonly conv1: Conv2d;
  readonly bn1 = new BatchNorm2d(64);
  readonly conv2 = new Conv2d(64, 64, 3, { stride: 2, padding: 1, bias: false });
  readonly bn2 = new BatchNorm2d(64);
  readonly layer1 = layer(Bottleneck, 64, 64, 4);
  readonly transition1: readonly (Sequential | null)[];
  readonly stage2: readonly HighResolutionModule[];
  readonly transition2: readonly (Sequential | null)[];
  readonly stage3: readonly HighResolutionModule[];
  readonly transition3: readonly (Sequential | null)[];
  readonly stage4: readonly HighResolutionModule[];
  readonly increModules: readonly Sequential[];
  readonly downsampModules: readonly Sequential[];
  readonly finalLayer: Sequential;
  readonly classifier: Linear;
  readonly stages = [0, 1, 2, 3].map((i) => `incre_modules.${i}`);

  /** @param width Channels of the finest stream; each coarser one has twice as many. */
  constructor(width: number, { numClasses = 1000, inChannels = 3 }: ClassifierOptions = {}) {
    super();
    const widths = [width, 2 * width, 4 * width, 8 * width];
    this.conv1 = new Conv2d(inChannels, 64, 3, { stride: 2, padding: 1, bias: false });
    this.transition1 = transition([256], widths.slice(0, 2));
    this.stage2 = modules(1, widths.slice(0, 2));
    this.transition2 = transition(widths.slice(0, 2), widths.slice(0, 3));
    this.stage3 = modules(4, widths.slice(0, 3));
    this.transition3 = transition(widths.slice(0, 3), widths);
    this.stage4 = modules(3, widths);
    const head = [128, 256, 512, 1024];
    this.increModules = widths.map((channels, i) => layer(Bottleneck, channels, head[i]! / 4, 1));
    const norm = (from: number, to: number, kernel: 1 | 3) =>
      new Sequential(
        new Conv2d(from, to, kernel, kernel === 3 ? { stride: 2, padding: 1 } : {}),
        new BatchNorm2d(to),
        new ReLU(),
      );
    this.downsampModules = head.slice(1).map((to, i) => norm(head[i]!, to, 3));
    this.finalLayer = norm(1024, 2048, 1);
    this.classifier = new Linear(2048, numClasses);
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d) kaimingNormal(module.weight, { mode: "fanOut" });
    }
  }

  /** [N, 3, 224, 224] → [N, 2048, 7, 7] */
  override forwardFeatures(x: Tensor): Tensor {
    x = this.bn1.forward(this.conv1.forward(x)).relu(); // [N, 64, 112, 112]
    x = this.bn2.forward(this.conv2.forward(x)).relu(); // [N, 64, 56, 56]
    x = this.layer1.forward(x); // [N, 256, 56, 56]
    let streams: readonly Tensor[] = exchangeAll(this.stage2, moveOn(this.transition1, [x]));
    streams = exchangeAll(this.stage3, moveOn(this.transition2, streams));
    streams = exchangeAll(this.stage4, moveOn(this.transition3, streams));
    const [first, ...rest] = streams.map((stream, i) => this.increModules[i]!.forward(stream));
    const y = rest.reduce((sum, stream, i) => stream.add(this.downsampModules[i]!.forward(sum)), first!);
    return this.finalLayer.forward(y); // [N, 2048, 7, 7]
  }

  override forwardHead(features: Tensor): Tensor {
    return this.classifier.forward(features.mean([2, 3]));
  }
}

/** The registry's entry of a width. */
const variant = (width: number, top1: number, source = "HRNet-Image-Classification") => ({
  summary: `HRNet-W${width}: four streams from ${width} channels`,
  create: (options?: ClassifierOptions) => new HRNet(width, options),
  inputShape: squareImage(224),
  published: published(top1, source),
});

export const hrnets = family(
  "HRNet",
  {
    title: "Deep High-Resolution Representation Learning for Visual Recognition",
    year: 2019,
    url: "https://arxiv.org/abs/1908.07919",
  },
  {
    "hrnet-w18": variant(18, 76.8),
    "hrnet-w30": variant(30, 78.2),
    "hrnet-w32": variant(32, 78.5),
    "hrnet-w40": variant(40, 78.9),
    "hrnet-w44": variant(44, 78.9),
    "hrnet-w48": variant(48, 79.3),
    "hrnet-w64": variant(64, 79.46, "timm"),
  },
);
