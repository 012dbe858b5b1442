// Element-wise functions of two tensors with broadcasting. buf: x, y, output.
// p: rank, dims[rank], x strides[rank], y strides[rank]; dims in the output's memory order.
// The host merges dims, so that equal shapes are one dim with strides 1 and 1, and a scalar has stride 0.
#include "rows.h"

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

static __attribute__((noinline)) void binary_walk(void *const *buf, const int32_t *p, Part part, row_fn *row) {
  const float *x = buf[0], *y = buf[1];
  walk_spec w = walk_read(p, 2);
  ptrdiff_t at, end;
  walk_share(walk_size(&w), part, &at, &end);
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

static __attribute__((noinline)) void byte_walk(void *const *buf, const int32_t *p, Part part, byte_row_fn *row) {
  walk_spec w = walk_read(p, 2);
  ptrdiff_t at, end;
  walk_share(walk_size(&w), part, &at, &end);
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

#define B(name, result) \
  KERNEL(name##_f32) { binary_walk(buf, p, part, row_##name##_f32); }
#define I(name, result) \
  KERNEL(name##_i32) { binary_walk(buf, p, part, row_##name##_i32); }
#define C(name, result) B(name, result) I(name, result)
#define L(name, result) \
  KERNEL(name) { byte_walk(buf, p, part, row_##name); }
#include "binary.def"
#undef B
#undef I
#undef C
#undef L
