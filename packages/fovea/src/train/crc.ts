/** A 32-bit cyclic redundancy check, reflected, from its polynomial (also reflected). */
export function makeCrc(polynomial: number): (bytes: Uint8Array) => number {
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? polynomial ^ (n >>> 1) : n >>> 1;
    return n;
  });
  return (bytes) => {
    let c = 0xffffffff;
    for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
    return (c ^ 0xffffffff) >>> 0;
  };
}

/** Of PNG and zip; `zlib.crc32` came with Node 22. */
export const crc32 = makeCrc(0xedb88320);

/** Castagnoli's (RFC 3720, appendix B.4). */
export const crc32c = makeCrc(0x82f63b78);
