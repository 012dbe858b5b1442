// y = x, then y[o][index[o][k][j]][j] = that ⊕ values[o][k][j], in the order of k. Tensors are dense [outer][size][inner]
// and [outer][count][inner]; an index outside writes nothing. A part owns whole fibres [o][:][j].
// buf: x, index, values, y. p: outer, size, count, inner, mode (0 set, 1 add, 2 multiply, 3 max, 4 min).
#include "walk.h"

#define SCATTER(name, type, order)                                                                          \
  KERNEL(name) {                                                                                            \
    const type *x = buf[0], *values = buf[2];                                                               \
    const int32_t *index = buf[1];                                                                          \
    type *y = buf[3];                                                                                       \
    ptrdiff_t size = p[1], count = p[2], inner = p[3], fibres = (ptrdiff_t)p[0] * inner;                    \
    ptrdiff_t from = begin_of(fibres, part), to = end_of(fibres, part);                                     \
    while (from < to) {                                                                                     \
      ptrdiff_t o = from / inner, j0 = from % inner, n = min_of(inner - j0, to - from);                     \
      for (ptrdiff_t r = 0; r < size; r++) {                                                                \
        ptrdiff_t row = (o * size + r) * inner + j0;                                                        \
        __builtin_memcpy(y + row, x + row, (size_t)n * sizeof(type));                                       \
      }                                                                                                     \
      for (ptrdiff_t k = 0; k < count; k++) {                                                               \
        ptrdiff_t at = (o * count + k) * inner + j0;                                                        \
        for (ptrdiff_t j = 0; j < n; j++) {                                                                 \
          if (index[at + j] < 0 || index[at + j] >= size) continue;                                         \
          type *to_y = y + (o * size + index[at + j]) * inner + j0 + j, v = values[at + j];                 \
          if (p[4] == 0) *to_y = v;                                                                         \
          else if (p[4] == 1) *to_y += v;                                                                   \
          else if (p[4] == 2) *to_y *= v;                                                                   \
          else if (v != v || (p[4] == 3 ? (order)v > (order)*to_y : (order)v < (order)*to_y)) *to_y = v;    \
        }                                                                                                   \
      }                                                                                                     \
      from += n;                                                                                            \
    }                                                                                                       \
  }
SCATTER(scatter_f32, float, float)
SCATTER(scatter_i32, uint32_t, int32_t)
