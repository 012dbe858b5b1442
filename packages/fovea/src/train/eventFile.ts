import { appendFile, mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { TypedArray } from "../base/dtype.ts";
import { crc32c } from "./crc.ts";
import { encodePng } from "../data/writeImage.ts";

/** Interleaved pixels, 0 … 255, rows top to bottom. */
export interface EventImage {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

let files = 0;

/**
 * An event file as TensorBoard reads them: records of protobuf messages (tensorflow/core/util/event.proto and
 * framework/summary.proto), each framed by its length and masked CRC-32C. What is added is written at `flush`.
 */
export class EventFile {
  readonly path: string;
  #waiting: Uint8Array[] = [];

  /** A new file in a folder. */
  constructor(folder: string) {
    const seconds = Math.floor(Date.now() / 1000);
    this.path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${files++}`);
    this.#add(0, (event) => event.tag(3, WireType.LengthDelimited).string("brain.Event:2"));
  }

  scalar(tag: string, value: number, step: number): void {
    this.#summary(tag, step, (v) => v.tag(2, WireType.Bit32).float(value));
  }

  async image(tag: string, picture: EventImage, step: number): Promise<void> {
    const { width, height, channels } = picture;
    const png = await encodePng(picture);
    this.#summary(tag, step, (v) => {
      v.tag(4, WireType.LengthDelimited).fork();
      v.tag(1, WireType.Varint).int32(height).tag(2, WireType.Varint).int32(width);
      v.tag(3, WireType.Varint).int32(channels);
      return v.tag(4, WireType.LengthDelimited).bytes(png).join();
    });
  }

  /** How values are spread, in 30 equal ranges from the smallest to the largest. */
  histogram(tag: string, values: TypedArray, step: number): void {
    const { min, max, sum, squares, limits, counts } = spread(values);
    this.#summary(tag, step, (v) => {
      v.tag(5, WireType.LengthDelimited).fork();
      for (const [field, value] of [min, max, values.length, sum, squares].entries()) {
        v.tag(field + 1, WireType.Bit64).double(value);
      }
      for (const [field, numbers] of [limits, counts].entries()) {
        v.tag(field + 6, WireType.LengthDelimited).fork();
        for (const n of numbers) v.double(n);
        v.join();
      }
      return v.join();
    });
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting.splice(0));
    if (bytes.length === 0) return;
    await mkdir(join(this.path, ".."), { recursive: true });
    await appendFile(this.path, bytes);
  }

  #summary(tag: string, step: number, value: (writer: BinaryWriter) => BinaryWriter): void {
    this.#add(step, (event) => {
      event.tag(5, WireType.LengthDelimited).fork(); // Event.summary
      event.tag(1, WireType.LengthDelimited).fork(); // Summary.value
      event.tag(1, WireType.LengthDelimited).string(tag);
      return value(event).join().join();
    });
  }

  #add(step: number, what: (event: BinaryWriter) => BinaryWriter): void {
    const event = new BinaryWriter().tag(1, WireType.Bit64).double(Date.now() / 1000);
    if (step !== 0) event.tag(2, WireType.Varint).int64(step);
    this.#waiting.push(framed(what(event).finish()));
  }
}

/** A TFRecord: length, its checksum, the bytes, their checksum. */
export function framed(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(bytes.length + 16);
  const view = new DataView(record.buffer);
  view.setUint32(0, bytes.length, true); // 64 bits, of which the upper ones are 0
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(bytes, 12);
  view.setUint32(12 + bytes.length, maskedCrc32c(bytes), true);
  return record;
}

/** CRC-32C, turned and shifted by a constant, so that checksums of checksums stay sound (as TFRecord has it). */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const RANGES = 30;

function spread(values: TypedArray) {
  let [min, max, sum, squares] = [Infinity, -Infinity, 0, 0];
  for (const v of values) {
    min = Math.min(min, v);
    max = Math.max(max, v);
    sum += v;
    squares += v * v;
  }
  const width = (max - min) / RANGES || 1;
  const counts = Array.from({ length: RANGES }, () => 0);
  for (const v of values) counts[Math.min(RANGES - 1, Math.floor((v - min) / width))]!++;
  const limits = counts.map((_, i) => (i === RANGES - 1 ? Math.max(max, min + width * RANGES) : min + width * (i + 1)));
  return { min, max, sum, squares, limits, counts };
}
