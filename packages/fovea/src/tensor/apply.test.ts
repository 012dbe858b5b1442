import { expect, test } from "vitest";
import { add, conv2d, ones, type Tensor } from "../index.ts";

test("a program without types learns which input is no tensor", () => {
  const untyped = (value: unknown) => value as Tensor;
  const [x, weight] = [ones([1, 1, 3, 3]), ones([1, 1, 3, 3])];
  expect(() => conv2d(x, weight, untyped({ padding: 1 }))).toThrow(
    "conv2d: input 3 is of type object, not a tensor; tensor(values) makes one of numbers",
  );
  expect(() => add(x, untyped([1, 2]))).toThrow(/is an array, not a tensor/);
  expect(() => conv2d(x, ones([1, 2, 3, 3]))).toThrow("channels"); // other mistakes are told as before
});
