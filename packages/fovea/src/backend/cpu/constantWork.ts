import { touches, type Slot, type Step } from "./plan.ts";

/** What may be kept although nothing large went in: small tables and fills. */
const FREE_BYTES = 64 * 1024;
/** A kept result may be this many times the size of the tensors it comes from (transformed 3×3 weights are 4 times). */
const MAX_GROWTH = 8;

/**
 * Which steps give the same at every run as long as captured tensors stay as they are: they read only such tensors that
 * the program does not change, and results of other such steps, and what they write nobody else writes.
 */
export function constantSteps(slots: readonly Slot[], steps: readonly Step[]): boolean[] {
  const uses = steps.map(touches);
  const changed = new Set(uses.flatMap(({ writes }) => writes.map((slot) => slots[slot]!.block)));
  const constant = slots.map(({ kind, block }) => kind === "arena" || (kind === "captured" && !changed.has(block)));
  // A host step is not a command that could be kept for later.
  const result = steps.map((step) => "kernel" in step);
  for (let settled = false; !settled;) {
    settled = true;
    const refuse = (slot: number) => {
      if (constant[slot]) settled = false;
      constant[slot] = false;
    };
    const alreadyRead = new Set<number>();
    uses.forEach(({ reads, writes }, i) => {
      for (const slot of writes) if (alreadyRead.has(slot)) refuse(slot);
      for (const slot of reads) alreadyRead.add(slot);
      result[i] &&= reads.every((slot) => constant[slot]) && writes.every((slot) => constant[slot]);
      if (!result[i]) writes.forEach(refuse);
    });
    if (settled) tooLarge(slots, uses, result).forEach(refuse);
  }
  return result;
}

/** Slots that would be kept for the other steps to read, and are much larger than what they are made of. */
function tooLarge(slots: readonly Slot[], uses: readonly ReturnType<typeof touches>[], constant: boolean[]): number[] {
  const read = new Set(uses.flatMap(({ reads, writes }, i) => (constant[i] ? [] : [...reads, ...writes])));
  const sources = new Map<number, Set<number>>();
  const refused: number[] = [];
  uses.forEach(({ reads, writes }, i) => {
    if (!constant[i]) return;
    const from = new Set(
      reads.flatMap((slot) => (slots[slot]!.kind === "captured" ? [slot] : [...(sources.get(slot) ?? [])])),
    );
    for (const slot of writes) sources.set(slot, new Set([...from, ...(sources.get(slot) ?? [])]));
  });
  for (const [slot, from] of sources) {
    const bytes = [...from].reduce((sum, source) => sum + slots[source]!.bytes, 0);
    if (read.has(slot) && slots[slot]!.bytes > FREE_BYTES + MAX_GROWTH * bytes) refused.push(slot);
  }
  return refused;
}
