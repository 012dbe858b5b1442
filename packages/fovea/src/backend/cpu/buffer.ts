import { byteSize } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { DeviceBuffer, TensorSpec } from "../contract.ts";
import type { Layout } from "./layout.ts";

/** A piece of engine memory, shared by the buffers that are views of it. */
export interface Block {
  /** No two blocks of an engine ever have the same. */
  readonly id: number;
  readonly address: number;
  readonly bytes: number;
  owners: number;
  /** The engine's clock when an op last changed the memory in place. */
  writtenAt: number;
  free(): void;
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
