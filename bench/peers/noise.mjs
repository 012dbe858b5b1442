/** Pseudo-random values in [-1, 1), the same everywhere (xorshift). */
export function noise(seed, size) {
  let s = (seed * 2654435761) | 1;
  return Float32Array.from({ length: size }, () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >> 8) / 2 ** 23;
  });
}
