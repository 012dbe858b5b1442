import { expect, it } from "vitest";
import { FormatError } from "../../base/errors.ts";
import { node, onnxModel } from "../../testing/onnxModel.ts";
import { decodeModel } from "./proto.ts";

it("reads what it wrote", () => {
  const bytes = onnxModel({
    outputs: ["y"],
    nodes: [node("Clip", ["é"], ["y"], { axes: [-1, 2 ** 40], low: { float: 0.5 }, s: "ok" })],
  });
  const [read] = decodeModel(bytes, "m").graph!.node;
  expect(read!.input).toEqual(["é"]);
  expect(read!.attribute.map(({ ints }) => ints)).toEqual([[-1, 2 ** 40], [], []]);
  expect(read!.attribute[1]!.f).toBe(0.5);
});

it("takes repeated numbers packed or one by one, and skips unknown fields", () => {
  // AttributeProto.ints (8) packed, then one by one; field 1000 is nobody's
  const attribute = [0x42, 2, 1, 2, 0x40, 3, 0xc2, 0x3e, 1, 9];
  const nested = (number: number, body: number[]) => [(number << 3) | 2, body.length, ...body];
  const file = Uint8Array.from(nested(7, nested(1, nested(5, attribute))));
  expect(decodeModel(file, "m").graph!.node[0]!.attribute[0]!.ints).toEqual([1, 2, 3]);
});

it("refuses what is cut short, of a wrong kind, or nested without end", () => {
  const bytes = onnxModel({ outputs: ["y"], nodes: [node("Neg", ["x"], ["y"])] });
  expect(() => decodeModel(bytes.subarray(0, bytes.length - 3), "m.onnx")).toThrow(
    /m\.onnx is not a sound ONNX file: .*\(is it cut short or damaged\?\)/,
  );
  expect(() => decodeModel(Uint8Array.of(0x3d, 1, 2, 3, 4), "m")).toThrow("field graph (7) has wire type 5, not 2");
  // graph { node { attribute { g { node { … } } } } }
  let body: number[] = [];
  const field = (tag: number, content: number[]) => {
    const length: number[] = [];
    for (let n = content.length; ; n >>>= 7) {
      length.push(n > 127 ? (n & 127) | 128 : n);
      if (n <= 127) break;
    }
    return [tag, ...length, ...content];
  };
  for (let i = 0; i < 200; i++) body = field(0x0a, field(0x2a, field(0x32, body)));
  expect(() => decodeModel(Uint8Array.from(field(0x3a, body)), "m")).toThrow("messages are nested more than 64 deep");
  // 10,000 group starts of an unknown field
  const groups = Uint8Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? 0xa3 : 0x06));
  expect(() => decodeModel(groups, "m")).toThrow(FormatError);
});
