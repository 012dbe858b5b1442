import { CHAIN_GRAIN } from "./lower/chain.ts";
import { touches, type Command, type Slot, type Step } from "./plan.ts";

/**
 * Neighbouring chains of the same steps on other memory become one command, whose elements are shared over the threads as
 * a whole: an optimizer's update of a hundred parameters, most of which are too small for more than one thread.
 */
export function joinChains(steps: readonly Step[], slots: readonly Slot[]): Step[] {
  const memory = (slot: number) => slots[slot]!.block ?? slot;
  const groups: Step[][] = [];
  let [read, written] = [new Set<unknown>(), new Set<unknown>()];
  for (const step of steps) {
    const { reads, writes } = touches(step);
    const apart =
      !reads.some((slot) => written.has(memory(slot))) &&
      !writes.some((slot) => written.has(memory(slot)) || read.has(memory(slot)));
    if (!apart || !alike(groups.at(-1)?.[0], step)) {
      groups.push([]);
      [read, written] = [new Set(), new Set()];
    }
    groups.at(-1)!.push(step);
    for (const slot of reads) read.add(memory(slot));
    for (const slot of writes) written.add(memory(slot));
  }
  return groups.map((group) => (group.length === 1 ? group[0]! : joined(group as Command[])));
}

/** The kernel of a command, and on how many lists of buffers a chain runs if it is more than one. */
export function labelOf({ kernel, params }: Command): string {
  return kernel === "chain" && params[0]! > 1 ? `chain ×${params[0]}` : kernel;
}

/** True for chains that differ in buffers and in how many elements they have, which is parameter 1. */
function alike(a: Step | undefined, b: Step): boolean {
  if (a === undefined || !("kernel" in a && "kernel" in b) || a.kernel !== "chain" || b.kernel !== "chain")
    return false;
  return a.params.length === b.params.length && a.params.every((p, i) => i === 1 || p === b.params[i]);
}

function joined(chains: readonly Command[]): Command {
  const [first] = chains as [Command];
  const sizes = chains.map(({ params }) => params[1]!);
  const operands = chains.flatMap(({ buffers, writes }) => buffers.slice(0, -writes));
  const results = chains.flatMap(({ buffers, writes }) => buffers.slice(-writes));
  const readBy = (slot: number) => chains.filter(({ buffers }) => buffers.some((place) => place.slot === slot)).length;
  return {
    ...first,
    buffers: [...operands, ...results],
    writes: results.length,
    over: chains.flatMap(({ over }) => over.filter(([, input]) => readBy(input) === 1)),
    params: [chains.length, ...sizes, ...first.params.slice(2)],
    threads: sizes.reduce((sum, n) => sum + n, 0) <= CHAIN_GRAIN ? 1 : undefined,
  };
}
