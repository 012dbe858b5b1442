// Batch norms as one ONNX operator, so that peers fold them as they do with other exporters' files: the chain
// Add(Mul(Sub(x, mean), Mul(Reciprocal(Sqrt(Add(variance, ε))), weight)), bias) becomes BatchNormalization.
import { decodeModel, encodeModel } from "../packages/fovea/dist/io/onnx/proto.js";

export function withBatchNormalization(bytes) {
  const model = decodeModel(bytes, "model");
  const { node: nodes, initializer } = model.graph;
  const maker = new Map(nodes.flatMap((n) => n.output.map((name) => [name, n])));
  const constants = new Map(initializer.map((t) => [t.name, t]));
  const of = (name, op) => {
    const n = maker.get(name);
    return n?.opType === op ? n : undefined;
  };
  const channel = (name) => of(name, "Reshape")?.input[0];
  const replaced = nodes.map((sum) => {
    if (sum.opType !== "Add") return sum;
    const scaled = of(sum.input[0], "Mul");
    const centered = scaled && of(scaled.input[0], "Sub");
    const scale = scaled && of(scaled.input[1], "Mul");
    const root = scale && of(of(scale.input[0], "Reciprocal")?.input[0], "Sqrt");
    const variance = root && of(root.input[0], "Add");
    if (!centered || !variance) return sum;
    const eps = constants.get(variance.input[1]).rawData;
    return {
      ...sum,
      opType: "BatchNormalization",
      input: [
        centered.input[0],
        channel(scale.input[1]),
        channel(sum.input[1]),
        channel(centered.input[1]),
        channel(variance.input[0]),
      ],
      attribute: [
        {
          name: "epsilon",
          type: 1,
          f: new DataView(eps.buffer, eps.byteOffset).getFloat32(0, true),
          floats: [],
          ints: [],
          strings: [],
        },
      ],
    };
  });
  // What nobody reads any more goes.
  const outputs = new Set(model.graph.output.map(({ name }) => name));
  let kept = replaced;
  for (;;) {
    const used = new Set([...kept.flatMap(({ input }) => input), ...outputs]);
    const next = kept.filter(({ output }) => output.some((name) => used.has(name)));
    if (next.length === kept.length) break;
    kept = next;
  }
  const used = new Set(kept.flatMap(({ input }) => input));
  return encodeModel({
    ...model,
    graph: { ...model.graph, node: kept, initializer: initializer.filter(({ name }) => used.has(name)) },
  });
}
