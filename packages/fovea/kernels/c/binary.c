// Element-wise functions of two tensors with broadcasting. buf: x, y, output.
// p: rank, dims[rank], x strides[rank], y strides[rank]; dims in the output's memory order.
// The host merges dims, so that equal shapes are one dim with strides 1 and 1, and a scalar has stride 0.
#include "vmath.h"
#include "walk.h"

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

#define STAGE 512
// One operand dense, the other a row of few columns repeated (a bias per channel): repeat it once, then walk long rows.
static int is_repeated(const walk_spec *w, int k) {
  int other = 1 - k, columns = w->rank == 2 ? w->dims[1] : 0;
  return columns > 0 && columns <= STAGE / 4 && w->strides[k][0] == 0 && w->strides[k][1] == 1 &&
         w->strides[other][0] == columns && w->strides[other][1] == 1;
}

// Elements at odd distances are brought together first.
static const float *staged(const float *x, ptrdiff_t stride, ptrdiff_t n, float *stage) {
  for (ptrdiff_t i = 0; i < n; i++) stage[i] = x[i * stride];
  return stage;
}

static __attribute__((noinline)) void binary_walk(void *const *buf, const int32_t *p, int part, int parts, row_fn *row) {
  const float *x = buf[0], *y = buf[1];
  walk_spec w = walk_read(p, 2);
  ptrdiff_t at, end;
  walk_share(walk_size(&w), part, parts, &at, &end);
  if (at >= end) return;
  float stage[2][STAGE];
  if (is_repeated(&w, 0) || is_repeated(&w, 1)) {
    int second = is_repeated(&w, 1), columns = w.dims[1], period = STAGE / columns * columns;
    for (int i = 0; i < period; i++) stage[0][i] = (second ? y : x)[i % columns];
    while (at < end) {
      ptrdiff_t phase = at % columns, n = min_of(end - at, period - phase);
      if (second) row(x + at, 1, stage[0] + phase, 1, buf[2], at, n);
      else row(stage[0] + phase, 1, y + at, 1, buf[2], at, n);
      at += n;
    }
    return;
  }
  ptrdiff_t columns = w.dims[w.rank - 1], sx = w.strides[0][w.rank - 1], sy = w.strides[1][w.rank - 1];
  int plain = (sx | sy) == 1; // 1 and 1, or 1 and 0
  walk_state s = walk_seek(&w, at);
  while (at < end) {
    ptrdiff_t n = min_of(columns - s.column, end - at);
    const float *px = x + s.offset[0] + s.column * sx, *py = y + s.offset[1] + s.column * sy;
    if (plain) row(px, sx, py, sy, buf[2], at, n);
    else
      for (ptrdiff_t i = 0; i < n; i += STAGE) {
        ptrdiff_t m = min_of(STAGE, n - i);
        row(staged(px + i * sx, sx, m, stage[0]), 1, staged(py + i * sy, sy, m, stage[1]), 1, buf[2], at + i, m);
      }
    at += n;
    walk_next_row(&w, &s);
  }
}

// The row function of f, and the kernel.
#define ROW(kernel, f, put)                                                                                       \
  static void row_##kernel(const float *x, ptrdiff_t sx, const float *y, ptrdiff_t sy, void *out, ptrdiff_t at, ptrdiff_t n) { \
    binary_row(x, sx, y, sy, out, at, n, f, put);                                                                 \
  }                                                                                                               \
  KERNEL(kernel) { binary_walk(buf, p, part, parts, row_##kernel); }
#define B(name, result)                                   \
  INLINE vf float_##name(vf x, vf y) { return (vf)(result); } \
  ROW(name##_f32, float_##name, put_words)
#define I(name, result)                 \
  INLINE vf int_##name(vf u, vf v) {    \
    vi x = (vi)u, y = (vi)v;            \
    return (vf)(result);                \
  }                                     \
  ROW(name##_i32, int_##name, put_words)
#define C(name, result)                                       \
  INLINE vf float_##name(vf x, vf y) { return (vf)(result); } \
  INLINE vf int_##name(vf u, vf v) {                          \
    vi x = (vi)u, y = (vi)v;                                  \
    return (vf)(result);                                      \
  }                                                           \
  ROW(name##_f32, float_##name, put_mask)                     \
  ROW(name##_i32, int_##name, put_mask)

// Bytes: the compiler's own vectors do.
typedef void byte_row_fn(const uint8_t *x, ptrdiff_t sx, const uint8_t *y, ptrdiff_t sy, uint8_t *out, ptrdiff_t n);
static __attribute__((noinline)) void byte_walk(void *const *buf, const int32_t *p, int part, int parts, byte_row_fn *row) {
  walk_spec w = walk_read(p, 2);
  ptrdiff_t at, end;
  walk_share(walk_size(&w), part, parts, &at, &end);
  if (at >= end) return;
  ptrdiff_t columns = w.dims[w.rank - 1], sx = w.strides[0][w.rank - 1], sy = w.strides[1][w.rank - 1];
  walk_state s = walk_seek(&w, at);
  while (at < end) {
    ptrdiff_t n = min_of(columns - s.column, end - at);
    row((const uint8_t *)buf[0] + s.offset[0] + s.column * sx, sx, (const uint8_t *)buf[1] + s.offset[1] + s.column * sy, sy,
        (uint8_t *)buf[2] + at, n);
    at += n;
    walk_next_row(&w, &s);
  }
}
#define L(name, result)                                                                                                \
  static void row_##name(const uint8_t *px, ptrdiff_t sx, const uint8_t *py, ptrdiff_t sy, uint8_t *out, ptrdiff_t n) { \
    for (ptrdiff_t i = 0; i < n; i++) {                                                                                \
      uint8_t x = px[i * sx], y = py[i * sy];                                                                          \
      out[i] = result;                                                                                                 \
    }                                                                                                                  \
  }                                                                                                                    \
  KERNEL(name) { byte_walk(buf, p, part, parts, row_##name); }

#include "binary.def"
#undef B
#undef I
#undef C
#undef L
