// The order of elements along one axis: stable, NaN largest. Tensors are dense [outer][n][inner].
#include "kernel.h"

#define SORT_RUN 8 // runs this short are sorted by insertion

// An int32 that orders as the float does: −0 equals 0, and every NaN is above infinity.
INLINE int32_t sort_key_f32(int32_t bits) {
  int32_t size = bits & 0x7fffffff;
  if (size > 0x7f800000) return 0x7fffffff;
  return bits < 0 ? -size : size;
}

// Sorts the n numbers at a; b is as much room. Returns where they are in the end.
static __attribute__((noinline)) int64_t *sort_row(int64_t *a, int64_t *b, ptrdiff_t n) {
  for (ptrdiff_t from = 0; from < n; from += SORT_RUN) {
    ptrdiff_t to = from + SORT_RUN < n ? from + SORT_RUN : n;
    for (ptrdiff_t i = from + 1; i < to; i++) {
      int64_t v = a[i];
      ptrdiff_t k = i;
      for (; k > from && a[k - 1] > v; k--) a[k] = a[k - 1];
      a[k] = v;
    }
  }
  for (ptrdiff_t run = SORT_RUN; run < n; run *= 2) {
    for (ptrdiff_t from = 0; from < n; from += 2 * run) {
      ptrdiff_t middle = from + run < n ? from + run : n, to = middle + run < n ? middle + run : n;
      ptrdiff_t i = from, j = middle;
      for (ptrdiff_t k = from; k < to; k++) b[k] = j >= to || (i < middle && a[i] < a[j]) ? a[i++] : a[j++];
    }
    int64_t *other = a;
    a = b;
    b = other;
  }
  return a;
}

// y[o][k][j] = position of the k-th element in order. buf: x, y (int32), room for 16 bytes per element.
// p: outer, n, inner, descending, float. Key and position make one number, so no two are equal.
KERNEL(argsort_32) {
  const int32_t *x = buf[0];
  int32_t *y = buf[1];
  ptrdiff_t n = p[1], inner = p[2], lines = (ptrdiff_t)p[0] * inner;
  for (ptrdiff_t line = begin_of(lines, part), end = end_of(lines, part); line < end; line++) {
    ptrdiff_t base = line / inner * n * inner + line % inner;
    int64_t *a = (int64_t *)buf[2] + line * 2 * n;
    for (ptrdiff_t k = 0; k < n; k++) {
      int32_t key = x[base + k * inner];
      if (p[4]) key = sort_key_f32(key);
      if (p[3]) key = ~key;
      a[k] = (int64_t)((uint64_t)(uint32_t)key << 32 | (uint64_t)k);
    }
    a = sort_row(a, a + n, n);
    for (ptrdiff_t k = 0; k < n; k++) y[base + k * inner] = (int32_t)a[k];
  }
}
