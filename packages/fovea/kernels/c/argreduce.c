// Positions of the largest or smallest element along one axis: the first of equals; NaN counts as both extremes.
// buf: x, y (int32, dense in the order of the kept dims). p: length and stride of the axis, rank, kept dims[rank],
// kept strides[rank]. Vectors run over neighbouring kept elements, or along the axis when that is the dense one.
#include "walk.h"

// Whether a comes before b in the search; the earlier position stays when neither does.
typedef vi beats_fn(vf a, vf b);
INLINE vi beats_max(vf a, vf b) { return (a > b) | ((a != a) & (b == b)); }
INLINE vi beats_min(vf a, vf b) { return (a < b) | ((a != a) & (b == b)); }
INLINE vi beats_max_int(vf a, vf b) { return (vi)a > (vi)b; }
INLINE vi beats_min_int(vf a, vf b) { return (vi)a < (vi)b; }

// For VL neighbours: the axis has the same stride for all.
INLINE vi arg_columns(const float *x, ptrdiff_t length, ptrdiff_t stride, ptrdiff_t step, int n, beats_fn *beats) {
  vf best = ld_strided(x, step, n);
  vi at = {0};
  for (ptrdiff_t i = 1; i < length; i++) {
    vf v = ld_strided(x + i * stride, step, n);
    vi better = beats(v, best);
    best = select(better, v, best);
    at = (vi)select(better, (vf)splati((int32_t)i), (vf)at);
  }
  return at;
}

// Along one dense row of at least VL elements.
INLINE int32_t arg_row(const float *x, ptrdiff_t length, beats_fn *beats) {
  vf best = ld(x);
  vi lane = lane_numbers(), at = lane;
  for (ptrdiff_t i = VL; i < length; i += VL) {
    ptrdiff_t from = min_of(i, length - VL); // the last vector overlaps: what was seen before does not beat itself
    vf v = ld(x + from);
    vi better = beats(v, best);
    best = select(better, v, best);
    at = (vi)select(better, (vf)(lane + (int32_t)from), (vf)at);
  }
  int32_t first = 0;
  for (int i = 1; i < VL; i++) {
    vf a = splat(best[i]), b = splat(best[first]);
    int wins = beats(a, b)[0] || (!beats(b, a)[0] && at[i] < at[first]);
    first = wins ? i : first;
  }
  return at[first];
}

INLINE void arg_reduce(void *const *buf, const int32_t *p, Part part, beats_fn *beats) {
  const float *x = buf[0];
  int32_t *y = buf[1];
  ptrdiff_t length = p[0], stride = p[1];
  walk_spec w = walk_read(p + 2, 1);
  ptrdiff_t kept = walk_size(&w), last = w.rank - 1, width = w.dims[last], step = w.strides[0][last];
  ptrdiff_t at = begin_of(kept, part), end = end_of(kept, part);
  if (at >= end) return;
  walk_state s = walk_seek(&w, at);
  while (at < end) {
    ptrdiff_t n = min_of(width - s.column, end - at);
    const float *row = x + s.offset[0] + s.column * step;
    if (stride == 1 && length >= VL) {
      for (ptrdiff_t i = 0; i < n; i++) y[at + i] = arg_row(row + i * step, length, beats);
    } else {
      for (ptrdiff_t i = 0; i < n; i += VL) {
        int r = (int)min_of(VL, n - i);
        vi found = step == 1 ? arg_columns(row + i, length, stride, 1, r, beats)
                             : arg_columns(row + i * step, length, stride, step, r, beats);
        st_tail((float *)(void *)(y + at + i), (vf)found, r);
      }
    }
    at += n;
    walk_next_row(&w, &s);
  }
}

KERNEL(argmax_f32) { arg_reduce(buf, p, part, beats_max); }
KERNEL(argmin_f32) { arg_reduce(buf, p, part, beats_min); }
KERNEL(argmax_i32) { arg_reduce(buf, p, part, beats_max_int); }
KERNEL(argmin_i32) { arg_reduce(buf, p, part, beats_min_int); }
