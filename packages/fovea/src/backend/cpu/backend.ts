import { FoveaError } from "../../base/errors.ts";
import { hostArray, type TypedArray } from "../../base/dtype.ts";
import type { HostValues } from "../../base/hostValues.ts";
import { sizeOf } from "../../base/shape.ts";
import type {
  Attrs,
  Backend,
  CompileOptions,
  DeviceBuffer,
  Executable,
  MemoryStats,
  NdArray,
  OpKernel,
  ProgramSpec,
  TensorSpec,
} from "../contract.ts";
import { Block, bytesOf, CpuBuffer, singlePrecision } from "./buffer.ts";
import { sameLayout, type Layout } from "./layout.ts";
import {
  lowerOp,
  type Algorithm,
  type CommandOptions,
  type Convolution,
  type CpuKernel,
  type CpuValue,
  type Emitter,
  type Ref,
} from "./lower.ts";
import { emitRelayout } from "./lower/relayout.ts";
import { cpuKernels } from "./lower/index.ts";
import type { KernelName } from "./kernels.generated.ts";
import { PreparedValues } from "./prepared.ts";
import { CpuProgram } from "./program.ts";
import type { CpuRuntime } from "./runtime.ts";
import { SharedArena } from "./sharedArena.ts";
import { Tuning } from "./tuning.ts";
import { ProgramWords } from "./words.ts";

/** The native and the wasm engine: the same C kernels behind two runtimes. */
export class CpuBackend implements Backend {
  readonly name: "native" | "wasm";
  readonly runtime: CpuRuntime;
  readonly arena: SharedArena;
  readonly prepared: PreparedValues;
  /** Counts the times that memory was changed in place. */
  clock = 0;
  readonly #eager: EagerEmitter;
  #tuning: Tuning | null = null;
  #buffers = 0;
  #blocks = 0;

  constructor(runtime: CpuRuntime) {
    this.name = runtime.name;
    this.runtime = runtime;
    this.arena = new SharedArena(runtime);
    this.prepared = new PreparedValues(this);
    this.#eager = new EagerEmitter(this);
  }

  /** The values are taken when they are first needed, and perhaps again later: an array must stay as it is. */
  upload(values: HostValues, spec: TensorSpec): CpuBuffer {
    if (ArrayBuffer.isView(values) && values.length !== sizeOf(spec.shape)) {
      throw new FoveaError(`${this.name}: ${values.length} values for shape [${spec.shape.join(", ")}]`);
    }
    return new CpuBuffer(spec, "contiguous", this.block(bytesOf(spec), values));
  }

  download(buffer: DeviceBuffer): TypedArray {
    const plain = this.contiguous(buffer as CpuBuffer);
    const data = hostArray(buffer.spec.dtype, sizeOf(buffer.spec.shape));
    this.runtime.read(plain.address, data);
    return data;
  }

  execute(op: OpKernel, inputs: readonly (DeviceBuffer | undefined)[], attrs: Attrs, output: TensorSpec): DeviceBuffer {
    const kernel = kernelOf(op);
    if (kernel === undefined) return this.executeOnHost(op, inputs, attrs, output);
    return this.#eager.run(op, kernel, inputs as readonly (CpuBuffer | undefined)[], attrs, output);
  }

  /** An op without a C kernel (a user's own) runs its reference on host copies. */
  executeOnHost(
    op: OpKernel,
    inputs: readonly (DeviceBuffer | undefined)[],
    attrs: Attrs,
    output: TensorSpec,
  ): DeviceBuffer {
    const args = inputs.map((b) => b && hostNdArray(b.spec, this.download(b)));
    const y = op.inPlace ? args[0]! : hostNdArray(output, hostArray(output.dtype, sizeOf(output.shape)));
    op.reference(args, attrs, y);
    if (!op.inPlace) return this.upload(y.data, output);
    const target = inputs[0] as CpuBuffer;
    if (!sameLayout(target.spec.shape, target.layout, "contiguous")) {
      throw new FoveaError(`${op.name}: an in-place op without a kernel needs a contiguous target`);
    }
    this.runtime.write(target.address, singlePrecision(y.data));
    this.changed(target);
    return target;
  }

  compile(program: ProgramSpec, { autotune = false }: CompileOptions = {}): Executable {
    if (autotune) this.#tuning ??= new Tuning(this.runtime);
    return new CpuProgram(this, program, autotune ? this.#tuning : null);
  }

  memory(): MemoryStats {
    const { liveBytes, peakBytes } = this.runtime.stats();
    return { liveBytes, peakBytes, liveBuffers: this.#buffers };
  }

  /** The buffer in row-major order: itself, or its twin. */
  contiguous(buffer: CpuBuffer): CpuBuffer {
    return this.inLayout(buffer, "contiguous");
  }

  /** The buffer in a layout: itself, or its twin. */
  inLayout(buffer: CpuBuffer, layout: Layout): CpuBuffer {
    return this.#eager.relayout(buffer, layout);
  }

  allocate(spec: TensorSpec, layout: Layout): CpuBuffer {
    return new CpuBuffer(spec, layout, this.block(bytesOf(spec)));
  }

  /** Notes that a buffer's values are others now. */
  changed(buffer: CpuBuffer): void {
    buffer.forgetTwin();
    buffer.block.written(++this.clock);
  }

  block(bytes: number, host: HostValues | null = null): Block {
    const block = new Block(this.runtime, ++this.#blocks, bytes, host, () => this.#buffers--);
    this.#buffers++;
    return block;
  }
}

export function kernelOf(op: OpKernel): CpuKernel | undefined {
  return Object.hasOwn(cpuKernels, op.name) ? cpuKernels[op.name as keyof typeof cpuKernels] : undefined;
}

export function hostNdArray({ shape, dtype }: TensorSpec, values: TypedArray): NdArray {
  return { shape, dtype, data: dtype === "float32" ? Float64Array.from(values) : (values as Int32Array | Uint8Array) };
}

/** Emits the commands of one op with real addresses and runs them. */
class EagerEmitter implements Emitter {
  readonly #engine: CpuBackend;
  readonly #words = new ProgramWords();
  #addresses: number[] = [];
  #scratch: number[] = [];

  constructor(engine: CpuBackend) {
    this.#engine = engine;
  }

  get lanes(): number {
    return this.#engine.runtime.lanes;
  }

  command(kernel: KernelName, buffers: readonly Ref[], params: readonly number[], options?: CommandOptions): void {
    const addresses = buffers.map((ref) => this.#addresses[ref]!);
    this.#words.command(kernel, addresses, params, options?.threads);
  }

  scratch(bytes: number): Ref {
    const address = this.#engine.runtime.allocate(Math.max(4, bytes));
    this.#scratch.push(address);
    return this.#refer(address);
  }

  /** Eager values have memory of their own. */
  lies(): boolean {
    return false;
  }

  constant(): boolean {
    return false;
  }

  choose(_convolution: Convolution, [first]: readonly Algorithm[]): Algorithm {
    return first!;
  }

  run(
    op: OpKernel,
    kernel: CpuKernel,
    inputs: readonly (CpuBuffer | undefined)[],
    attrs: Attrs,
    output: TensorSpec,
  ): CpuBuffer {
    let result: CpuBuffer | null = null;
    this.#begin();
    try {
      // Buffers by ref: a value's ref is the address it was given.
      const buffers = new Map<Ref, CpuBuffer>();
      const value = (buffer: CpuBuffer): CpuValue => {
        const ref = this.#refer(buffer.address);
        buffers.set(ref, buffer);
        return { spec: buffer.spec, layout: buffer.layout, ref };
      };
      lowerOp(
        op,
        kernel,
        this,
        inputs.map((b) => b && value(b)),
        attrs,
        output,
        {
          relayout: (v, to) => value(this.#twin(buffers.get(v.ref)!, v, to)),
          output: (layout) => value((result = this.#engine.allocate(output, layout))),
          alias: (of) => {
            result = new CpuBuffer(output, of.layout, buffers.get(of.ref)!.block);
            return value(result);
          },
        },
      );
      this.#flush();
      if (op.inPlace) {
        this.#engine.changed(inputs[0]!);
        return inputs[0]!;
      }
      return result!;
    } catch (error) {
      (result as CpuBuffer | null)?.release();
      throw error;
    } finally {
      this.#end();
    }
  }

  /** The buffer in the wished layout: itself, or its twin, made now if need be. */
  relayout(buffer: CpuBuffer, to: Layout): CpuBuffer {
    if (sameLayout(buffer.spec.shape, buffer.layout, to)) return buffer;
    this.#begin();
    try {
      const from = { spec: buffer.spec, layout: buffer.layout, ref: this.#refer(buffer.address) };
      const twin = this.#twin(buffer, from, to);
      this.#flush();
      return twin;
    } finally {
      this.#end();
    }
  }

  #twin(buffer: CpuBuffer, from: CpuValue, to: Layout): CpuBuffer {
    if (buffer.twin === null) {
      buffer.twin = this.#engine.allocate(buffer.spec, to);
      emitRelayout(this, from, { spec: buffer.spec, layout: to, ref: this.#refer(buffer.twin.address) });
    }
    return buffer.twin;
  }

  #refer(address: number): Ref {
    return this.#addresses.push(address) - 1;
  }

  #begin(): void {
    this.#words.reset();
    this.#addresses = [];
  }

  #flush(): void {
    if (this.#words.commands > 0) this.#engine.runtime.run(this.#words.words, this.#words.count);
  }

  #end(): void {
    for (const address of this.#scratch) this.#engine.runtime.free(address);
    this.#scratch = [];
  }
}
