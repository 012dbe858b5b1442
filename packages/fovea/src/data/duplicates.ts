import { resizeImage, type RgbImage } from "./image.ts";

/** What tells whether two pictures look alike. */
export interface Look {
  /** dHash: 64 bits, each whether a pixel of the 9 × 8 grey picture is darker than its right neighbour. */
  readonly hash: readonly [number, number];
  /** The picture at 16 × 16, RGB. */
  readonly small: Uint8Array;
}

/** How many of the 64 bits may differ, and by how much the small pictures (mean difference of a value, 0 … 255). */
const MOST_BITS = 4;
const MOST_DIFFERENCE = 6;
const SMALL = 16;
/** Bits are cut into five bands: where at most four differ, one band is equal. */
const BANDS = [13, 13, 13, 13, 12] as const;

/** The look of a picture of any size. */
export function lookOf(image: RgbImage): Look {
  const { pixels } = resizeImage(image, { width: 9, height: 8 });
  const grey = (at: number) => 299 * pixels[3 * at]! + 587 * pixels[3 * at + 1]! + 114 * pixels[3 * at + 2]!;
  const hash: [number, number] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const at = Math.floor(bit / 8) * 9 + (bit % 8);
    if (grey(at) < grey(at + 1)) hash[bit >> 5] = (hash[bit >> 5]! | (1 << (bit & 31))) >>> 0;
  }
  return { hash, small: resizeImage(image, { width: SMALL, height: SMALL }).pixels };
}

/** Groups of two and more that look alike, each in growing order. */
export function alikeGroups(looks: readonly (Look | null)[]): number[][] {
  const pairs: [number, number][] = [];
  for (let band = 0, shift = 0; band < BANDS.length; shift += BANDS[band++]!) {
    const buckets = new Map<number, number[]>();
    for (const [i, look] of looks.entries()) {
      if (look === null) continue;
      const key = bitsOf(look.hash, shift, BANDS[band]!);
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [i]);
      else {
        for (const j of bucket) if (isAlike(look, looks[j]!)) pairs.push([j, i]);
        bucket.push(i);
      }
    }
  }
  return groupsOf(looks.length, pairs);
}

/** Groups of places whose keys are equal; null is equal to none. */
export function equalGroups(keys: readonly (string | null)[]): number[][] {
  const places = new Map<string, number[]>();
  for (const [i, key] of keys.entries()) {
    if (key === null) continue;
    if (places.has(key)) places.get(key)!.push(i);
    else places.set(key, [i]);
  }
  return [...places.values()].filter(({ length }) => length > 1);
}

/** Groups that pairs connect. */
function groupsOf(count: number, pairs: readonly (readonly [number, number])[]): number[][] {
  const parent = Array.from({ length: count }, (_, i) => i);
  const rootOf = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
    return i;
  };
  for (const [a, b] of pairs) {
    const [low, high] = [rootOf(a), rootOf(b)].toSorted((x, y) => x - y) as [number, number];
    parent[high] = low;
  }
  return equalGroups(parent.map((_, i) => String(rootOf(i))));
}

function isAlike(a: Look, b: Look): boolean {
  if (ones(a.hash[0] ^ b.hash[0]) + ones(a.hash[1] ^ b.hash[1]) > MOST_BITS) return false;
  let difference = 0;
  for (let i = 0; i < a.small.length; i++) difference += Math.abs(a.small[i]! - b.small[i]!);
  return difference <= MOST_DIFFERENCE * a.small.length;
}

function bitsOf([low, high]: readonly [number, number], shift: number, count: number): number {
  const bits = (BigInt(high) << 32n) | BigInt(low);
  return Number((bits >> BigInt(shift)) & ((1n << BigInt(count)) - 1n));
}

function ones(bits: number): number {
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
