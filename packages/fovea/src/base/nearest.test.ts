import { expect, it } from "vitest";
import { nearest } from "./nearest.ts";

it("finds the word with a slip, a missing or an added letter", () => {
  const words = ["native", "wasm", "reference"];
  expect(nearest("nativ", words)).toBe("native");
  expect(nearest("waasm", words)).toBe("wasm");
  expect(nearest("referense", words)).toBe("reference");
});

it("finds nothing when no word is near", () => {
  expect(nearest("webgpu", ["native", "wasm"])).toBe(null);
  expect(nearest("x", [])).toBe(null);
});

it("prefers the nearer of two", () => {
  expect(nearest("conv1.weight", ["conv2.weights", "conv1.weigth", "fc.bias"])).toBe("conv1.weigth");
});
