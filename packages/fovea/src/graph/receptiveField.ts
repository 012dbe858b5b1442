import type { Shape } from "../base/shape.ts";
import type { Sides } from "../ops/windows.ts";
import type { Graph, GraphNode } from "./graph.ts";

/**
 * The pixels of the image that a unit of a feature map sees through windows (Araujo, Norris, Sim, "Computing Receptive
 * Fields of Convolutional Neural Networks", Distill 2019, doi 10.23915/distill.00021). Vertical and horizontal.
 */
export interface ReceptiveField {
  readonly size: readonly [number, number];
  /** Pixels from one unit's field to its neighbour's; below 1 where maps are larger than the image. */
  readonly stride: readonly [number, number];
  /** Pixels that the first unit's field reaches beyond the edge; negative where it begins inside. */
  readonly padding: readonly [number, number];
}

/** The field of the first unit along an axis: pixels from `first` to `last`, then `step` pixels further for the next. */
interface Extent {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** Extents, and the axes of the tensor they are about. */
interface Field {
  readonly axes: readonly [number, number];
  readonly extents: readonly [Extent, Extent];
}

/**
 * Receptive fields of the values of a graph whose first input is a batch of pictures, by id; null where there is none: after
 * global pools and fully connected layers, which see everything. In transposed convolutions, where units differ, it is the
 * most that one sees.
 *
 * Gates that scale whole maps (squeeze-and-excitation) see everything too, but are left out, as is usual.
 */
export function receptiveFields(graph: Graph): (id: number) => ReceptiveField | null {
  const fields: (Field | null)[] = graph.values.map(() => null);
  const pixel = { first: 0, last: 0, step: 1 };
  fields[graph.inputs[0]!] = { axes: [2, 3], extents: [pixel, pixel] };
  for (const node of graph.nodes) fields[node.output] = fieldOf(node, graph, fields);
  return (id) => fields[id] && publish(fields[id]);
}

function publish({ extents: [y, x] }: Field): ReceptiveField {
  return {
    size: [y.last - y.first + 1, x.last - x.first + 1],
    stride: [y.step, x.step],
    padding: [0 - y.first, 0 - x.first], // a minus alone would make −0 of 0
  };
}

/** The field of a node's output from those of its inputs. */
function fieldOf(node: GraphNode, { values }: Graph, fields: readonly (Field | null)[]): Field | null {
  const { op, inputs, output } = node;
  // What the ops named below have among their attributes.
  const attrs = node.attrs as unknown as WindowAttrs & NamedAttrs;
  const shapeOf = (i: number): Shape => values[inputs[i]!]!.shape;
  const x = fields[inputs[0]!] ?? null;
  const y = values[output]!.shape;
  switch (op.name) {
    case "conv2d":
      return x && throughWindows(x, shapeOf(1).slice(2), attrs);
    case "conv2dInputGrad": // the transposed convolution
      return x && throughTransposed(x, shapeOf(1).slice(2), attrs);
    case "maxPool2d":
    case "avgPool2d":
      return x && throughWindows(x, attrs.kernel, attrs);
    case "slice":
      return x && moved(x, attrs.starts, attrs.steps);
    case "pad":
      return x && attrs.steps.every((step) => step === 1)
        ? moved(x, attrs.starts.map((start) => -start), attrs.steps) // prettier-ignore
        : null;
    case "alongAxis":
      return x && resized(x, attrs.axis, shapeOf(0), y, shapeOf(3)[0]!);
    case "permute": {
      const order = attrs.axes;
      return x && { ...x, axes: [order.indexOf(x.axes[0]), order.indexOf(x.axes[1])] };
    }
    case "matmul":
      // A linear layer of every pixel, channels last.
      return x && x.axes[1] < y.length - 1 && sameSides(x, shapeOf(0), y) ? x : null;
    default:
      return inputs.reduce((all: Field | null, id) => {
        const one = id < 0 ? null : (fields[id] ?? null);
        return one !== null && sameSides(one, values[id]!.shape, y) ? union(all, one) : all;
      }, null);
  }
}

/** True if a tensor has along the field's axes as many units as another. */
function sameSides({ axes }: Field, shape: Shape, other: Shape): boolean {
  return shape.length === other.length && axes.every((axis) => shape[axis] === other[axis]);
}

/** Of pools, of slices and pads, of linear maps along an axis, of permutations. */
interface NamedAttrs {
  readonly kernel: Shape;
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly axis: number;
  readonly axes: readonly number[];
}

interface WindowAttrs {
  readonly stride: readonly [number, number];
  readonly padding: Sides;
  readonly dilation: readonly [number, number];
}

function throughWindows({ axes, extents }: Field, kernel: Shape, attrs: WindowAttrs): Field {
  const through = ({ first, last, step }: Extent, k: 0 | 1): Extent => {
    const before = attrs.padding[k][0] * step;
    const reach = attrs.dilation[k] * (kernel[k]! - 1) * step;
    return { first: first - before, last: last - before + reach, step: step * attrs.stride[k] };
  };
  return { axes, extents: [through(extents[0], 0), through(extents[1], 1)] };
}

/** Unit o of the result is made of those i of x with o = i · stride + r · dilation − padding for a cell r of the kernel. */
function throughTransposed({ axes, extents }: Field, kernel: Shape, attrs: WindowAttrs): Field {
  const through = ({ first, last, step }: Extent, k: 0 | 1): Extent => {
    const stride = attrs.stride[k];
    const reach = attrs.dilation[k] * (kernel[k]! - 1);
    const from = Math.ceil((attrs.padding[k][0] - reach) / stride) * step;
    const more = (Math.ceil((reach + 1) / stride) - 1) * step;
    return { first: first + from, last: last + from + more, step: step / stride };
  };
  return { axes, extents: [through(extents[0], 0), through(extents[1], 1)] };
}

/** Of every `step`th unit from `start` on. */
function moved({ axes, extents }: Field, starts: readonly number[], steps: readonly number[]): Field {
  const move = ({ first, last, step }: Extent, axis: number): Extent => {
    const by = starts[axis]! * step;
    return { first: first + by, last: last + by, step: step * steps[axis]! };
  };
  return { axes, extents: [move(extents[0], axes[0]), move(extents[1], axes[1])] };
}

/** Of an enlarged or shrunk map; `taps` numbers are read along the axis in all. */
function resized(field: Field, axis: number, from: Shape, to: Shape, taps: number): Field {
  const resize = (extent: Extent, of: number): Extent => {
    if (of !== axis) return extent;
    const { first, last, step } = extent;
    const each = Math.ceil(taps / to[axis]!);
    return { first, last: last + (each - 1) * step, step: (step * from[axis]!) / to[axis]! };
  };
  const { axes, extents } = field;
  return { axes, extents: [resize(extents[0], axes[0]), resize(extents[1], axes[1])] };
}

/** What two maps of one size see together. */
function union(all: Field | null, one: Field): Field {
  if (all === null || all === one) return one;
  const join = (a: Extent, b: Extent): Extent => ({
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    step: Math.max(a.step, b.step),
  });
  return { axes: all.axes, extents: [join(all.extents[0], one.extents[0]), join(all.extents[1], one.extents[1])] };
}
