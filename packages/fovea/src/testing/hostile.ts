import { FoveaError } from "../base/errors.ts";
import { RandomStream } from "../base/random.ts";

/**
 * Reads a sound file cut short at places and with bytes changed: each must give a value or an error of ours, never another.
 * Returns how many were refused.
 */
export async function surviveDamage(
  sound: Uint8Array,
  read: (bytes: Uint8Array) => unknown,
  { cuts = 100, mutations = 300, seed = 1 } = {},
): Promise<number> {
  const random = new RandomStream(seed).fork("damage");
  let refused = 0;
  const attempt = async (bytes: Uint8Array, what: string) => {
    try {
      await read(bytes);
    } catch (error) {
      if (!(error instanceof FoveaError)) throw new Error(`${what}: ${String(error)}`, { cause: error });
      refused++;
    }
  };
  for (let k = 0; k < cuts; k++) {
    const length = Math.floor((k * sound.length) / cuts);
    await attempt(sound.slice(0, length), `cut to ${length} bytes`);
  }
  for (let k = 0; k < mutations; k++) {
    const bytes = sound.slice();
    const changes = 1 + random.int(4);
    // The first bytes are those that say what is where.
    for (let c = 0; c < changes; c++) bytes[random.int(Math.min(bytes.length, 200))] = random.int(256);
    await attempt(bytes, `mutation ${k} of seed ${seed}`);
  }
  return refused;
}
