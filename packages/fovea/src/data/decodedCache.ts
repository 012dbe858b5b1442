import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "../io/download.ts";
import { filesOf, type Entry } from "./entry.ts";
import type { Held } from "./prepare.ts";
import type { AnySample } from "./sample.ts";
import type { TransformSpec } from "./transforms/transform.ts";

// Node only: nothing that a browser loads imports this file.

/** Decoded samples on disk, one file each, in the cache folder. A file that changed is decoded again. */
export class DecodedCache {
  readonly #folder = join(cacheFolder(), "decoded");
  /** What samples go through before they are kept, as far as they need no random numbers. Others have other files. */
  readonly transforms: readonly TransformSpec[];

  constructor(transforms: readonly TransformSpec[]) {
    this.transforms = transforms;
  }

  /** The sample as it was kept; else as it is made, and then kept. */
  async through(entry: Entry, make: () => Promise<Held>): Promise<Held> {
    const path = await this.#pathOf(entry);
    const kept = path === null ? null : await readFile(path).catch(() => null);
    const held = kept === null ? null : decodeHeld(kept);
    if (held !== null) return held;
    const made = await make();
    if (path !== null) await this.#keep(path, made);
    return made;
  }

  /** Null where a file cannot be looked at; reading it will say why. */
  async #pathOf(entry: Entry): Promise<string | null> {
    const hash = createHash("sha256").update(`1 ${JSON.stringify([this.transforms, entry])}`);
    for (const file of filesOf(entry)) {
      const found = await stat(file).catch(() => null);
      if (found === null) return null;
      hash.update(` ${found.size} ${found.mtimeMs}`);
    }
    const name = hash.digest("hex").slice(0, 40);
    return join(this.#folder, name.slice(0, 2), `${name}.sample`);
  }

  /** Not synced: a file that is not whole is made again. A disk that is full, or not to be written, only costs time. */
  async #keep(path: string, held: Held): Promise<void> {
    const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, encodeHeld(held));
      await rename(temporary, path);
    } catch {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }
}

/** Length of a JSON head, the head, and the arrays that it leaves out, in order. */
function encodeHeld({ sample, done }: Held): Uint8Array {
  const arrays: Uint8Array[] = [];
  const head = JSON.stringify({ done, sample }, (_, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    arrays.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    return { array: value instanceof Float32Array ? "float32" : "uint8", bytes: value.byteLength };
  });
  const text = new TextEncoder().encode(head);
  return Buffer.concat([new Uint8Array(Uint32Array.of(text.length).buffer), text, ...arrays]);
}

/** Null where the file is not whole: it is made again. */
function decodeHeld(bytes: Uint8Array): Held | null {
  try {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    let at = 4 + length;
    const head = new TextDecoder().decode(bytes.subarray(4, at));
    const held = JSON.parse(head, (_, value: { array?: unknown; bytes?: number } | null) => {
      if (value === null || typeof value !== "object" || typeof value.array !== "string") return value;
      const part = bytes.slice(at, (at += value.bytes!));
      const copy = new Uint8Array(part); // aligned, and not a Buffer
      return value.array === "float32" ? new Float32Array(copy.buffer) : copy;
    }) as { done: number; sample: AnySample };
    return at === bytes.length ? held : null;
  } catch {
    return null;
  }
}
