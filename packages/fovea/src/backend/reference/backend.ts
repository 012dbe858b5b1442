import { byteSize, type TypedArray } from "../../base/dtype.ts";
import { arrayOf, type HostValues } from "../../base/hostValues.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Attrs, Backend, DeviceBuffer, NdArray, OpKernel, TensorSpec } from "../contract.ts";
import { interpretProgram } from "../interpret.ts";

class ReferenceBuffer implements DeviceBuffer {
  readonly spec: TensorSpec;
  readonly array: NdArray;
  readonly #engine: ReferenceBackend;
  #owners = 1;

  constructor(engine: ReferenceBackend, array: NdArray) {
    this.spec = { shape: array.shape, dtype: array.dtype };
    this.array = array;
    this.#engine = engine;
    engine.count(this.bytes, 1);
  }

  get bytes(): number {
    return this.array.data.byteLength;
  }

  retain(): void {
    this.#owners++;
  }

  release(): void {
    if (--this.#owners === 0) this.#engine.count(-this.bytes, -1);
  }
}

function referenceArray({ shape, dtype }: TensorSpec, data?: TypedArray): NdArray {
  const size = sizeOf(shape);
  if (dtype === "float32") return { shape, dtype, data: data ? Float64Array.from(data) : new Float64Array(size) };
  if (dtype === "int32") return { shape, dtype, data: data ? Int32Array.from(data) : new Int32Array(size) };
  return { shape, dtype, data: data ? Uint8Array.from(data) : new Uint8Array(size * byteSize[dtype]) };
}

/** The oracle: each op's `reference`, floats in double precision, no threads, no tricks. */
export class ReferenceBackend implements Backend {
  readonly name = "reference";
  #live = 0;
  #peak = 0;
  #buffers = 0;

  upload(values: HostValues, spec: TensorSpec): DeviceBuffer {
    return new ReferenceBuffer(this, referenceArray(spec, arrayOf(values)));
  }

  /** The values as they are: floats come as a Float64Array, unrounded. */
  download(buffer: DeviceBuffer): TypedArray {
    return (buffer as ReferenceBuffer).array.data.slice();
  }

  execute(op: OpKernel, inputs: readonly (DeviceBuffer | undefined)[], attrs: Attrs, output: TensorSpec): DeviceBuffer {
    const arrays = inputs.map((b) => (b as ReferenceBuffer | undefined)?.array);
    if (op.inPlace) {
      op.reference(arrays, attrs, arrays[0]!);
      return inputs[0]!;
    }
    const y = new ReferenceBuffer(this, referenceArray(output));
    op.reference(arrays, attrs, y.array);
    return y;
  }

  compile(program: Parameters<Backend["compile"]>[0]): ReturnType<Backend["compile"]> {
    return interpretProgram(this, program);
  }

  memory(): { liveBytes: number; peakBytes: number; liveBuffers: number } {
    return { liveBytes: this.#live, peakBytes: this.#peak, liveBuffers: this.#buffers };
  }

  count(bytes: number, buffers: number): void {
    this.#live += bytes;
    this.#buffers += buffers;
    this.#peak = Math.max(this.#peak, this.#live);
  }
}
