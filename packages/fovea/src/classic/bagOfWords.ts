import { RandomStream } from "../base/random.ts";
import { hogBlocks, type HogOptions } from "./hog.ts";
import type { Images } from "./images.ts";
import { KMeans } from "./kmeans.ts";
import { matrix, takeRows, type Matrix } from "./matrix.ts";

export interface BagOfVisualWordsOptions {
  /** Size of the vocabulary; default 100. */
  readonly nWords?: number;
  /** Cells and blocks of the dense descriptors. */
  readonly hog?: HogOptions;
  /** Descriptors that the vocabulary is made of, at most; default 10,000. */
  readonly samples?: number;
  /** The picture is counted in cells × cells parts; default 2. */
  readonly cells?: number;
  /** Default 0. */
  readonly randomState?: number | bigint;
}

/**
 * Pictures as texts (Sivic and Zisserman, 2003; Csurka et al., 2004): descriptors of patches all over the picture are the
 * words, k-means makes the vocabulary, and a picture is how often it uses each word. Roots of shares, so that frequent
 * words do not drown the others.
 */
export class BagOfVisualWords {
  readonly #options: Required<BagOfVisualWordsOptions>;
  #vocabulary: KMeans | null = null;

  constructor({ nWords = 100, hog = {}, samples = 10_000, cells = 2, randomState = 0 }: BagOfVisualWordsOptions = {}) {
    this.#options = { nWords, hog, samples, cells, randomState };
  }

  /** Makes the vocabulary. */
  async fit(images: Images): Promise<this> {
    const { nWords, hog, samples, randomState } = this.#options;
    const { descriptors } = await hogBlocks(images, hog);
    const order = new RandomStream(randomState).fork("words").permutation(descriptors.rows).subarray(0, samples);
    this.#vocabulary = new KMeans({ nClusters: nWords, randomState }).fit(takeRows(descriptors, order));
    return this;
  }

  /** [images, cells² · nWords]. */
  async transform(images: Images): Promise<Matrix> {
    const { nWords, hog, cells } = this.#options;
    const { descriptors, blockRows, blockColumns } = await hogBlocks(images, hog);
    const words = (this.#vocabulary ?? new KMeans({ nClusters: nWords })).predict(descriptors);
    const blocks = blockRows * blockColumns;
    const found = matrix(descriptors.rows / blocks, cells * cells * nWords);
    words.forEach((word, i) => {
      const row = Math.floor((i % blocks) / blockColumns);
      const column = i % blockColumns;
      const cell = Math.floor((row * cells) / blockRows) * cells + Math.floor((column * cells) / blockColumns);
      found.values[Math.floor(i / blocks) * found.columns + cell * nWords + word]!++;
    });
    for (let i = 0; i < found.values.length; i++) found.values[i] = Math.sqrt(found.values[i]! / blocks);
    return found;
  }
}
