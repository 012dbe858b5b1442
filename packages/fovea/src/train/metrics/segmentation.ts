import { ClassCountMetric, ratio, type ClassCountOptions, type Hits } from "./classCounts.ts";
import { F1 } from "./precisionRecall.ts";

/** In masks, 255 is the value of pixels that do not count. */
const inMasks = (options: ClassCountOptions): ClassCountOptions => ({ ignoreIndex: 255, ...options });

/**
 * Mean over the classes of intersection over union, hits / (hits + wrong + missed), counted over all pixels of all pictures.
 *
 * Predictions [N, C, H, W] with classes [N, H, W]; 255 does not count.
 */
export class MeanIoU extends ClassCountMetric {
  readonly name = "meanIoU";

  constructor(options: ClassCountOptions = {}) {
    super(inMasks(options));
  }

  protected figure({ hits, wrong, missed }: Hits): number {
    return ratio(hits, hits + wrong + missed);
  }
}

/** Dice (Dice, 1945; Sørensen, 1948): F1 of pixels. Predictions [N, C, H, W] with classes [N, H, W]; 255 does not count. */
export class Dice extends F1 {
  override readonly name = "dice";

  constructor(options: ClassCountOptions = {}) {
    super(inMasks(options));
  }
}
