import { FoveaError } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { GraphRecorder } from "../../graph/recorder.ts";
import { noGrad, withRecorder } from "../../tensor/apply.ts";
import { computeDType } from "./elementTypes.ts";
import { readGraph, type OnnxGraph, type OnnxNode, type Subgraph } from "./graph.ts";
import { OnnxModel } from "./module.ts";
import { schemaOf } from "./ops/schemas.ts";

/**
 * What is wrong with an ONNX file, in words; nothing when it is sound.
 *
 * Checked are the protobuf, that every name is defined once and before its use, the number of inputs and outputs and
 * the attributes of every operator, and (where the inputs have whole sizes) all shapes up to the declared outputs.
 */
export function validateOnnx(file: Uint8Array, name = "model"): string[] {
  try {
    const graph = readGraph(file, name);
    const model = new OnnxModel(graph, name); // names, order, known operators
    const faults = [...nodeFaults(graph)];
    return faults.length > 0 ? faults : shapeFaults(graph, model);
  } catch (error) {
    if (error instanceof FoveaError) return [error.message];
    throw error;
  }
}

function* nodeFaults(body: Subgraph): Generator<string> {
  for (const node of body.nodes) {
    yield* faultsOf(node);
    for (const { kind, value } of node.attributes.values()) if (kind === "graph") yield* nodeFaults(value);
  }
}

function* faultsOf({ op, name, inputs, outputs, attributes }: OnnxNode): Generator<string> {
  const schema = schemaOf(op);
  const who = `node ${JSON.stringify(name)} (${op})`;
  if (schema === undefined) return;
  const counts = [
    ["inputs", inputs.length, schema.inputs],
    ["outputs", outputs.length, schema.outputs],
  ] as const;
  for (const [what, count, [least, most]] of counts) {
    if (count < least || count > most) {
      const wanted = least === most ? `${least}` : `${least} … ${most === Infinity ? "any number" : most}`;
      yield `${who} has ${count} ${what}, wanted ${wanted}`;
    }
  }
  for (const [attribute, { kind }] of attributes) {
    const wanted = schema.attributes.get(attribute);
    if (wanted === undefined) {
      const known = [...schema.attributes.keys()].join(", ") || "none";
      yield `${who} has the attribute ${attribute}; known are ${known}`;
    } else if (wanted !== kind) yield `${who}: the attribute ${attribute} is of kind ${kind}, wanted ${wanted}`;
  }
}

/** Records the model for its declared inputs; the shape rules of all ops speak up. Nothing is computed. */
function shapeFaults(graph: OnnxGraph, model: OnnxModel): string[] {
  const specs = model.inputs.map(({ type, shape }) => {
    const whole = shape?.every((d) => typeof d === "number") ?? false;
    return whole ? { shape: shape as readonly number[], dtype: computeDType(type) } : null;
  });
  if (!specs.every((spec) => spec !== null)) return [];
  const recorder = new GraphRecorder();
  const inputs = specs.map((spec) => recorder.input(spec));
  const outputs = Object.values(noGrad(() => withRecorder(recorder, () => model.run(...inputs))));
  return graph.outputs.flatMap(({ name, type, shape }, i) => {
    const got = outputs[i]!;
    const fits =
      shape === null ||
      (shape.length === got.rank && shape.every((d, k) => typeof d !== "number" || d === got.shape[k]));
    const faults: string[] = [];
    if (!fits)
      faults.push(
        `the output ${name} is declared [${shape.map((d) => d ?? "?").join(", ")}], but is ${showShape(got.shape)}`,
      );
    if (got.dtype !== computeDType(type)) faults.push(`the output ${name} is declared ${type}, but is ${got.dtype}`);
    return faults;
  });
}
