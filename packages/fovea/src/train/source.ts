import { ShapeError, UsageError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";
import { showShape } from "../base/shape.ts";
import { DataLoader } from "../data/loader.ts";
import type { AnySample, Dataset } from "../data/sample.ts";
import { Tensor } from "../tensor/tensor.ts";
import {
  isValues,
  rowsBetween,
  takeRows,
  toHost,
  toHosts,
  type HostArray,
  type Named,
  type TrainBatch,
  type Values,
} from "./batch.ts";
import { describeArrays, describeDataset, type DataDescription } from "./fingerprint.ts";

/** Batches in passes over the data. A pass can be taken up at any batch, so a run can go on where it stopped. */
export interface BatchSource {
  /** For messages. */
  readonly name: string;
  /** Batches of a pass; null where it is known only at its end. */
  readonly length: number | null;
  /** Names of the classes, where there are any. */
  readonly classes: readonly string[];
  /** What tells these data from others. */
  readonly description: DataDescription;
  pass(number: number, first: number): AsyncIterable<TrainBatch>;
}

/** A loader, such as `DataLoader`: batches of an epoch from any batch on. */
export interface Loader {
  readonly length: number;
  readonly dataset?: Dataset<AnySample>;
  epoch(epoch: number, first?: number): AsyncIterable<unknown> | Iterable<unknown>;
}

/** A batch from a loader, or a user's: `{ x, y }` or `[x, y, sampleWeight]`. */
export type RawBatch =
  | readonly [x: Named<Values>, y?: Named<Values>, sampleWeight?: Values]
  | {
      readonly x: Named<Values>;
      readonly y?: Named<Values>;
      readonly sampleWeight?: Values;
      readonly size?: number;
      readonly shape?: readonly number[];
      readonly yShape?: readonly number[];
      readonly indices?: ArrayLike<number>;
      readonly index?: number;
    };

/** Everything that can be trained on, besides arrays. */
export type TrainData =
  | Dataset<AnySample>
  | Loader
  | Iterable<RawBatch>
  | AsyncIterable<RawBatch>
  | (() => Iterable<RawBatch> | AsyncIterable<RawBatch>);

export interface SourceOptions {
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number | bigint;
  readonly sampleWeight?: Values | undefined;
  /** Weight of each class. */
  readonly classWeight?: readonly number[] | { readonly [label: number]: number } | undefined;
}

/** Batches of whatever was given to train on. */
export async function openSource(
  x: Named<Values> | TrainData,
  y: Named<Values> | undefined,
  options: SourceOptions,
): Promise<BatchSource> {
  if (isArrays(x)) return withClassWeights(arraySource(await readArrays(x, y, options.sampleWeight), options), options);
  if (y !== undefined) throw new UsageError("fit: y goes with arrays; a dataset brings its own targets");
  if (options.sampleWeight !== undefined) {
    throw new UsageError(
      "fit: sampleWeight goes with arrays; batches of a dataset bring their own: { x, y, sampleWeight }",
    );
  }
  const { batchSize, shuffle, seed } = options;
  if (isDataset(x)) return withClassWeights(loaderSource(new DataLoader(x, { batchSize, shuffle, seed })), options);
  if (isLoader(x)) return withClassWeights(loaderSource(x), options);
  return withClassWeights(iterableSource(x), options);
}

/** Arrays of one length: what is trained on, what for, and what each example counts. */
export interface Arrays {
  readonly x: readonly HostArray[];
  readonly y: ReadonlyMap<string, HostArray>;
  readonly weight: HostArray | null;
  readonly length: number;
}

export async function readArrays(
  x: Named<Values>,
  y: Named<Values> | undefined,
  sampleWeight: Values | undefined,
): Promise<Arrays> {
  const inputs = [...(await toHosts(x)).values()];
  const targets = y === undefined ? new Map<string, HostArray>() : await toHosts(y);
  const weight = sampleWeight === undefined ? null : await toHost(sampleWeight);
  const length = inputs[0]!.shape[0] ?? 0;
  const named: [string, HostArray][] = inputs.map((array, i) => [inputs.length > 1 ? `x ${i}` : "x", array]);
  for (const [name, array] of targets) named.push([name === "" ? "y" : `y ${name}`, array]);
  if (weight !== null) named.push(["sampleWeight", weight]);
  for (const [name, { shape }] of named) {
    if (shape[0] === length) continue;
    throw new ShapeError(
      `x has ${length} examples, but ${name} is ${showShape(shape)}; the first axis counts examples`,
    );
  }
  if (length === 0) throw new UsageError("fit: there are no examples");
  return { x: inputs, y: targets, weight, length };
}

/** The last part of arrays as validation data, as Keras takes it: before anything is shuffled. */
export function splitArrays(arrays: Arrays, fraction: number): [train: Arrays, validation: Arrays] {
  const cut = splitAt(arrays.length, fraction);
  const part = (from: number, to: number): Arrays => ({
    x: arrays.x.map((a) => rowsBetween(a, from, to)),
    y: new Map([...arrays.y].map(([name, a]) => [name, rowsBetween(a, from, to)])),
    weight: arrays.weight && rowsBetween(arrays.weight, from, to),
    length: to - from,
  });
  return [part(0, cut), part(cut, arrays.length)];
}

/** Where the validation part begins. */
export function splitAt(length: number, fraction: number): number {
  if (!(fraction > 0 && fraction < 1)) throw new UsageError(`validationSplit must be between 0 and 1, got ${fraction}`);
  const cut = Math.floor(length * (1 - fraction));
  if (cut > 0 && cut < length) return cut;
  throw new UsageError(`validationSplit ${fraction} of ${length} examples leaves none on one side`);
}

export function arraySource(arrays: Arrays, { batchSize, shuffle, seed }: SourceOptions): BatchSource {
  const { x, y, weight, length } = arrays;
  const orders = new RandomStream(seed).fork("shuffle"); // as DataLoader's
  const batches = Math.ceil(length / batchSize);
  return {
    length: batches,
    name: "the arrays",
    classes: [],
    description: describeArrays(arrays),
    async *pass(number, first) {
      const order = shuffle
        ? orders.fork(number).permutation(length)
        : Uint32Array.from({ length }, (_, position) => position);
      for (let index = first; index < batches; index++) {
        const indices = order.subarray(index * batchSize, Math.min(length, (index + 1) * batchSize));
        yield {
          x: x.map((a) => takeRows(a, indices)),
          y: new Map([...y].map(([name, a]) => [name, takeRows(a, indices)])),
          weight: weight && takeRows(weight, indices),
          size: indices.length,
          indices,
        };
      }
    },
  };
}

function loaderSource(loader: Loader): BatchSource {
  return {
    length: loader.length,
    name: loader.dataset?.name ?? "the loader",
    classes: loader.dataset?.classes ?? [],
    description: describeDataset(loader.dataset),
    async *pass(number, first) {
      for await (const batch of loader.epoch(number, first)) yield await toBatch(batch as RawBatch);
    },
  };
}

/** Batches that come as they come. What can be started once goes on from pass to pass. */
function iterableSource(batches: Exclude<TrainData, Dataset<AnySample> | Loader>): BatchSource {
  const start = () => {
    const from = Object(typeof batches === "function" ? batches() : batches) as Exclude<typeof batches, Function>;
    if (Symbol.asyncIterator in from) return from[Symbol.asyncIterator]();
    if (Symbol.iterator in from) return from[Symbol.iterator]();
    throw new UsageError("fit: data are arrays, a dataset, a loader, or something to iterate over that gives batches");
  };
  let once: AsyncIterator<RawBatch> | Iterator<RawBatch> | null = null;
  return {
    length: null,
    name: "the batches",
    classes: [],
    description: describeDataset(undefined),
    async *pass(_number, first) {
      let iterator = once ?? start();
      if ((iterator as unknown) === batches) once = iterator;
      else iterator = start();
      // A batch at a time and by hand: leaving `for await` early would end a generator that must go on in the next pass.
      for (let index = 0; ; index++) {
        const { done, value } = await iterator.next();
        if (done) return;
        if (index >= first) yield await toBatch(value);
      }
    },
  };
}

/** Any batch in the trainer's own form. */
export async function toBatch(raw: RawBatch): Promise<TrainBatch> {
  if (Array.isArray(raw)) {
    const [x, y, sampleWeight] = raw as readonly [Named<Values>, Named<Values>?, Values?];
    return toBatch({ x, ...(y !== undefined && { y }), ...(sampleWeight !== undefined && { sampleWeight }) });
  }
  const { x, y, sampleWeight, shape, yShape, indices, index } = raw as Exclude<RawBatch, readonly unknown[]>;
  if (x === undefined) throw new UsageError("fit: a batch is { x, y } or [x, y, sampleWeight]");
  const withShape = (v: Named<Values>, own?: readonly number[]): Named<Values> =>
    own !== undefined && ArrayBuffer.isView(v) ? { data: v as never, shape: own } : v;
  const inputs = [...(await toHosts(withShape(x, shape))).values()];
  return {
    x: inputs,
    y: y === undefined ? new Map() : await toHosts(withShape(y, yShape)),
    weight: sampleWeight === undefined ? null : await toHost(sampleWeight),
    size: inputs[0]!.shape[0]!,
    indices: indices ?? null,
    ...(index !== undefined && { index }),
  };
}

/** The same batches with the weights of their classes multiplied in. */
export function withClassWeights(source: BatchSource, { classWeight }: SourceOptions): BatchSource {
  if (classWeight === undefined) return source;
  const weightOf = (label: number) => (classWeight as Record<number, number>)[label] ?? 1;
  return {
    ...source,
    async *pass(number, first) {
      for await (const batch of source.pass(number, first)) {
        const labels = batch.y.get("");
        if (labels === undefined || labels.data.length % batch.size !== 0) {
          throw new UsageError("fit: classWeight needs one target with a class number per example");
        }
        const classes = labels.data.length / batch.size; // 1: class numbers; else one-hot
        const weights = Float32Array.from({ length: batch.size }, (_, i) => {
          const label = classes === 1 ? labels.data[i]! : argmax(labels.data.subarray(i * classes, (i + 1) * classes));
          return weightOf(label) * (batch.weight?.data[i] ?? 1);
        });
        yield { ...batch, weight: { data: weights, shape: [batch.size], dtype: "float32" } };
      }
    },
  };
}

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

export function isArrays(x: unknown): x is Named<Values> {
  if (isValues(x)) return true;
  return Array.isArray(x) && x.length > 0 && x.every((v) => isValues(v) || v instanceof Tensor);
}

export function isDataset(x: unknown): x is Dataset<AnySample> {
  return typeof (x as Partial<Dataset>).sample === "function";
}

export function isLoader(x: unknown): x is Loader {
  const { epoch, length } = x as Partial<Loader>;
  return typeof epoch === "function" && typeof length === "number";
}
