import type { DType, TypedArray } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import type { AttributeProto, NodeProto, TensorProto, ValueInfoProto } from "./proto.ts";

/** ONNX's number of a dtype. */
export const typeNumbers = { float32: 1, uint8: 2, int32: 6, bool: 9 } as const satisfies Record<DType, number>;
const INT64 = 7;

export type AttributeArgument = number | string | readonly number[] | { readonly float: number };

/** Collects the nodes and tensors of a graph; every value has a name of its own. */
export class GraphWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #counts = new Map<string, number>();
  readonly #taken = new Set<string>();

  /** A name that nothing has yet. */
  name(wish: string): string {
    let name = wish;
    while (this.#taken.has(name)) {
      const count = (this.#counts.get(wish) ?? 0) + 1;
      this.#counts.set(wish, count);
      name = `${wish}_${count}`;
    }
    this.#taken.add(name);
    return name;
  }

  /** A node, and the name of its output number `output`. Those before it get names that nothing uses. */
  add(op: string, inputs: readonly string[], attributes: Record<string, AttributeArgument> = {}, output = 0): string {
    const result = this.name(op.toLowerCase());
    this.nodes.push({
      opType: op,
      name: result,
      input: inputs,
      output: [...Array.from({ length: output }, () => this.name("unused")), result],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return result;
  }

  /** Takes out nodes and constants that nothing between them and the outputs reads. */
  prune(outputs: readonly string[]): void {
    const needed = new Set(outputs);
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const { input, output } = this.nodes[i]!;
      if (output.some((name) => needed.has(name))) for (const name of input) needed.add(name);
      else this.nodes.splice(i, 1);
    }
    const used = this.initializers.filter(({ name }) => needed.has(name!));
    this.initializers.splice(0, this.initializers.length, ...used);
  }

  /** Whole numbers as an int64 constant, as shapes and axes are. */
  integers(values: readonly number[], wish = "axes"): string {
    const name = this.name(wish);
    const raw = new Uint8Array(8 * values.length);
    const view = new DataView(raw.buffer);
    values.forEach((v, i) => view.setBigInt64(8 * i, BigInt(v), true));
    this.initializers.push({ ...noData, name, dims: [values.length], dataType: INT64, rawData: raw });
    return name;
  }

  /** A tensor that the file carries. */
  tensor(values: TypedArray, shape: Shape, dtype: DType, wish: string): string {
    const name = this.name(wish);
    this.initializers.push({
      ...noData,
      name,
      dims: shape,
      dataType: typeNumbers[dtype],
      rawData: littleEndian(values, dtype),
    });
    return name;
  }

  /** One number of a dtype. */
  scalar(value: number, dtype: DType = "float32"): string {
    return this.tensor(dtype === "float32" ? Float32Array.of(value) : Int32Array.of(value), [], dtype, "constant");
  }
}

const noData = {
  floatData: [],
  int32Data: [],
  stringData: [],
  int64Data: [],
  doubleData: [],
  uint64Data: [],
  externalData: [],
};

function littleEndian(values: TypedArray, dtype: DType): Uint8Array {
  if (dtype === "uint8" || dtype === "bool") return Uint8Array.from(values);
  const raw = new Uint8Array(4 * values.length);
  const view = new DataView(raw.buffer);
  for (let i = 0; i < values.length; i++) {
    if (dtype === "float32") view.setFloat32(4 * i, values[i]!, true);
    else view.setInt32(4 * i, values[i]!, true);
  }
  return raw;
}

function attribute(name: string, value: AttributeArgument): AttributeProto {
  const empty = { name, floats: [], ints: [], strings: [] };
  if (typeof value === "number") return { ...empty, type: 2, i: value };
  if (typeof value === "string") return { ...empty, type: 3, s: new TextEncoder().encode(value) };
  if ("float" in value) return { ...empty, type: 1, f: value.float };
  return { ...empty, type: 7, ints: value };
}

/** An input or output of the graph. */
export function valueInfo(name: string, shape: Shape, dtype: DType): ValueInfoProto {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: typeNumbers[dtype], shape: { dim } } } };
}
