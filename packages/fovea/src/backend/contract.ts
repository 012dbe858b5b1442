import type { DType, TypedArray } from "../base/dtype.ts";
import type { HostValues } from "../base/hostValues.ts";
import type { Shape } from "../base/shape.ts";

/** What is known of a tensor without its values. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

export type EngineName = "native" | "wasm" | "reference";

/** Attributes of an op: plain data, so that a graph can be compared and written down. */
export type AttrValue = number | string | boolean | null | readonly AttrValue[];
export type Attrs = { readonly [name: string]: AttrValue };

/** An array of the reference engine: row-major, floats in double precision. */
export interface NdArray {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: Float64Array | Int32Array | Uint8Array;
}

/** What an engine needs to know of an op; the rest of it belongs to the layers above. */
export interface OpKernel {
  readonly name: string;
  /** True when the output is input 0, changed in place. */
  readonly inPlace: boolean;
  /** Plain float64 loops: the specification of the op. Writes `output.data`. */
  reference(inputs: readonly (NdArray | undefined)[], attrs: Attrs, output: NdArray): void;
}

/** A value in an engine's memory. It is freed when every `retain` and the creation are `release`d. */
export interface DeviceBuffer {
  readonly spec: TensorSpec;
  /** Bytes this buffer keeps alive. */
  readonly bytes: number;
  retain(): void;
  release(): void;
}

/** A flat program: values are numbered; each node reads some and writes one. */
export interface ProgramSpec {
  readonly values: readonly TensorSpec[];
  /** Values given at every run, in this order. */
  readonly inputs: readonly number[];
  /** Values computed by the host just before every run (a learning rate, a random counter). */
  readonly hostInputs: readonly { readonly value: number; readonly fill: () => TypedArray }[];
  /** Values that stay where they are between runs: weights, optimizer state. The program retains them. */
  readonly captured: readonly { readonly value: number; readonly buffer: DeviceBuffer }[];
  readonly nodes: readonly ProgramNode[];
  /** Stretches of `nodes` that may run as one loop, in order and apart; running them one by one is as right. */
  readonly chains: readonly Chain[];
  readonly outputs: readonly number[];
}

/**
 * Elementwise nodes (and in-place assignments of what they compute) whose results all have one shape, on float32 and
 * bool. Node i is in the chain when from ≤ i < to.
 */
export interface Chain {
  readonly from: number;
  readonly to: number;
  /** Values that are read outside of the chain; the others need no memory. */
  readonly outputs: readonly number[];
}

export interface ProgramNode {
  readonly op: OpKernel;
  /** Value numbers; −1 stands for an optional input that is absent. */
  readonly inputs: readonly number[];
  readonly attrs: Attrs;
  readonly output: number;
}

/** How an engine does one node of a program. */
export interface NodeWork {
  /** Position in the program's list; −1 for conversions of results behind the last one. */
  readonly node: number;
  /** Names of kernels, in order; `once` are those that run only when a captured tensor changed. */
  readonly kernels: readonly string[];
  readonly once: readonly string[];
  /** Order of the result in memory, in the engine's words; `registers` when it lives only inside another node's loop. */
  readonly layout: string;
}

/** A program made ready for one engine. */
export interface Executable {
  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[];
  /** Runs `runs` times with a clock around every node; the least milliseconds of each entry of `work`. */
  profile(inputs: readonly DeviceBuffer[], runs: number): number[];
  readonly work: readonly NodeWork[];
  /** What was chosen by measuring, a line for each op's shapes; empty unless it was asked for. */
  readonly tuned: readonly string[];
  /** Bytes of the static memory plan. */
  readonly arenaBytes: number;
  /** Bytes of values that depend on captured tensors only, kept between runs; programs may share them. */
  readonly preparedBytes: number;
  dispose(): void;
}

export interface MemoryStats {
  readonly liveBytes: number;
  readonly peakBytes: number;
  readonly liveBuffers: number;
}

/** How a program is made. */
export interface CompileOptions {
  /** Time the algorithms that can do an op on this machine instead of choosing by its shapes. Default false. */
  readonly autotune?: boolean;
}

/** An engine: memory, kernels by op name, and compiled programs. It knows no tensors, gradients or layers. */
export interface Backend {
  readonly name: EngineName;
  /** Values that are made when wanted may be made several times, and whenever the engine likes. */
  upload(values: HostValues, spec: TensorSpec): DeviceBuffer;
  download(buffer: DeviceBuffer): TypedArray;
  /** Runs one op now. An in-place op returns its first input. */
  execute(op: OpKernel, inputs: readonly (DeviceBuffer | undefined)[], attrs: Attrs, output: TensorSpec): DeviceBuffer;
  compile(program: ProgramSpec, options?: CompileOptions): Executable;
  memory(): MemoryStats;
}
