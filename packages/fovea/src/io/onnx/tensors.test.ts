import { expect, it } from "vitest";
import { stored } from "../../testing/onnxModel.ts";
import { elementTypeNumber, type ElementType } from "./elementTypes.ts";
import { readTensor } from "./tensors.ts";
import { Value } from "./value.ts";

const raw = (type: ElementType, dims: readonly number[], bytes: readonly number[]) => ({
  ...stored("t", type, dims, []),
  rawData: Uint8Array.from(bytes),
});
const read = (proto: ReturnType<typeof stored>) => [...readTensor(proto, "m").data];

it("reads every type from raw bytes, exactly", () => {
  expect(read(raw("float32", [1], [0, 0, 0xc0, 0x3f]))).toEqual([1.5]);
  expect(read(raw("float64", [1], [0, 0, 0, 0, 0, 0, 0xf8, 0x3f]))).toEqual([1.5]);
  // 1.5, the largest half (65504), the smallest (2^-24), −∞
  expect(read(raw("float16", [4], [0, 0x3e, 0xff, 0x7b, 1, 0, 0, 0xfc]))).toEqual([1.5, 65504, 2 ** -24, -Infinity]);
  expect(read(raw("bfloat16", [2], [0xc0, 0x3f, 0x80, 0xff]))).toEqual([1.5, -Infinity]);
  expect(read(raw("int8", [2], [0xff, 0x7f]))).toEqual([-1, 127]);
  expect(read(raw("uint8", [2], [0xff, 0x7f]))).toEqual([255, 127]);
  expect(read(raw("int16", [1], [0xfe, 0xff]))).toEqual([-2]);
  expect(read(raw("uint16", [1], [0xfe, 0xff]))).toEqual([65534]);
  expect(read(raw("int32", [1], [0xfe, 0xff, 0xff, 0xff]))).toEqual([-2]);
  expect(read(raw("uint32", [1], [0xfe, 0xff, 0xff, 0xff]))).toEqual([4294967294]);
  expect(read(raw("int64", [2], [0xfe, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 1, 0, 0]))).toEqual([
    -2,
    2 ** 40,
  ]);
  expect(read(raw("bool", [2], [0, 7]))).toEqual([0, 1]);
});

it("reads typed fields, halves as their bits", () => {
  expect(read(stored("t", "float32", [2], [1, 2]))).toEqual([1, 2]);
  expect(read(stored("t", "float16", [1], [0x3e00]))).toEqual([1.5]);
  expect(read(stored("t", "int64", [2], [-3, 2 ** 50]))).toEqual([-3, 2 ** 50]);
  expect(read(stored("t", "bool", [2], [1, 0]))).toEqual([1, 0]);
});

it("computes with float32, int32 and bool only where values fit", () => {
  const dtype = (type: ElementType) => Value.constant(readTensor(stored("t", type, [1], [1]), "m")).tensor.dtype;
  expect([dtype("float64"), dtype("int8"), dtype("bool")]).toEqual(["float32", "int32", "bool"]);
  const large = Value.constant(readTensor(stored("t", "int64", [1], [2 ** 31]), "m"));
  expect(() => large.tensor).toThrow("the int64 value 2147483648 does not fit");
});

it("refuses shapes that the bytes do not fill, without allocating for them", () => {
  const refuse = (proto: ReturnType<typeof stored>) => expect(() => readTensor(proto, "m.onnx"));
  refuse(raw("float32", [2, 3], [1, 2, 3])).toThrow(
    'm.onnx: tensor "t" of shape [2, 3] and type float32 needs 24 bytes of data, but has 3',
  );
  refuse(raw("float32", [2 ** 40, 2 ** 40], [])).toThrow("needs 4835703278458516698824704 bytes");
  refuse(stored("t", "float32", [3], [1])).toThrow("needs 3 values, but has 1");
  refuse(stored("t", "float32", [-1], [])).toThrow("sizes must be whole numbers ≥ 0");
  refuse(
    stored(
      "t",
      "float32",
      Array.from({ length: 100_000 }, () => 127),
      [],
    ),
  ).toThrow("has 100000 axes");
  refuse({ ...stored("t", "float32", [1], [1]), dataType: 14 }).toThrow("has element type complex64");
  expect(elementTypeNumber("bfloat16")).toBe(16);
});
