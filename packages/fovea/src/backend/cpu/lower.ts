import { sameShape, type Shape } from "../../base/shape.ts";
import type { Conv2dAttrs } from "../../ops/conv2d.ts";
import type { Attrs, OpKernel, TensorSpec } from "../contract.ts";
import { layoutFree, sameLayout, type Layout } from "./layout.ts";
import type { KernelName } from "./kernels.generated.ts";

/**
 * Lowering: one op becomes a few C kernel commands. The same lowering serves eager calls (addresses are known and the
 * commands run at once) and compiled programs (addresses come from the memory plan), so the two cannot differ.
 */

/** A buffer in the commands being emitted. What it stands for is the emitter's business. */
export type Ref = number;

export interface CpuValue {
  readonly spec: TensorSpec;
  readonly layout: Layout;
  readonly ref: Ref;
}

export interface CommandOptions {
  /** How many threads may share it: as many as there is scratch memory for, 1 where sharing costs more. Default any number. */
  readonly threads?: number | undefined;
  /** How many buffers, counted from the last, the kernel writes. Default 1: the last one. */
  readonly writes?: number;
  /**
   * Results and the inputs whose memory each may take over: read nowhere after that place was written. A pair takes effect
   * in programs, if the input is needed by nobody else and of the same size.
   */
  readonly over?: readonly (readonly [result: Ref, inputs: readonly Ref[]])[];
}

/** A convolution by the shapes that decide about its algorithm. */
export interface Convolution {
  readonly x: Shape;
  readonly weight: Shape;
  readonly y: Shape;
  readonly attrs: Conv2dAttrs;
}

/**
 * How a convolution is computed: directly, or by Winograd's algorithm with tiles of 2×2 or 4×4 outputs of 3×3 kernels, of 2×2
 * outputs of 5×5 kernels, or along lines with kernels of 1×7 and 7×1.
 */
export type Algorithm = "direct" | "tiles2" | "tiles4" | "tiles5x5" | "lines";

export interface Emitter {
  /** float32 lanes of a vector: packed weights are padded to it. */
  readonly lanes: number;
  /**
   * Appends a command. Parameters are int32; write floats with `bits`.
   * The last buffer is written (and may be read), all others are only read: programs tell by it what can be computed
   * once and kept.
   */
  command(kernel: KernelName, buffers: readonly Ref[], params: readonly number[], options?: CommandOptions): void;
  /** Memory for the rest of this op. */
  scratch(bytes: number): Ref;
  /** True when `part` is the piece of `whole` that starts at `offset` bytes, so that nothing needs to be copied there. */
  lies(part: Ref, whole: Ref, offset: number): boolean;
  /** One of the algorithms that can compute a convolution; the first is what its shapes say. */
  choose(convolution: Convolution, algorithms: readonly Algorithm[]): Algorithm;
  /** True when the value comes from unchanged captured tensors alone, so that work on nothing but it is done once. */
  constant(ref: Ref): boolean;
}

export interface CpuCall<A extends Attrs = Attrs> {
  /** Inputs in op order, in the layout wished for; `undefined` = optional and absent. */
  readonly inputs: readonly (CpuValue | undefined)[];
  readonly output: CpuValue;
  readonly attrs: A;
}

/** The layout an input must have, where that depends on the shapes. */
export type Wish = (inputs: readonly (TensorSpec | undefined)[], attrs: Attrs, output: TensorSpec) => Layout | "any";

export interface CpuKernel {
  /** Layout each input must have; `any` takes both (use `stridesOf`). Inputs not listed: contiguous. */
  readonly in?: readonly (Layout | "any" | Wish)[];
  /** Applies to every input of a list op. */
  readonly inAll?: Layout | "any";
  /** Layout of the output; `follow` = that of the input with the output's shape, else of the first of its rank. Default contiguous. */
  readonly out?: Layout | "follow";
  /** The output is the first input under another shape: no command at all. */
  readonly alias?: true;
  /** Where the output lies in the first input's memory, in bytes; undefined when it must be copied. For programs. */
  piece?(x: CpuValue, attrs: Attrs, output: TensorSpec): number | undefined;
  /** Elementwise ops on float32 and bool: the kernel whose row is a step of a chain (lower/chain.ts), and its parameters. */
  step?(attrs: Attrs): readonly [KernelName, ...number[]];
  emit?(e: Emitter, call: CpuCall): void;
}

/** The bits of a float32 as an int32 parameter. */
export function bits(x: number): number {
  floatBits[0] = x;
  return intBits[0]!;
}
const floatBits = new Float32Array(1);
const intBits = new Int32Array(floatBits.buffer);

/** Lowers one op: converts layouts where wished, then emits. Returns the output's layout through `makeOutput`. */
export function lowerOp(
  op: OpKernel,
  kernel: CpuKernel,
  e: Emitter,
  inputs: readonly (CpuValue | undefined)[],
  attrs: Attrs,
  outputSpec: TensorSpec,
  make: {
    relayout(value: CpuValue, to: Layout): CpuValue;
    output(layout: Layout): CpuValue;
    alias(of: CpuValue): CpuValue;
  },
): CpuValue {
  if (op.inPlace) {
    const target = inputs[0]!;
    const args = [target, ...inputs.slice(1).map((v) => v && wish(v, target.layout, make.relayout))];
    kernel.emit!(e, { inputs: args, output: target, attrs });
    return target;
  }
  if (kernel.alias && keepsChannels(inputs[0]!, outputSpec.shape)) return make.alias(inputs[0]!);
  const args = inputs.map((v, i) => {
    const to = kernel.inAll ?? kernel.in?.[i] ?? "contiguous";
    const specs = () => inputs.map((input) => input?.spec);
    return v && wish(v, typeof to === "function" ? to(specs(), attrs, outputSpec) : to, make.relayout);
  });
  if (kernel.alias) return make.alias(args[0]!);
  const output = make.output(outputLayout(kernel, args, outputSpec.shape));
  kernel.emit!(e, { inputs: args, output, attrs });
  return output;
}

/** True when only pixels are counted another way: [N, C, L] as [N, C, 1, L]. Channels-last memory stays as it is. */
function keepsChannels({ spec, layout }: CpuValue, shape: Shape): boolean {
  if (layout !== "channelsLast" || shape.length < 3) return false;
  return spec.shape[0] === shape[0] && spec.shape[1] === shape[1];
}

function wish(v: CpuValue, layout: Layout | "any", relayout: (v: CpuValue, to: Layout) => CpuValue): CpuValue {
  if (layout === "any" || v.layout === layout) return v;
  if (layoutFree(v.spec.shape)) return { ...v, layout };
  return relayout(v, layout);
}

function outputLayout(kernel: CpuKernel, inputs: readonly (CpuValue | undefined)[], shape: Shape): Layout {
  if (kernel.out !== "follow") return shape.length < 3 ? "contiguous" : (kernel.out ?? "contiguous");
  const candidates = inputs.filter((v) => v?.spec.shape.length === shape.length && !layoutFree(v.spec.shape));
  const leader = candidates.find((v) => sameShape(v!.spec.shape, shape)) ?? candidates[0];
  return leader?.layout ?? "contiguous";
}

/** True when every present value is stored alike, so that elementwise kernels may walk memory in order. */
export function storedAlike(values: readonly CpuValue[]): boolean {
  return values.every((v) => sameLayout(v.spec.shape, v.layout, values[0]!.layout));
}
