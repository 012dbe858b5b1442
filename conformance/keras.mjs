import { keras, noGrad, scope, tensor, withEngine } from "../packages/fovea/dist/index.js";
import { settingsOf } from "./keras-settings.mjs";
import { suitesOf } from "./suites.mjs";

/** Runs the layer vectors of keras-js through the Keras layers: JSON files of a folder or of archives. */
export async function* runKeras(path, { engines, only }) {
  for (const { suite, files } of suitesOf(path, /\.json$/)) {
    const vectors = [...files.values()].flatMap((read) => Object.entries(JSON.parse(new TextDecoder().decode(read()))));
    for (const [name, vector] of vectors.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (only !== undefined && !name.includes(only)) continue;
      yield runVector(name, vector, { suite, engines });
    }
  }
}

/** `convolutional.Conv2D.3` is about Conv2D, `activations.relu.0` about relu, `pipeline_03` about pipelines. */
function familyOf(name) {
  return name.includes(".") ? name.split(".").at(-2) : name.replace(/_\d+$/, "");
}

async function runVector(name, vector, { suite, engines }) {
  const result = { suite, test: name, family: familyOf(name) };
  const settings = settingsOf(name);
  if (settings === null) {
    return {
      ...result,
      outcome: "unsupported",
      missing: result.family,
      why: `${result.family} is not a layer of a CNN`,
    };
  }
  try {
    for (const engine of engines) {
      const y = withEngine(engine, () => scope(() => noGrad(() => compute(settings, vector))));
      compare(vector.expected, y.shape.slice(1), await withEngine(engine, () => y.data()), engine);
    }
    return { ...result, outcome: "passed" };
  } catch (error) {
    return { ...result, outcome: "failed", why: error.message };
  }
}

/** The model of the settings with the vector's weights, run on its inputs. */
function compute({ branches, join: joined, after = [], order }, { input, inputs, weights = [] }) {
  const given = inputs ?? branches.map(() => input);
  const make = ([layer, options]) => new keras[layer](options);
  const layers = branches.map((branch) => branch.map(make));
  const rest = after.map(make);
  const joining = joined === undefined ? null : make(joined);
  const example = ({ data, shape }) => tensor(Float32Array.from(data), { shape: [1, ...shape] });

  // Shapes first, for the weights; then the weights, in the order of the file.
  const ends = layers.map((branch, i) =>
    branch.reduce((shape, layer) => layer.build(shape).computeOutputShape(shape), [1, ...given[i].shape]),
  );
  const end = joining === null ? ends[0] : joining.computeOutputShape(ends);
  rest.reduce((shape, layer) => layer.build(shape).computeOutputShape(shape), end);
  const inOrder = [...(order?.map(([branch, at]) => layers[branch][at]) ?? layers.flat()), ...rest];
  let next = 0;
  for (const layer of inOrder) {
    const own = weights.slice(next, (next += layer.weights.length));
    layer.setWeights(own.map(({ data, shape }) => tensor(Float32Array.from(data), { shape })));
  }
  if (next !== weights.length) throw new Error(`${weights.length} weights, of which the layers take ${next}`);

  for (const layer of [...inOrder, ...(joining ? [joining] : [])]) layer.eval();
  const outputs = layers.map((branch, i) => branch.reduce((x, layer) => layer.forward(x), example(given[i])));
  const y = joining === null ? outputs[0] : joining.forward(outputs);
  return rest.reduce((x, layer) => layer.forward(x), y);
}

/** Outputs are printed with six decimals, and so are the weights they were computed from before rounding. */
const RTOL = 1e-4;
const ATOL = 2e-5;

function compare({ data, shape }, gotShape, got, where) {
  if (shape.join() !== gotShape.join()) {
    throw new Error(`${where}: shape [${gotShape.join(", ")}], wanted [${shape.join(", ")}]`);
  }
  for (const [i, want] of data.entries()) {
    if (Math.abs(want - got[i]) <= ATOL + RTOL * Math.abs(want)) continue;
    throw new Error(`${where}: element ${i} is ${got[i]}, wanted ${want}`);
  }
}
