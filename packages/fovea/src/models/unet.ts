/**
 * U-Net: "U-Net: Convolutional Networks for Biomedical Image Segmentation" (Ronneberger, Fischer, Brox, 2015),
 * https://arxiv.org/abs/1505.04597
 *
 * The form of https://github.com/milesial/Pytorch-UNet, whose layer names are kept: padded convolutions, so that the
 * result has the size of the image, batch normalisation, and transposed convolutions on the way up. With 64 channels at
 * the top and two classes of RGB images it has 31,037,698 parameters.
 */
import { ReLU } from "../nn/activation.ts";
import { BatchNorm2d } from "../nn/batchNorm.ts";
import { Conv2d } from "../nn/conv.ts";
import { ConvTranspose2d } from "../nn/convTranspose.ts";
import { Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pooling.ts";
import { Sequential } from "../nn/sequential.ts";
import { concat, pad } from "../ops/movement.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { squareImage } from "./_classifier.ts";
import { family } from "./_family.ts";

export interface UNetOptions {
  /** Classes of pixels; default 2. */
  numClasses?: number;
  /** Channels of the images; default 3. */
  inChannels?: number;
  /** Channels at the top, doubled at each of the four steps down; default 64. */
  base?: number;
}

/** Twice: 3×3 convolution, batch normalisation, ReLU. */
class DoubleConv extends Module {
  readonly doubleConv: Sequential;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.doubleConv = new Sequential(
      new Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(outChannels),
      new ReLU(),
      new Conv2d(outChannels, outChannels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(outChannels),
      new ReLU(),
    );
  }

  forward(x: Tensor): Tensor {
    return this.doubleConv.forward(x);
  }
}

/** Half the size, twice the channels. */
class Down extends Module {
  readonly maxpoolConv: Sequential;

  constructor(inChannels: number) {
    super();
    this.maxpoolConv = new Sequential(new MaxPool2d(2), new DoubleConv(inChannels, 2 * inChannels));
  }

  forward(x: Tensor): Tensor {
    return this.maxpoolConv.forward(x);
  }
}

/** Twice the size, half the channels, with what was seen at that size on the way down. */
class Up extends Module<[x: Tensor, skip: Tensor]> {
  readonly up: ConvTranspose2d;
  readonly conv: DoubleConv;

  constructor(inChannels: number) {
    super();
    this.up = new ConvTranspose2d(inChannels, inChannels / 2, 2, { stride: 2 });
    this.conv = new DoubleConv(inChannels, inChannels / 2);
  }

  forward(x: Tensor, skip: Tensor): Tensor {
    x = this.up.forward(x);
    const [rows, columns] = [skip.shape[2]! - x.shape[2]!, skip.shape[3]! - x.shape[3]!];
    if (rows > 0 || columns > 0) x = pad(x, [[0, 0], [0, 0], around(rows), around(columns)]); // prettier-ignore
    return this.conv.forward(concat([skip, x], 1));
  }
}

/** A pixel that halving lost is put back on the far side. */
function around(missing: number): [number, number] {
  return [Math.floor(missing / 2), Math.ceil(missing / 2)];
}

class OutConv extends Module {
  readonly conv: Conv2d;

  constructor(inChannels: number, numClasses: number) {
    super();
    this.conv = new Conv2d(inChannels, numClasses, 1);
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

export class UNet extends Module {
  readonly inc: DoubleConv;
  readonly down1: Down;
  readonly down2: Down;
  readonly down3: Down;
  readonly down4: Down;
  readonly up1: Up;
  readonly up2: Up;
  readonly up3: Up;
  readonly up4: Up;
  readonly outc: OutConv;

  constructor({ numClasses = 2, inChannels = 3, base = 64 }: UNetOptions = {}) {
    super();
    this.inc = new DoubleConv(inChannels, base);
    this.down1 = new Down(base);
    this.down2 = new Down(2 * base);
    this.down3 = new Down(4 * base);
    this.down4 = new Down(8 * base);
    this.up1 = new Up(16 * base);
    this.up2 = new Up(8 * base);
    this.up3 = new Up(4 * base);
    this.up4 = new Up(2 * base);
    this.outc = new OutConv(base, numClasses);
  }

  /** Logits of every pixel: [N, inChannels, H, W] → [N, numClasses, H, W]; H and W from 16. Shapes are for base 64. */
  forward(x: Tensor): Tensor {
    const x1 = this.inc.forward(x); // [N, 64, H, W]
    const x2 = this.down1.forward(x1); // [N, 128, H/2, W/2]
    const x3 = this.down2.forward(x2); // [N, 256, H/4, W/4]
    const x4 = this.down3.forward(x3); // [N, 512, H/8, W/8]
    const x5 = this.down4.forward(x4); // [N, 1024, H/16, W/16]
    let y = this.up1.forward(x5, x4); // [N, 512, H/8, W/8]
    y = this.up2.forward(y, x3); // [N, 256, H/4, W/4]
    y = this.up3.forward(y, x2); // [N, 128, H/2, W/2]
    y = this.up4.forward(y, x1); // [N, 64, H, W]
    return this.outc.forward(y);
  }
}

/** A U-Net for segmentation. */
export function unet(options: UNetOptions = {}): UNet {
  return new UNet(options);
}

export const unets = family(
  "U-Net",
  {
    title: "U-Net: Convolutional Networks for Biomedical Image Segmentation",
    year: 2015,
    url: "https://arxiv.org/abs/1505.04597",
  },
  {
    "unet.milesial": {
      summary: "U-Net with padding and batch normalisation: a class for every pixel",
      create: unet,
      inputShape: squareImage(256),
    },
  },
);
