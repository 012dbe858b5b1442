import type { DType } from "../../base/dtype.ts";

/** ONNX's element types by their number in TensorProto.DataType. */
export const elementTypes = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
  16: "bfloat16",
} as const;

export type ElementType = (typeof elementTypes)[keyof typeof elementTypes];

/** The name of an element type by its number, or undefined when this reader has none for it. */
export function elementType(number: number | undefined): ElementType | undefined {
  return (elementTypes as Record<number, ElementType>)[number ?? 0];
}

/** Types that this reader knows by name only. */
const others: Readonly<Record<number, string>> = {
  14: "complex64",
  15: "complex128",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
};

/** Any element type for a message. */
export function showElementType(number: number | undefined): string {
  return elementType(number) ?? others[number ?? 0] ?? `number ${number ?? 0}`;
}

export function elementTypeNumber(type: ElementType): number {
  return Number(Object.entries(elementTypes).find(([, name]) => name === type)![0]);
}

const floats: readonly ElementType[] = ["float32", "float16", "float64", "bfloat16"];

export function isFloat(type: ElementType): boolean {
  return floats.includes(type);
}

/** Integers, signed or not; bool is none. */
export function isInteger(type: ElementType): boolean {
  return /^u?int\d/.test(type);
}

/** The dtype that computes: all floats as float32, all integers as int32. */
export function computeDType(type: ElementType): DType {
  if (isFloat(type)) return "float32";
  return type === "bool" ? "bool" : "int32";
}

/** Smallest and largest value of an integer type. */
export function integerRange(type: ElementType): readonly [number, number] {
  const bits = Number(type.replace(/^u?int/, ""));
  return type.startsWith("u") ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}
