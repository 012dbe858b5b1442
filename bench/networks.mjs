// The networks that are measured. `zoo`: its name there, if another. `training`: batch (and input) of the training step.
import { models } from "./fovea.mjs";

export const networks = {
  lenet5: { input: [1, 28, 28], training: { batch: 128 } },
  alexnet: { zoo: "alexnet.torchvision", input: [3, 224, 224], training: { batch: 32 }, options: { dropout: 0 } },
  vgg16: { input: [3, 224, 224], options: { dropout: 0 } },
  googlenet: { zoo: "googlenet.torchvision", input: [3, 224, 224] },
  resnet18: { zoo: "resnet18.torchvision", input: [3, 224, 224], training: { batch: 16 } },
  resnet50: { zoo: "resnet50.torchvision", input: [3, 224, 224] },
  mobilenetv2: { input: [3, 224, 224] },
  inceptionv3: { zoo: "inceptionv3.torchvision", input: [3, 299, 299] },
  densenet121: { input: [3, 224, 224] },
  unet: {
    zoo: "unet.milesial",
    input: [3, 256, 256],
    training: { batch: 8, input: [3, 128, 128] },
    options: { base: 32 },
  },
  cifar_resnet20: { zoo: "resnet20.cifar", input: [3, 32, 32], training: { batch: 128 } },
};

/** The network as a zoo makes it, with weights by a fixed seed. */
export function createNetwork(name, from = models) {
  const { zoo = name, options } = networks[name];
  return from.create(zoo, options);
}

/** Names of the wanted networks: a comma-separated list, or all that `has` keeps. */
export function chooseNetworks(wanted, has = () => true) {
  const all = Object.keys(networks).filter((name) => has(networks[name]));
  if (wanted === undefined) return all;
  const names = wanted.split(",");
  for (const name of names) {
    if (!all.includes(name)) throw new Error(`no network "${name}" in this suite; there are ${all.join(", ")}`);
  }
  return names;
}
