import { describe, expect, it } from "vitest";
import { ShapeError, UsageError } from "../base/errors.ts";
import { tensor } from "../tensor/create.ts";
import { imagenetClasses } from "./imagenetClasses.ts";
import { decodePredictions, topClasses } from "./predictions.ts";
import { preprocessImages, preprocessInput, valueRules, type PreprocessMode } from "./preprocess.ts";

const close = (got: ArrayLike<number>, want: readonly number[]) => {
  expect(got).toHaveLength(want.length);
  want.forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThan(1e-5));
};

// One pixel, red 10, green 100, blue 200. Expected values by hand from Keras' constants.
const expected: Record<PreprocessMode, number[]> = {
  caffe: [200 - 103.939, 100 - 116.779, 10 - 123.68],
  tf: [10 / 127.5 - 1, 100 / 127.5 - 1, 200 / 127.5 - 1],
  torch: [(10 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (200 / 255 - 0.406) / 0.225],
};

describe("preprocessInput", () => {
  for (const mode of Object.keys(valueRules) as PreprocessMode[]) {
    it(`${mode}: the same values in both layouts, for bytes and floats, and from pictures`, async () => {
      close(await preprocessInput(tensor([[[10]], [[100]], [[200]]]), mode).data(), expected[mode]);
      const bytes = tensor(Int32Array.of(10, 100, 200), { shape: [1, 1, 1, 3] });
      const last = preprocessInput(bytes, mode, { dataFormat: "channels_last" });
      expect(last.shape).toEqual([1, 1, 1, 3]);
      close(await last.data(), expected[mode]);
      const picture = { width: 1, height: 1, pixels: Uint8Array.of(10, 100, 200) };
      const rule = { resize: 1, crop: 1, interpolation: "bilinear", values: mode } as const;
      close(await preprocessImages([picture], rule).data(), expected[mode]);
    });
  }

  it("leaves its input alone", async () => {
    const x = tensor([[[10]], [[100]], [[200]]]);
    preprocessInput(x, "tf");
    expect([...(await x.data())]).toEqual([10, 100, 200]);
  });

  it("refuses unknown modes and other channels", () => {
    expect(() => preprocessInput(tensor([[[1]]]), "torch")).toThrow(ShapeError);
    expect(() => preprocessInput(tensor([[[1]]]), "keras" as "tf")).toThrow(UsageError);
    expect(() => preprocessInput(tensor([[[1]]]), "keras" as "tf")).toThrow(/modes are caffe, tf, torch/);
  });
});

describe("decodePredictions", () => {
  it("knows the thousand classes in order", () => {
    expect(imagenetClasses).toHaveLength(1000);
    const synsets = imagenetClasses.map(({ synset }) => synset);
    expect(synsets).toEqual(synsets.toSorted());
    expect(new Set(synsets).size).toBe(1000);
    // The example of Keras' documentation.
    expect(imagenetClasses[385]).toEqual({ synset: "n02504013", name: "Indian_elephant" });
    expect(imagenetClasses[101]).toEqual({ synset: "n01871265", name: "tusker" });
    expect(imagenetClasses[999]!.name).toBe("toilet_tissue");
  });

  it("gives the best of each row, best first", async () => {
    const scores = new Float32Array(2000);
    scores[385] = 0.75;
    scores[101] = 0.25;
    scores[1000 + 999] = 1;
    const [first, second] = await decodePredictions(tensor(scores, { shape: [2, 1000] }), 3);
    expect(first!.map(({ synset, name, score }) => [synset, name, score])).toEqual([
      ["n02504013", "Indian_elephant", 0.75],
      ["n01871265", "tusker", 0.25],
      ["n01440764", "tench", 0],
    ]);
    expect(second![0]).toEqual({ index: 999, synset: "n15075141", name: "toilet_tissue", score: 1 });
  });

  it("refuses other shapes and numbers", async () => {
    await expect(decodePredictions(tensor([[1, 2]]))).rejects.toThrow("wanted [N, 1000], got [1, 2]");
    expect(() => topClasses([1, 2], ["a", "b"], 0)).toThrow(UsageError);
    expect(() => topClasses([1, 2], ["a"], 1)).toThrow(ShapeError);
  });
});
