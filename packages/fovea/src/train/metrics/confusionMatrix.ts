import { ratio } from "./classCounts.ts";

/** Precision, recall and F1 of one class; 0 where there is nothing to divide by. */
export interface ClassScore {
  readonly name: string;
  /** Of the images called this class, the share that is. */
  readonly precision: number;
  /** Of the images of this class, the share that was called so. */
  readonly recall: number;
  readonly f1: number;
  /** Images of this class. */
  readonly images: number;
}

/** How often each class was taken for each: rows are the true classes, columns the predicted ones. */
export class ConfusionMatrix {
  readonly classes: readonly string[];
  readonly #counts: Uint32Array;

  constructor(classes: readonly string[]) {
    this.classes = classes;
    this.#counts = new Uint32Array(classes.length ** 2);
  }

  add(label: number, predicted: number): void {
    this.#counts[label * this.classes.length + predicted]!++;
  }

  count(label: number, predicted: number): number {
    return this.#counts[label * this.classes.length + predicted]!;
  }

  /** All images seen. */
  get total(): number {
    return this.#counts.reduce((sum, n) => sum + n, 0);
  }

  /** Share of images on the diagonal; 0 when there are none. */
  get accuracy(): number {
    let right = 0;
    for (let c = 0; c < this.classes.length; c++) right += this.count(c, c);
    return ratio(right, this.total);
  }

  /** The table per class. */
  scores(): ClassScore[] {
    return this.classes.map((name, c) => {
      let images = 0;
      let called = 0;
      for (let other = 0; other < this.classes.length; other++) {
        images += this.count(c, other);
        called += this.count(other, c);
      }
      const right = this.count(c, c);
      const precision = ratio(right, called);
      const recall = ratio(right, images);
      return { name, precision, recall, f1: ratio(2 * precision * recall, precision + recall), images };
    });
  }

  /** The rows as plain numbers, for JSON. */
  toJSON(): number[][] {
    return this.classes.map((_, label) => this.classes.map((_, predicted) => this.count(label, predicted)));
  }
}
