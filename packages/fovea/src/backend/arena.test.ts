import { describe, expect, it } from "vitest";
import { planArena, type Lifetime } from "./arena.ts";

/** A small linear congruential stream: the pieces only have to be varied and repeatable. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("planArena", () => {
  it("never overlaps pieces that are alive together", () => {
    const next = numbers(1);
    for (let round = 0; round < 50; round++) {
      const pieces: Lifetime[] = Array.from({ length: 60 }, () => {
        const first = next(100);
        return { bytes: 1 + next(5000), first, last: first + next(30) };
      });
      const { offsets, bytes } = planArena(pieces);
      pieces.forEach((a, i) => {
        expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(bytes);
        pieces.forEach((b, j) => {
          if (j <= i || a.last < b.first || b.last < a.first) return;
          const apart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
          expect(apart, `pieces ${i} and ${j}`).toBe(true);
        });
      });
    }
  });

  it("reuses the memory of a chain: two live pieces at a time need two slots", () => {
    const chain = Array.from({ length: 20 }, (_, i) => ({ bytes: 640, first: i, last: i + 1 }));
    expect(planArena(chain).bytes).toBe(2 * 640);
  });
});
