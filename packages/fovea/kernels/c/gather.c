// Reading and adding by index. Tensors are dense [outer][size][inner]; an index outside 0 … size − 1 reads the given
// filler and adds nothing. Adding is done in index order by the one part that owns the destination.
#include "walk.h"

INLINE int inside(int32_t i, ptrdiff_t size) { return i >= 0 && i < size; }

// y[o][k][:] = x[o][index[k]][:]. buf: x, index, y. p: outer, size, count, inner, element
// bytes (1 or 4), filler (bits; for bytes the low ones).
KERNEL(index_select) {
  const char *x = buf[0];
  const int32_t *index = buf[1];
  char *y = buf[2];
  ptrdiff_t outer = p[0], size = p[1], count = p[2], bytes = (ptrdiff_t)p[3] * p[4];
  for (ptrdiff_t u = begin_of(outer * count, part), end = end_of(outer * count, part); u < end; u++) {
    int32_t i = index[u % count];
    char *to = y + u * bytes;
    if (inside(i, size)) __builtin_memcpy(to, x + (u / count * size + i) * bytes, (size_t)bytes);
    else if (p[4] == 1) __builtin_memset(to, p[5], (size_t)bytes);
    else
      for (ptrdiff_t b = 0; b < bytes; b += 4) __builtin_memcpy(to + b, p + 5, 4);
  }
}

// y[o][k][j] = x[o][index[o][k][j]][j]. buf: x, index, y. p: outer, size, count, inner, filler (bits).
#define TAKE(name, type)                                                                              \
  KERNEL(name) {                                                                                      \
    const type *x = buf[0];                                                                           \
    const int32_t *index = buf[1];                                                                    \
    type *y = buf[2];                                                                                 \
    ptrdiff_t outer = p[0], size = p[1], count = p[2], inner = p[3], at, end;                         \
    for (walk_share(outer * count * inner, part, &at, &end); at < end; at++) {                        \
      int32_t i = index[at];                                                                          \
      y[at] = inside(i, size) ? x[(at / (count * inner) * size + i) * inner + at % inner] : (type)p[4]; \
    }                                                                                                 \
  }
TAKE(take_along_32, int32_t)
TAKE(take_along_8, uint8_t)

// y = 0, then y[o][index[k]][:] += x[o][k][:]. buf: x, index, y. p: outer, size, count, inner. A part owns rows of y.
#define INDEX_ADD(name, type)                                                             \
  KERNEL(name) {                                                                          \
    const type *x = buf[0];                                                               \
    const int32_t *index = buf[1];                                                        \
    type *y = buf[2];                                                                     \
    ptrdiff_t outer = p[0], size = p[1], count = p[2], inner = p[3];                      \
    ptrdiff_t from = begin_of(size, part), to = end_of(size, part);                       \
    if (from >= to) return;                                                               \
    for (ptrdiff_t o = 0; o < outer; o++) {                                               \
      __builtin_memset(y + (o * size + from) * inner, 0, (size_t)((to - from) * inner) * 4); \
      for (ptrdiff_t k = 0; k < count; k++) {                                             \
        if (index[k] < from || index[k] >= to) continue;                                  \
        const type *row = x + (o * count + k) * inner;                                    \
        type *sum = y + (o * size + index[k]) * inner;                                    \
        for (ptrdiff_t i = 0; i < inner; i++) sum[i] += row[i];                           \
      }                                                                                   \
    }                                                                                     \
  }
INDEX_ADD(index_add_f32, float)
INDEX_ADD(index_add_i32, uint32_t)

// y = 0, then y[o][index[o][k][j]][j] += x[o][k][j]. buf: x, index, y. p: outer, size, count, inner.
// A part owns whole fibres [o][:][j].
#define SCATTER_ADD(name, type)                                                                    \
  KERNEL(name) {                                                                                   \
    const type *x = buf[0];                                                                        \
    const int32_t *index = buf[1];                                                                 \
    type *y = buf[2];                                                                              \
    ptrdiff_t outer = p[0], size = p[1], count = p[2], inner = p[3];                               \
    ptrdiff_t from = begin_of(outer * inner, part), to = end_of(outer * inner, part);              \
    while (from < to) {                                                                            \
      ptrdiff_t o = from / inner, j0 = from % inner, n = min_of(inner - j0, to - from);            \
      for (ptrdiff_t r = 0; r < size; r++) __builtin_memset(y + (o * size + r) * inner + j0, 0, (size_t)n * 4); \
      for (ptrdiff_t k = 0; k < count; k++) {                                                      \
        ptrdiff_t at = (o * count + k) * inner + j0;                                               \
        for (ptrdiff_t j = 0; j < n; j++)                                                          \
          if (inside(index[at + j], size)) y[(o * size + index[at + j]) * inner + j0 + j] += x[at + j]; \
      }                                                                                            \
      from += n;                                                                                   \
    }                                                                                              \
  }
SCATTER_ADD(scatter_add_f32, float)
SCATTER_ADD(scatter_add_i32, uint32_t)
