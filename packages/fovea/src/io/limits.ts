const SMALL = 64 * 2 ** 20;
const RATIO = 32;

/**
 * The most bytes that compressed contents of a file of this size may unpack to, all together.
 *
 * Deflate can make 1,032 bytes of one, trained weights hardly more than one: what claims more is built to fill memory.
 */
export function inflationLimit(fileBytes: number): number {
  return Math.max(SMALL, RATIO * fileBytes);
}
