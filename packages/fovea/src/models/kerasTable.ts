import { facts } from "./facts.ts";
import type { ModelName } from "./_registry.ts";

/** Keras Applications' table as it was published with twelve models, https://keras.io/api/applications/: top-1, top-5. */
const published = {
  Xception: ["xception.keras", 79, 94.5],
  VGG16: ["vgg16", 71.3, 90.1],
  VGG19: ["vgg19", 71.3, 90],
  ResNet50: ["resnet50.keras", 74.9, 92.1],
  ResNet50V2: ["resnet50v2.keras", 76, 93],
  ResNet101: ["resnet101.keras", 76.4, 92.8],
  ResNet101V2: ["resnet101v2.keras", 77.2, 93.8],
  ResNet152: ["resnet152.keras", 76.6, 93.1],
  ResNet152V2: ["resnet152v2.keras", 78, 94.2],
  InceptionV3: ["inceptionv3.keras", 77.9, 93.7],
  InceptionResNetV2: ["inception-resnet-v2.keras", 80.3, 95.3],
  MobileNet: ["mobilenetv1.keras", 70.4, 89.5],
} as const satisfies Record<string, readonly [ModelName, number, number]>;

/** A row of Keras' table. Accuracies are Keras', the rest is counted in the network here. */
export interface KerasRow {
  readonly model: string;
  readonly name: ModelName;
  /** Of the weights in single precision, in MiB (Keras writes MB). */
  readonly sizeMB: number;
  readonly top1: number;
  readonly top5: number;
  /** With running statistics, as Keras counts. */
  readonly parameters: number;
  /** Layers with parameters. */
  readonly depth: number;
}

/** Keras Applications' table of twelve networks. */
export function kerasTable(): KerasRow[] {
  return Object.entries(published).map(([model, [name, top1, top5]]) => {
    const { parametersWithStatistics: parameters, depth } = facts(name);
    return { model, name, sizeMB: (4 * parameters) / 2 ** 20, top1, top5, parameters, depth };
  });
}
