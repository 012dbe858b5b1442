import { describe, expect, it } from "vitest";
import { shared } from "../../testing/shared.ts";
import { folderSource } from "./sources.ts";
import { optdigits } from "./optdigits.ts";

const file = (text: string) => () => Promise.resolve({ name: "digits.tra", bytes: new TextEncoder().encode(text) });
const record = (first: number, label: number) => [first, ...Array<number>(63).fill(8), label].join(",");

describe("UCI digits", () => {
  it("are lines of 65 numbers; others are skipped", async () => {
    const data = await optdigits(file(`% a comment\n${record(16, 3)}\r\n1,2,3\n\n${record(0, 9)}`), "train");
    expect([data.length, data.shape, [...data.labels]]).toEqual([2, [1, 8, 8], [3, 9]]);
    expect([...data.image(0).subarray(0, 2)]).toEqual([255, 128]); // 16 and 8 of 16
  });

  it("have counts of 0 … 16 and a digit", async () => {
    await expect(optdigits(file(record(17, 3)), "train")).rejects.toThrow("digits.tra: record 0 is not 64 counts");
    await expect(optdigits(file(record(1, 10)), "train")).rejects.toThrow("is not 64 counts of 0 … 16 and a digit");
    await expect(optdigits(file("nothing"), "test")).rejects.toThrow("digits.tra has no line of 64 counts and a digit");
  });

  const folder = shared("data/digits");
  it.skipIf(folder === null)("are 1,797 for testing, as scikit-learn has them (needs ../shared)", async () => {
    const source = folderSource(folder!);
    const test = await optdigits(source, "test");
    expect(test.length).toBe(1797);
    expect([...test.labels.subarray(0, 10)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]); // load_digits().target[:10]
    expect((await optdigits(source, "train")).length).toBe(2999);
  });
});
