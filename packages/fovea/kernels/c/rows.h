// Element-wise functions over a dense row: what the kernels of unary.c, binary.c, where.c and chain.c run. Each is
// compiled once, so that a chain of steps gives the same bits as the single kernels.
#pragma once
#include "vmath.h"
#include "walk.h"

#define ROW static __attribute__((noinline)) void

// ---- of one tensor: `n` elements of x to y (which may be x), with the parameters a and b ----
typedef vf unary_fn(vf x, vf a, vf b);
typedef void unary_row_fn(const float *x, float *y, ptrdiff_t n, float a, float b);

INLINE void unary_row(const float *x, float *y, ptrdiff_t n, float pa, float pb, unary_fn *f) {
  vf a = splat(pa), b = splat(pb);
  ptrdiff_t i = 0;
  for (; i + 2 * VL <= n; i += 2 * VL) {
    vf u = f(ld(x + i), a, b), v = f(ld(x + i + VL), a, b);
    st(y + i, u);
    st(y + i + VL, v);
  }
  for (; i < n; i += VL) {
    int r = (int)min_of(VL, n - i);
    st_tail(y + i, f(ld_tail(x + i, r), a, b), r);
  }
}

#define U(name, result)                                                                  \
  INLINE vf unary_##name(vf x, vf a, vf b) {                                             \
    (void)a;                                                                             \
    (void)b;                                                                             \
    return result;                                                                       \
  }                                                                                      \
  ROW row_##name##_f32(const float *x, float *y, ptrdiff_t n, float a, float b) {        \
    unary_row(x, y, n, a, b, unary_##name);                                              \
  }
#include "unary.def"
#undef U

// ---- tests of each element: bytes 0 or 1 ----
typedef vi test_fn(vf x);
typedef void test_row_fn(const float *x, uint8_t *y, ptrdiff_t n);

INLINE void test_row(const float *x, uint8_t *y, ptrdiff_t n, test_fn *f) {
  ptrdiff_t i = 0;
  for (; i + VL <= n; i += VL) st_mask(y + i, f(ld(x + i)));
  if (i < n) st_mask_tail(y + i, f(ld_tail(x + i, (int)(n - i))), (int)(n - i));
}
INLINE vi test_nan(vf x) { return x != x; }
INLINE vi test_finite(vf x) { return vabs(x) < INF; }
ROW row_is_nan_f32(const float *x, uint8_t *y, ptrdiff_t n) { test_row(x, y, n, test_nan); }
ROW row_is_finite_f32(const float *x, uint8_t *y, ptrdiff_t n) { test_row(x, y, n, test_finite); }

// ---- of two tensors ----
typedef vf binary_fn(vf x, vf y);
typedef void put_fn(void *out, ptrdiff_t i, vf v, int n);
// `n` elements; the strides are 1 or 0, not both 0.
typedef void row_fn(const float *x, ptrdiff_t sx, const float *y, ptrdiff_t sy, void *out, ptrdiff_t at, ptrdiff_t n);

INLINE void put_words(void *out, ptrdiff_t i, vf v, int n) {
  if (n == VL) st((float *)out + i, v);
  else st_tail((float *)out + i, v, n);
}
INLINE void put_mask(void *out, ptrdiff_t i, vf v, int n) {
  if (n == VL) st_mask((uint8_t *)out + i, (vi)v);
  else st_mask_tail((uint8_t *)out + i, (vi)v, n);
}

INLINE vf row_load(const float *p, ptrdiff_t stride, ptrdiff_t i, int n) {
  return stride == 0 ? splat(*p) : n == VL ? ld(p + i) : ld_tail(p + i, n);
}
INLINE void row_with(const float *x, ptrdiff_t sx, const float *y, ptrdiff_t sy, void *out, ptrdiff_t at, ptrdiff_t n,
                     binary_fn *f, put_fn *put) {
  ptrdiff_t i = 0;
  for (; i + VL <= n; i += VL) put(out, at + i, f(row_load(x, sx, i, VL), row_load(y, sy, i, VL)), VL);
  if (i < n) {
    int r = (int)(n - i);
    put(out, at + i, f(row_load(x, sx, i, r), row_load(y, sy, i, r)), r);
  }
}
INLINE void binary_row(const float *x, ptrdiff_t sx, const float *y, ptrdiff_t sy, void *out, ptrdiff_t at, ptrdiff_t n,
                       binary_fn *f, put_fn *put) {
  if (sy == 0) row_with(x, 1, y, 0, out, at, n, f, put);
  else if (sx == 0) row_with(x, 0, y, 1, out, at, n, f, put);
  else row_with(x, 1, y, 1, out, at, n, f, put);
}

#define BINARY_ROW(kernel, f, put)                                                                                      \
  ROW row_##kernel(const float *x, ptrdiff_t sx, const float *y, ptrdiff_t sy, void *out, ptrdiff_t at, ptrdiff_t n) { \
    binary_row(x, sx, y, sy, out, at, n, f, put);                                                                      \
  }
#define B(name, result)                                       \
  INLINE vf float_##name(vf x, vf y) { return (vf)(result); } \
  BINARY_ROW(name##_f32, float_##name, put_words)
#define I(name, result)                 \
  INLINE vf int_##name(vf u, vf v) {    \
    vi x = (vi)u, y = (vi)v;            \
    return (vf)(result);                \
  }                                     \
  BINARY_ROW(name##_i32, int_##name, put_words)
#define C(name, result)                                       \
  INLINE vf float_##name(vf x, vf y) { return (vf)(result); } \
  INLINE vf int_##name(vf u, vf v) {                          \
    vi x = (vi)u, y = (vi)v;                                  \
    return (vf)(result);                                      \
  }                                                           \
  BINARY_ROW(name##_f32, float_##name, put_mask)              \
  BINARY_ROW(name##_i32, int_##name, put_mask)

// Bytes: the compiler's own vectors do.
typedef void byte_row_fn(const uint8_t *x, ptrdiff_t sx, const uint8_t *y, ptrdiff_t sy, uint8_t *out, ptrdiff_t n);
#define L(name, result)                                                                                                \
  ROW row_##name(const uint8_t *px, ptrdiff_t sx, const uint8_t *py, ptrdiff_t sy, uint8_t *out, ptrdiff_t n) {        \
    for (ptrdiff_t i = 0; i < n; i++) {                                                                                \
      uint8_t x = px[i * sx], y = py[i * sy];                                                                          \
      out[i] = result;                                                                                                 \
    }                                                                                                                  \
  }
#include "binary.def"
#undef B
#undef I
#undef C
#undef L

// ---- c ? a : b, words chosen by bytes; the strides of a and b are 1 or 0 ----
INLINE void where_row(const uint8_t *c, const float *a, ptrdiff_t sa, const float *b, ptrdiff_t sb, float *y, ptrdiff_t n) {
  ptrdiff_t i = 0;
  for (; i + VL <= n; i += VL)
    st(y + i, select(ld_bytes(c + i) != 0, sa ? ld(a + i) : splat(*a), sb ? ld(b + i) : splat(*b)));
  for (; i < n; i++) y[i] = c[i] ? a[i * sa] : b[i * sb];
}
ROW row_where_32(const uint8_t *c, const float *a, ptrdiff_t sa, const float *b, ptrdiff_t sb, float *y, ptrdiff_t n) {
  if (sa == 0) where_row(c, a, 0, b, sb, y, n);
  else if (sb == 0) where_row(c, a, 1, b, 0, y, n);
  else where_row(c, a, 1, b, 1, y, n);
}
