import { encodeSafetensors, parseSafetensors } from "../io/safetensors.ts";
import { toHostTensor, toStoredTensor, type HostTensor } from "../io/stored-dtype.ts";
import { fromHost } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Named tensors, and words about them, as the bytes of a safetensors file. */
export async function encodeTensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Promise<Uint8Array> {
  const stored = new Map<string, ReturnType<typeof toStoredTensor>>();
  for (const [name, tensor] of tensors) {
    const data = (await tensor.data()) as HostTensor["data"];
    stored.set(name, toStoredTensor({ dtype: tensor.dtype, shape: tensor.shape, data }));
  }
  return encodeSafetensors(stored, metadata);
}

/** The tensors of a safetensors file. `name` appears in the errors. */
export function decodeTensors(
  bytes: Uint8Array,
  name: string,
): { tensors: Map<string, Tensor>; metadata: ReadonlyMap<string, string> } {
  const file = parseSafetensors(bytes, name);
  const tensors = new Map<string, Tensor>();
  for (const [key, stored] of file.tensors) {
    const { data, shape, dtype } = toHostTensor(stored, key);
    tensors.set(key, fromHost(data, shape, dtype));
  }
  return { tensors, metadata: file.metadata };
}
