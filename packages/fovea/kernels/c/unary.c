// Element-wise functions of one tensor, layout-blind. buf: x, y. p: n, then the parameters a and b as floats.
// AVX-512 on one core of a Zen5, read + written: ReLU 185 / 127 GB/s at 0.5 / 8 MB (tensors that stay in cache), exp 42, tanh 31.
#include "rows.h"

INLINE void unary_walk(void *const *buf, const int32_t *p, Part part, unary_row_fn *row) {
  ptrdiff_t at, end;
  walk_share(p[0], part, &at, &end);
  row((const float *)buf[0] + at, (float *)buf[1] + at, end - at, pf(p, 1), pf(p, 2));
}

#define U(name, result) \
  KERNEL(name##_f32) { unary_walk(buf, p, part, row_##name##_f32); }
#include "unary.def"
#undef U

// Tests of each element: bytes 0 or 1. buf: x, y. p: n.
INLINE void test_walk(void *const *buf, const int32_t *p, Part part, test_row_fn *row) {
  ptrdiff_t at, end;
  walk_share(p[0], part, &at, &end);
  row((const float *)buf[0] + at, (uint8_t *)buf[1] + at, end - at);
}
KERNEL(is_nan_f32) { test_walk(buf, p, part, row_is_nan_f32); }
KERNEL(is_finite_f32) { test_walk(buf, p, part, row_is_finite_f32); }
