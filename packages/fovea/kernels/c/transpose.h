// Transposes by 4×4, the one shuffle the kernels need: packing reads rows and writes columns.
#pragma once
#include "tiles.h"

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));
INLINE v4 ld4(const float *p) { return *(const v4_unaligned *)p; }
INLINE void st4(float *p, v4 v) { *(v4_unaligned *)p = v; }

#ifdef __clang__
#define SHUFFLE4(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define SHUFFLE4(a, b, i, j, k, l) __builtin_shuffle(a, b, (__attribute__((vector_size(16))) int){i, j, k, l})
#endif

// out[c][r] = in[r·lda + c] for four rows and columns.
INLINE void transpose4(const float *in, ptrdiff_t lda, v4 out[4]) {
  v4 a = ld4(in), b = ld4(in + lda), c = ld4(in + 2 * lda), d = ld4(in + 3 * lda);
  v4 ab = SHUFFLE4(a, b, 0, 4, 1, 5), cd = SHUFFLE4(c, d, 0, 4, 1, 5);
  out[0] = SHUFFLE4(ab, cd, 0, 1, 4, 5);
  out[1] = SHUFFLE4(ab, cd, 2, 3, 6, 7);
  ab = SHUFFLE4(a, b, 2, 6, 3, 7);
  cd = SHUFFLE4(c, d, 2, 6, 3, 7);
  out[2] = SHUFFLE4(ab, cd, 0, 1, 4, 5);
  out[3] = SHUFFLE4(ab, cd, 2, 3, 6, 7);
}

// A matrix whose columns become lanes: lane l, depth k is src[l·lane + k]; dst row of depth k is row(k)·nb.
// k runs over [k0, k1); depth k = i·taps + t goes to row t·in + i (taps = 1: row k).
INLINE void pack_transposed(const float *src, ptrdiff_t lane, ptrdiff_t width, ptrdiff_t k0, ptrdiff_t k1, ptrdiff_t taps,
                            ptrdiff_t in, float *dst, ptrdiff_t nb) {
  ptrdiff_t i = k0 / taps, t = k0 % taps, k = k0;
  for (; k < k1;) {
    const ptrdiff_t n = min_(4, k1 - k);
    float *row[4];
    for (ptrdiff_t r = 0; r < n; r++) {
      row[r] = dst + (t * in + i) * nb;
      if (++t == taps) t = 0, i++;
    }
    ptrdiff_t l = 0;
    if (n == 4)
      for (; l + 4 <= width; l += 4) {
        v4 v[4];
        transpose4(src + l * lane + k, lane, v);
        UNROLL for (int r = 0; r < 4; r++) st4(row[r] + l, v[r]);
      }
    for (; l < nb; l++)
      for (ptrdiff_t r = 0; r < n; r++) row[r][l] = l < width ? src[l * lane + k + r] : 0;
    k += n;
  }
}

#define PACK_CHUNK 512 // depth of one piece of work

// The way back: to[l·lane + k] = rows[k·nb + l] for l < width, k < depth.
INLINE void unpack_transposed(const float *rows, ptrdiff_t nb, ptrdiff_t width, ptrdiff_t depth, float *to, ptrdiff_t lane) {
  ptrdiff_t l = 0;
  for (; l + 4 <= width; l += 4) {
    ptrdiff_t k = 0;
    for (; k + 4 <= depth; k += 4) {
      v4 v[4];
      transpose4(rows + k * nb + l, nb, v);
      UNROLL for (int i = 0; i < 4; i++) st4(to + (l + i) * lane + k, v[i]);
    }
    for (; k < depth; k++)
      for (ptrdiff_t i = 0; i < 4; i++) to[(l + i) * lane + k] = rows[k * nb + l + i];
  }
  for (; l < width; l++)
    for (ptrdiff_t k = 0; k < depth; k++) to[l * lane + k] = rows[k * nb + l];
}
