// What the converter of TensorFlow.js does to a graph: batch norms become part of the convolution before them, and
// activations of the op before them.

/** How often each value is read. */
function readers(nodes) {
  const count = new Map();
  for (const { inputs } of nodes) for (const name of inputs) count.set(name, (count.get(name) ?? 0) + 1);
  return count;
}

/** Conv followed by a BatchNormalization that alone reads it: scaled weights and a bias, added to `constants`. */
export function foldNorms(nodes, constants) {
  const count = readers(nodes);
  const result = [];
  for (const node of nodes) {
    const before = result.at(-1);
    const folds =
      node.op === "BatchNormalization" &&
      before?.op === "Conv" &&
      before.outputs[0] === node.inputs[0] &&
      count.get(node.inputs[0]) === 1;
    if (!folds) {
      result.push({ ...node });
      continue;
    }
    const [scale, shift, mean, variance] = node.inputs.slice(1).map((name) => constants.get(name).data);
    const factor = scale.map((s, c) => s / Math.sqrt(variance[c] + node.attributes.get("epsilon").value));
    const { shape, data } = constants.get(before.inputs[1]);
    const bias = before.inputs[2] === undefined ? mean.map(() => 0) : constants.get(before.inputs[2]).data;
    const size = data.length / shape[0];
    const name = node.outputs[0];
    constants.set(`${name}.weight`, { shape, data: data.map((v, i) => v * factor[Math.floor(i / size)]) });
    constants.set(`${name}.bias`, {
      shape: [shape[0]],
      data: shift.map((s, c) => s + (bias[c] - mean[c]) * factor[c]),
    });
    result[result.length - 1] = {
      ...before,
      inputs: [before.inputs[0], `${name}.weight`, `${name}.bias`],
      outputs: node.outputs,
    };
  }
  return result;
}

/** An activation that alone reads a convolution or a product is done by it; Clip is relu6 in these networks. */
export function fuseActivations(nodes) {
  const count = readers(nodes);
  const hosts = new Set(["Conv", "Gemm", "BatchNormalization"]);
  const result = [];
  for (const node of nodes) {
    const before = result.at(-1);
    const activation = { Relu: "relu", Clip: "relu6" }[node.op];
    if (
      activation !== undefined &&
      hosts.has(before?.op) &&
      before.activation === undefined &&
      before.outputs[0] === node.inputs[0] &&
      count.get(node.inputs[0]) === 1
    ) {
      result[result.length - 1] = { ...before, activation, outputs: node.outputs };
    } else result.push({ ...node });
  }
  return result;
}
