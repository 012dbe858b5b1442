// ResNet-20 on all 50,000 pictures of CIFAR-10 (He et al., 2015, report 91.25 %): at least 91 % of the 10,000 test pictures.
import { allPictures, trainCifar10 } from "./_cifar10.ts";

await trainCifar10(await allPictures(), { epochs: 100, target: 0.91 });
