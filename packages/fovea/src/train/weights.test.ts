import { expect, it } from "vitest";
import { tensor } from "../tensor/create.ts";
import { decodeTensors, encodeTensors } from "./weights.ts";

const state = () =>
  new Map([
    ["b", tensor([1.5, -2])],
    ["a", tensor([[1], [2], [3]], { dtype: "int32" })],
    ["__proto__", tensor([1, 0], { dtype: "bool" })],
  ]);

it("tensors and words come back", async () => {
  const bytes = await encodeTensors(state(), new Map([["from", "here"]]));
  const { tensors, metadata } = decodeTensors(bytes, "weights");
  expect([...metadata]).toEqual([["from", "here"]]);
  for (const [name, wanted] of state()) {
    const { shape, dtype } = tensors.get(name)!;
    expect({ shape, dtype }).toEqual({ shape: wanted.shape, dtype: wanted.dtype });
    expect(await tensors.get(name)!.toArray()).toEqual(await wanted.toArray());
  }
});

it("a Node Buffer is as good as a Uint8Array", async () => {
  const { tensors } = decodeTensors(Buffer.from(await encodeTensors(state())), "weights");
  expect(await tensors.get("b")!.toArray()).toEqual([1.5, -2]);
  expect(tensors.get("b")!.storage.values()).toHaveLength(2);
});
