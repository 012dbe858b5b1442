// ResNet-20 on 10,000 pictures of CIFAR-10, mirrored and moved by up to 4 pixels: at least 78 % of 1,000 test pictures.
import { somePictures, trainCifar10 } from "./_cifar10.ts";

await trainCifar10(await somePictures(), { epochs: 70, target: 0.78 });
