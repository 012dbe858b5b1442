import { ClassCountMetric, ratio, type Hits } from "./classCounts.ts";

/** Of what was called a class, the share that is: hits / (hits + wrong). */
export class Precision extends ClassCountMetric {
  readonly name = "precision";

  protected figure({ hits, wrong }: Hits): number {
    return ratio(hits, hits + wrong);
  }
}

/** Of what is of a class, the share that was called so: hits / (hits + missed). */
export class Recall extends ClassCountMetric {
  readonly name = "recall";

  protected figure({ hits, missed }: Hits): number {
    return ratio(hits, hits + missed);
  }
}

/** The harmonic mean of precision and recall: 2 hits / (2 hits + wrong + missed). */
export class F1 extends ClassCountMetric {
  readonly name: string = "f1";

  protected figure({ hits, wrong, missed }: Hits): number {
    return ratio(2 * hits, 2 * hits + wrong + missed);
  }
}
