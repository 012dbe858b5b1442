import { byteSize, type TypedArray } from "../../base/dtype.ts";
import type { HostValues } from "../../base/hostValues.ts";
import { sizeOf } from "../../base/shape.ts";
import type { DeviceBuffer, TensorSpec } from "../contract.ts";
import { fillFromHost } from "./hostFill.ts";
import type { CpuRuntime } from "./runtime.ts";
import type { Layout } from "./layout.ts";

/**
 * A piece of engine memory, shared by the buffers that are views of it. One that was filled from the host takes memory
 * when somebody asks for its address, and can give it back as long as the host has its values.
 */
export class Block {
  /** No two blocks of an engine ever have the same. */
  readonly id: number;
  readonly bytes: number;
  owners = 0;
  /** Programs whose commands have the address in them. */
  readers = 0;
  /** The engine's clock when an op last changed the memory in place. */
  #writtenAt = 0;
  readonly #runtime: CpuRuntime;
  #host: HostValues | null;
  #address: number | null;

  readonly #whenFreed: () => void;

  constructor(runtime: CpuRuntime, id: number, bytes: number, host: HostValues | null, whenFreed: () => void) {
    this.#runtime = runtime;
    this.#whenFreed = whenFreed;
    this.id = id;
    this.bytes = bytes;
    this.#host = host;
    this.#address = host === null ? runtime.allocate(bytes) : null;
  }

  get address(): number {
    if (this.#address === null) {
      this.#address = this.#runtime.allocate(this.bytes);
      fillFromHost(this.#runtime, this.#address, this.#host!);
    }
    return this.#address;
  }

  get present(): boolean {
    return this.#address !== null;
  }

  get writtenAt(): number {
    return this.#writtenAt;
  }

  /** The values were changed in place: the host has them no longer. */
  written(clock: number): void {
    this.#writtenAt = clock;
    this.#host = null;
  }

  /** Gives the memory back if the host has the values and no program needs it where it is. */
  leave(): void {
    if (this.#host !== null && this.readers === 0) this.#giveBack();
  }

  free(): void {
    this.#giveBack();
    this.#whenFreed();
  }

  #giveBack(): void {
    if (this.#address !== null) this.#runtime.free(this.#address);
    this.#address = null;
  }
}

/** A tensor value in engine memory: a block, and how to read it. */
export class CpuBuffer implements DeviceBuffer {
  readonly spec: TensorSpec;
  readonly layout: Layout;
  readonly block: Block;
  /** The same value in the other layout, kept because conversions repeat (forward, then weight gradient). */
  twin: CpuBuffer | null = null;
  #owners = 1;

  constructor(spec: TensorSpec, layout: Layout, block: Block) {
    this.spec = spec;
    this.layout = layout;
    this.block = block;
    block.owners++;
  }

  get address(): number {
    return this.block.address;
  }

  get bytes(): number {
    return this.block.bytes + (this.twin?.bytes ?? 0);
  }

  retain(): void {
    this.#owners++;
  }

  release(): void {
    if (--this.#owners > 0) return;
    this.forgetTwin();
    if (--this.block.owners === 0) this.block.free();
  }

  /** The value changed in place: its copy in the other layout is stale. */
  forgetTwin(): void {
    this.twin?.release();
    this.twin = null;
  }
}

/** Bytes a value takes; never 0, so that every buffer has an address of its own. */
export function bytesOf({ shape, dtype }: TensorSpec): number {
  return Math.max(4, sizeOf(shape) * byteSize[dtype]);
}

/** Host values as the engine stores them. */
export function singlePrecision(data: TypedArray): TypedArray {
  return data instanceof Float64Array ? Float32Array.from(data) : data;
}
