import type { TypedArray } from "../../base/dtype.ts";
import type { TensorSpec } from "../../backend/contract.ts";
import { UnsupportedOpError, UsageError } from "../../base/errors.ts";
import type { Shape } from "../../base/shape.ts";
import { GraphRecorder } from "../../graph/recorder.ts";
import { simplifications } from "../../graph/passes/index.ts";
import { Module, rememberModes, walk, type AnyModule } from "../../nn/module.ts";
import { noGrad, withRecorder } from "../../tensor/apply.ts";
import type { Storage } from "../../tensor/storage.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { OnnxModel } from "./module.ts";
import { encodeModel } from "./proto.ts";
import { writerOf } from "./writeOps.ts";
import { GraphWriter, valueInfo } from "./writer.ts";

export interface ExportOnnxOptions {
  /** Names of the inputs; default `input`, or `input_0`, `input_1`, … */
  inputNames?: readonly string[];
  /** Names of the outputs; default those of a record, else `output`, or `output_0`, … */
  outputNames?: readonly string[];
  /** Written into the file as the graph's name; default the model's class. */
  name?: string;
}

/** What a model that can be written returns. */
type Outputs = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

/** The operator set that is written: the first whose reductions all take axes as an input and whose pools dilate. */
const OPSET = 19;
const IR_VERSION = 9;

/**
 * A model as an ONNX file, recorded in inference mode for inputs of these shapes (float32 unless a spec says otherwise).
 *
 * Weights keep their names. JavaScript control flow is frozen as it ran. A function may stand for a model.
 *
 * @example
 * await writeFileAtomic("lenet.onnx", exportOnnx(model, [[1, 1, 28, 28]]))
 */
export function exportOnnx(
  model: AnyModule | ((...inputs: Tensor[]) => Outputs),
  inputs: readonly (Shape | TensorSpec)[],
  options: ExportOnnxOptions = {},
): Uint8Array {
  const specs = inputs.map((x): TensorSpec => ("dtype" in x ? x : { shape: x, dtype: "float32" }));
  const recorder = new GraphRecorder();
  const symbols = specs.map((spec) => recorder.input(spec));
  const result = inInference(model, (run) => noGrad(() => withRecorder(recorder, () => run(...symbols))));
  const { tensors, names } = flatten(result);
  let graph = recorder.finish(tensors);
  for (const pass of simplifications) graph = pass(graph);
  if (graph.hostInputs.length > 0) {
    throw new UnsupportedOpError("exportOnnx: the model draws random numbers; call eval() on it first");
  }

  const w = new GraphWriter();
  const byValue = new Map<number, string>();
  const inputNames = namesFor(options.inputNames, specs.length, "input");
  graph.inputs.forEach((value, i) => byValue.set(value, w.name(inputNames[i]!)));
  const constants = new Map(graph.captured.map(({ value, storage }) => [value, storage]));
  const state =
    model instanceof Module ? new Map([...model.stateDict()].map(([name, { storage }]) => [storage, name])) : new Map();
  for (const { value, storage } of graph.captured) {
    const { shape, dtype } = graph.values[value]!;
    byValue.set(
      value,
      w.tensor(storage.values(), shape, dtype, (state.get(storage) as string | undefined) ?? "constant"),
    );
  }
  for (const { op, inputs: ids, attrs, output } of graph.nodes) {
    const given = ids.map((id) => (id < 0 ? undefined : graph.values[id]));
    const spec = graph.values[output]!;
    const write = writerOf(op.name, spec);
    const args = ids.map((id) => (id < 0 ? "" : byValue.get(id)!));
    byValue.set(
      output,
      write({
        w,
        names: args,
        specs: given,
        attrs,
        output: spec,
        values: (i) => constantValues(constants, ids[i]!, op.name),
      }),
    );
  }
  const outputNames = namesFor(options.outputNames ?? names, tensors.length, "output");
  // Named by a node of its own each: an output may also be an input, a weight, or the same value twice.
  const outputs = graph.outputs.map((value, i) => {
    const name = w.name(outputNames[i]!);
    w.nodes.push({ opType: "Identity", name, input: [byValue.get(value)!], output: [name], attribute: [] });
    const { shape, dtype } = graph.values[value]!;
    return valueInfo(name, shape, dtype);
  });
  w.prune(outputs.map(({ name }) => name!)); // a writer may have put what it reads into another form
  return encodeModel({
    irVersion: IR_VERSION,
    producerName: "fovea",
    opsetImport: [{ domain: "", version: OPSET }],
    functions: [],
    graph: {
      name: options.name ?? (model instanceof Module ? model.constructor.name : "function"),
      node: w.nodes,
      initializer: w.initializers,
      sparseInitializer: [],
      input: graph.inputs.map((value, i) => valueInfo(byValue.get(value)!, specs[i]!.shape, specs[i]!.dtype)),
      output: outputs,
      valueInfo: [],
    },
  });
}

function constantValues(constants: ReadonlyMap<number, Storage>, value: number, op: string): TypedArray {
  const storage = constants.get(value);
  if (storage !== undefined) return storage.values();
  throw new UnsupportedOpError(`exportOnnx: ${op} can only be written with constants that the model makes or holds`);
}

/** Runs `fn` with the model in inference mode, and leaves every module as it was. */
function inInference(
  model: AnyModule | ((...inputs: Tensor[]) => Outputs),
  fn: (run: (...inputs: Tensor[]) => Outputs) => Outputs,
): Outputs {
  if (!(model instanceof Module)) return fn(model);
  const restore = rememberModes(walk(model));
  const run = (model instanceof OnnxModel ? (...x: Tensor[]) => model.run(...x) : model.forward) as (
    ...x: Tensor[]
  ) => Outputs;
  try {
    model.eval();
    return fn(run);
  } finally {
    restore();
  }
}

function flatten(result: Outputs): { tensors: readonly Tensor[]; names?: readonly string[] } {
  if (result instanceof Tensor) return { tensors: [result] };
  if (Array.isArray(result) && result.every((x) => x instanceof Tensor)) return { tensors: result };
  const entries = Object.entries(result ?? {});
  if (entries.length === 0 || !entries.every(([, x]) => x instanceof Tensor)) {
    throw new UsageError("exportOnnx: the model must return a tensor, a list of tensors or a record of tensors");
  }
  return { tensors: entries.map(([, x]) => x as Tensor), names: entries.map(([name]) => name) };
}

function namesFor(given: readonly string[] | undefined, count: number, stem: string): readonly string[] {
  if (given === undefined) return count === 1 ? [stem] : Array.from({ length: count }, (_, i) => `${stem}_${i}`);
  if (given.length !== count) throw new UsageError(`exportOnnx: ${given.length} ${stem} names for ${count} ${stem}s`);
  return given;
}
