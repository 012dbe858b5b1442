import { describe, expect, it } from "vitest";
import { FormatError } from "../base/errors.ts";
import { ImageDataset } from "./dataset.ts";
import type { Dataset } from "./sample.ts";
import { channelStatistics } from "./statistics.ts";

describe("channelStatistics", () => {
  it("are mean and standard deviation of each channel, scaled to 0 … 1", async () => {
    // Two pictures of 1 × 2: red 0, 255, 255, 255 (mean ¾, deviation √(3/16)), green always 51, blue 0, 0, 255, 255.
    const images = Uint8Array.from([0, 255, 51, 51, 0, 0, 255, 255, 51, 51, 255, 255]);
    const data = new ImageDataset({ name: "x", images, labels: Uint8Array.of(0, 0), shape: [3, 1, 2], classes: ["a"] });
    expect(await channelStatistics(data)).toEqual({ mean: [0.75, 0.2, 0.5], std: [0.433, 1, 0.5] });
    expect((await channelStatistics(data, { samples: 1 })).mean).toEqual([0.5, 0.2, 0]);
  });

  it("pass over what cannot be read, and refuse when that is everything", async () => {
    const sample = (index: number) => {
      if (index !== 1) throw new FormatError(`picture ${index} is damaged`);
      return { image: { width: 1, height: 1, channels: 1, pixels: Uint8Array.of(255) }, label: 0 };
    };
    const data: Dataset = { name: "x", length: 3, classes: ["a"], sample };
    expect(await channelStatistics(data)).toEqual({ mean: [1], std: [1] });
    await expect(channelStatistics({ ...data, length: 1 })).rejects.toThrow(/not one picture can be read/);
  });
});
