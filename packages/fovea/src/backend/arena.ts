/** A piece of memory needed from command `first` to command `last`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

const ALIGNMENT = 64;

/**
 * Places pieces in one arena so that those alive at the same time do not overlap.
 * Greedy by size (Pisarchyk and Lee, 2020): largest first, at the lowest offset that is free for its whole life.
 */
export function planArena(pieces: readonly Lifetime[]): { offsets: number[]; bytes: number } {
  const offsets = Array.from({ length: pieces.length }, () => 0);
  const placed: number[] = []; // indices, by offset
  const bySize = pieces.map((_, i) => i).toSorted((a, b) => pieces[b]!.bytes - pieces[a]!.bytes || a - b);
  let total = 0;
  for (const i of bySize) {
    const piece = pieces[i]!;
    const bytes = roundUp(piece.bytes);
    let offset = 0;
    for (const j of placed) {
      const other = pieces[j]!;
      if (other.last < piece.first || other.first > piece.last) continue;
      if (offsets[j]! >= offset + bytes) break;
      offset = Math.max(offset, offsets[j]! + roundUp(other.bytes));
    }
    offsets[i] = offset;
    total = Math.max(total, offset + bytes);
    let at = placed.length;
    while (at > 0 && offsets[placed[at - 1]!]! > offset) at--;
    placed.splice(at, 0, i);
  }
  return { offsets, bytes: total };
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
