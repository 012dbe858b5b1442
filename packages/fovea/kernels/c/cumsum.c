// Running sums along one axis of a dense [outer][n][inner]. buf: x, y. p: outer, n, inner, exclusive, reverse.
#include "kernel.h"

#define CUMSUM(name, type, wide)                                                                            \
  KERNEL(name) {                                                                                            \
    const type *x = buf[0];                                                                                 \
    type *y = buf[1];                                                                                       \
    ptrdiff_t n = p[1], inner = p[2], lines = (ptrdiff_t)p[0] * inner;                                      \
    for (ptrdiff_t line = begin_of(lines, part), end = end_of(lines, part); line < end; line++) {           \
      ptrdiff_t base = line / inner * n * inner + line % inner;                                             \
      wide sum = 0;                                                                                         \
      for (ptrdiff_t k = 0; k < n; k++) {                                                                   \
        ptrdiff_t at = base + (p[4] ? n - 1 - k : k) * inner;                                               \
        wide v = x[at];                                                                                     \
        y[at] = (type)(p[3] ? sum : sum + v);                                                               \
        sum += v;                                                                                           \
      }                                                                                                     \
    }                                                                                                       \
  }
CUMSUM(cumsum_f32, float, double)
CUMSUM(cumsum_i32, uint32_t, uint32_t)
