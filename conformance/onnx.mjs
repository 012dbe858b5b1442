import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { FoveaError, UnsupportedOpError, noGrad, scope, withEngine } from "../packages/fovea/dist/index.js";
import { loadOnnx, onnxOperators, onnxTensor, readGraph, readOnnxTensor } from "../packages/fovea/dist/io/node.js";
import { suitesOf } from "./suites.mjs";

/** Runs ONNX backend tests (model.onnx and test_data_set_*) from a folder, an archive, or a folder of archives. */
export async function* runOnnx(path, { engines, only }) {
  const index = readIndex(path);
  for (const { suite, files } of suitesOf(path, /\.(onnx|pb|data|bin)$/)) {
    for (const test of testsOf(files)) {
      if (only !== undefined && !test.name.includes(only)) continue;
      yield runTest(test, { suite, engines, family: index.get(`${suite}/${test.name}`) });
    }
  }
}

/** Families from an INDEX.json beside the tests, if there is one. */
function readIndex(path) {
  const file = join(statSync(path).isDirectory() ? path : dirname(path), "INDEX.json");
  if (!existsSync(file)) return new Map();
  return new Map(JSON.parse(readFileSync(file, "utf8")).map(({ suite, test, family }) => [`${suite}/${test}`, family]));
}

/** A test per model: folders with data sets, or (the light suite) a file with its outputs beside it. */
function testsOf(files) {
  const tests = [];
  for (const [path, read] of files) {
    if (!path.endsWith(".onnx")) continue;
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    const stem = path.slice(0, -".onnx".length);
    const light = [...files].filter(([name]) => name.startsWith(`${stem}_output_`));
    const name = light.length > 0 ? basename(stem) : basename(folder);
    const sets = new Map();
    for (const [file, bytes] of light) sets.set("light", [...(sets.get("light") ?? []), [file, bytes]]);
    for (const [file, bytes] of files) {
      const set = file.startsWith(`${folder}/test_data_set_`) ? dirname(file) : undefined;
      if (set !== undefined && light.length === 0) sets.set(set, [...(sets.get(set) ?? []), [file, bytes]]);
    }
    tests.push({ name, model: read, folder, files, sets: [...sets.values()] });
  }
  return tests.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Numbered files in their order. */
function numbered(set, kind) {
  const number = (file) => Number(/_(\d+)\.pb$/.exec(file)?.[1]);
  return set
    .filter(([file]) => new RegExp(`${kind}_\\d+\\.pb$`).test(file))
    .toSorted(([a], [b]) => number(a) - number(b));
}

async function runTest(test, { suite, engines, family }) {
  const result = { suite, test: test.name, family: family ?? familyOf(test) };
  let random = false;
  try {
    const name = `${suite}/${test.name}`;
    const external = (location) => test.files.get(`${test.folder}/${location}`)?.() ?? fail(`no file ${location}`);
    const model = loadOnnx(test.model(), name, { externalData: external });
    const trainingDropout = model.graph.nodes.some(({ op, inputs }) => op === "Dropout" && inputs.length > 2);
    if (test.sets.length === 0) fail("there is no data set");
    for (const set of test.sets) {
      const expected = numbered(set, "output").map(([file, bytes]) => readOnnxTensor(bytes(), file));
      const given = numbered(set, "input").map(([file, bytes]) => readOnnxTensor(bytes(), file));
      const inputs = model.inputs.map((info, i) => given[i] ?? ones(info));
      // Known from the vectors alone: with a ratio of 0 nothing was dropped, and the numbers must agree.
      const dropped = trainingDropout && expected[0].data.some((v, i) => v !== inputs[0].data[i]);
      random ||= dropped;
      for (const engine of engines) {
        const outputs = withEngine(engine, () =>
          scope(() => noGrad(() => Object.values(model.run(...inputs.map((x) => onnxTensor(x)))))),
        );
        for (const [i, want] of expected.entries()) {
          const got = outputs[i] ?? fail(`output ${i} is missing`);
          if (got.dtype !== onnxTensor(want).dtype) fail(`${engine}: output ${i} is ${got.dtype}, wanted ${want.type}`);
          const values = await withEngine(engine, () => got.data());
          if (dropped) compareDropped(want, inputs[0], got.shape, values, `${engine}: output ${i}`);
          else compare(want, got.shape, values, `${engine}: output ${i}`);
        }
      }
    }
    if (!random) return { ...result, outcome: "passed" };
    const why = "everything but which elements are dropped was checked: that is another generator's choice";
    return { ...result, outcome: "unsupported", missing: "Dropout (the numbers of another generator)", why };
  } catch (error) {
    if (error instanceof UnsupportedOpError) {
      return { ...result, outcome: "unsupported", missing: error.op ?? error.message.slice(0, 80), why: error.message };
    }
    if (!(error instanceof FoveaError) && !(error instanceof Mismatch))
      return { ...result, outcome: "failed", why: error.stack };
    return { ...result, outcome: "failed", why: error.message };
  }
}

class Mismatch extends Error {}

function fail(why) {
  throw new Mismatch(why);
}

/** Light models come without inputs: their outputs are the same for all. */
function ones({ name, type, shape }) {
  if (shape === null) fail(`the input ${name} has neither data nor a shape`);
  const sizes = shape.map((d) => (typeof d === "number" ? d : 1));
  const size = sizes.reduce((n, d) => n * d, 1);
  return { type, shape: sizes, data: new Float32Array(size).fill(1) };
}

const RTOL = 1e-3;
const ATOL = 1e-5;

/** Shapes must be equal, integers too; floats within the tolerance of ONNX's own runner. */
function compare({ type, shape, data }, gotShape, got, where) {
  if (shape.join() !== gotShape.join())
    fail(`${where} has shape [${gotShape.join(", ")}], wanted [${shape.join(", ")}]`);
  const exact = !type.includes("float");
  let worst = 0;
  for (let i = 0; i < data.length; i++) {
    const [a, b] = [data[i], got[i]];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const error = Math.abs(a - b) / (exact ? 0.5 : ATOL + RTOL * Math.abs(a));
    if (!(error <= worst)) worst = error;
    if (!(error <= 1)) fail(`${where} element ${i} is ${b}, wanted ${a} (${type})`);
  }
}

/** Dropout in training mode: each element is 0 or the input times the vector's own factor; a mask is of 0 and 1. */
function compareDropped({ type, shape, data }, input, gotShape, got, where) {
  const kept = data.findIndex((v) => v !== 0);
  const factor = data[kept] / input.data[kept];
  const possible =
    type === "bool" ? got.map((v) => Number(v !== 0)) : got.map((v, i) => (v === 0 ? 0 : input.data[i] * factor));
  compare({ type, shape, data: possible }, gotShape, got, where);
}

/** Without an index: the operator that the test's name begins with, else the model's first. */
function familyOf(test) {
  const words = test.name
    .replace(/^test_/, "")
    .replaceAll("_", "")
    .toLowerCase();
  const named = onnxOperators
    .filter((op) => words.startsWith(op.toLowerCase()))
    .toSorted((a, b) => b.length - a.length);
  if (named.length > 0) return named[0];
  try {
    return readGraph(test.model(), test.name).nodes[0]?.op ?? "none";
  } catch {
    return "unreadable";
  }
}
