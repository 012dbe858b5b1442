import assert from "node:assert";
import { after, before, describe as describeNode, it as itNode } from "node:test";

/**
 * As much of vitest as the op suite uses, on Node's own test runner: for processors that vitest has no binaries for.
 * scripts/cross.mjs bundles the suite with this file in vitest's place.
 */
export const beforeAll = before;
export const afterAll = after;

interface Test {
  (title: string, run: () => void | Promise<void>): void;
}

const skipIf = (test: (title: string, options: { skip: boolean }, run: () => void) => unknown) => (skip: boolean) =>
  ((title, run) => void test(title, { skip }, run as () => void)) satisfies Test;

export const describe = Object.assign(((title, run) => void describeNode(title, run as () => void)) satisfies Test, {
  skipIf: skipIf(describeNode),
});
export const it = Object.assign(((title, run) => void itNode(title, run)) satisfies Test, { skipIf: skipIf(itNode) });
export const test = it;

export const expect = Object.assign(
  (got: unknown, message?: string) => ({
    toBe: (want: unknown) => assert.ok(Object.is(got, want), message ?? `got ${String(got)}, want ${String(want)}`),
    toEqual: (want: unknown) => assert.deepStrictEqual(got, want, message),
    toBeGreaterThan: (want: number) => assert.ok((got as number) > want, message ?? `${String(got)} > ${want}`),
    toBeLessThan: (want: number) => assert.ok((got as number) < want, message ?? `${String(got)} < ${want}`),
  }),
  { fail: (message: string): never => assert.fail(message) },
);
