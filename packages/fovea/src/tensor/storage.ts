import { FoveaError } from "../base/errors.ts";
import { byteSize, type TypedArray } from "../base/dtype.ts";
import { arrayOf, type HostValues } from "../base/hostValues.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import type { Backend, DeviceBuffer, TensorSpec } from "../backend/contract.ts";

let made = 0;

/** The number of the latest storage. */
export function storagesMade(): number {
  return made;
}

let moves = 0;

/** Counts up whenever a storage's values leave the memory of an engine: until then, buffers are where they were. */
export function storageMoves(): number {
  return moves;
}

/**
 * Where a tensor's values are: on an engine, in a JavaScript array, or in both.
 *
 * Values may be yet to be made: a network whose weights nobody has read takes no memory, and weights that are loaded
 * over their first values never have those.
 *
 * Nobody has to free anything. A storage made in one training step is evicted from the engine at the end of the
 * next one (`endStep`): values that came from JavaScript still have their array, small ones are copied out, large
 * activations of a consumed gradient graph are dropped. A storage that is used again after eviction moves back and
 * stays until it is garbage collected. So memory is constant even in a loop that never awaits, where finalizers
 * cannot run.
 */
export class Storage {
  readonly spec: TensorSpec;
  /** Counts up: a later storage has a higher number. */
  readonly number = ++made;
  /** Values on the host, if they are known there. Never mutated. */
  #host: HostValues | null;
  #device: DeviceBuffer | null;
  #engine: Backend | null;
  #dropped = false;
  /** Weights and optimizer state: never evicted. */
  pinned = false;
  /** True for the result of an op inside a gradient graph. */
  taped = false;

  constructor(spec: TensorSpec, values: { host: HostValues } | { device: DeviceBuffer; engine: Backend }) {
    this.spec = spec;
    this.#host = "host" in values ? values.host : null;
    this.#device = "device" in values ? values.device : null;
    this.#engine = "engine" in values ? values.engine : null;
  }

  /** The values on `engine`, moved there if they are elsewhere. */
  buffer(engine: Backend): DeviceBuffer {
    if (this.#device !== null && this.#engine === engine) return this.#device;
    const host = this.hostSource(); // what is yet to be made is left to the engine, and no copy stays here
    if (this.#device !== null) moves++;
    this.#device?.release();
    this.#device = engine.upload(host, this.spec);
    this.#engine = engine;
    return this.#device;
  }

  /** The values if the host has them already, else null: nothing is copied or waited for. */
  get hostValues(): TypedArray | null {
    return this.#host !== null && ArrayBuffer.isView(this.#host) ? this.#host : null;
  }

  /** The values on the host, or how to make them there; from the engine where they are nowhere else. */
  hostSource(): HostValues {
    return this.#host ?? this.values();
  }

  /** The values as a host array that must not be changed. */
  values(): TypedArray {
    if (this.#host !== null) return (this.#host = arrayOf(this.#host));
    if (this.#device === null || this.#engine === null) throw this.#lost();
    return this.#engine.download(this.#device);
  }

  /** A second storage of the same memory, with a lifetime of its own. */
  share(): Storage {
    if (this.#device === null || this.#engine === null) return new Storage(this.spec, { host: this.values() });
    this.#device.retain();
    return new Storage(this.spec, { device: this.#device, engine: this.#engine });
  }

  /** Takes other values on the host, if no engine holds the old ones; false = an in-place op must write them. */
  replaceHost(values: HostValues): boolean {
    if (this.#device !== null) return false;
    this.#host = values;
    return true;
  }

  /** An in-place op wrote to the device: an older host copy is stale. */
  touched(): void {
    this.#host = null;
  }

  /** Frees the engine's memory, keeping the values on the host unless `drop` allows losing them. */
  evict(drop: boolean): void {
    if (this.#device === null) return;
    if (this.#host === null) {
      if (drop) this.#dropped = true;
      else this.#host = this.#engine!.download(this.#device);
    }
    moves++;
    this.#device.release();
    this.#device = null;
    this.#engine = null;
  }

  /** Frees everything; reading afterwards is an error. */
  dispose(): void {
    this.evict(true);
    this.#host = null;
  }

  get bytes(): number {
    return sizeOf(this.spec.shape) * byteSize[this.spec.dtype];
  }

  /** Bytes held on an engine. */
  get deviceBytes(): number {
    return this.#device === null ? 0 : this.#device.bytes;
  }

  #lost(): FoveaError {
    const what = `tensor ${showShape(this.spec.shape)}`;
    return new FoveaError(
      this.#dropped && this.taped
        ? `${what} is an activation of an earlier training step and its memory was reused after the next backward(); ` +
            `read it before then, or keep a detached copy: x.detach()`
        : `${what} was disposed and cannot be read`,
    );
  }
}
