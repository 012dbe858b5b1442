// Softmax and its logarithm along one axis. buf: x, y. p: outer, length, inner: both are dense [outer][length][inner].
// Rows (inner = 1) keep a vector along the axis; otherwise a vector holds neighbouring rows. Three passes over a row:
// the largest element, the sum of exponentials, the result; the row stays in cache.
#include "vmath.h"
#include "walk.h"

INLINE vf max_nan(vf a, vf b) { return select((a > b) | (a != a), a, b); }
INLINE vf add_lanes(vf a, vf b) { return a + b; }

INLINE void softmax_row(const float *x, float *y, ptrdiff_t n, int logarithm) {
  vf top = splat(-INF), sum = {0};
  ptrdiff_t i = 0, whole = n - n % VL;
  int tail = (int)(n - whole);
  for (i = 0; i < whole; i += VL) top = max_nan(top, ld(x + i));
  if (tail) top = max_nan(top, with_rest(ld_tail(x + whole, tail), tail, splat(-INF)));
  vf most = splat(fold_lanes(top, max_nan));
  for (i = 0; i < whole; i += VL) {
    vf e = vexp(ld(x + i) - most);
    sum += e;
    if (!logarithm) st(y + i, e);
  }
  if (tail) {
    vf e = vexp(ld_tail(x + whole, tail) - most);
    sum += with_rest(e, tail, splat(0));
    if (!logarithm) st_tail(y + whole, e, tail);
  }
  vf total = splat(fold_lanes(sum, add_lanes));
  if (logarithm) {
    vf log_total = vlog(total);
    for (i = 0; i < whole; i += VL) st(y + i, ld(x + i) - most - log_total);
    if (tail) st_tail(y + whole, ld_tail(x + whole, tail) - most - log_total, tail);
  } else {
    for (i = 0; i < whole; i += VL) st(y + i, ld(y + i) / total);
    if (tail) st_tail(y + whole, ld_tail(y + whole, tail) / total, tail);
  }
}

// n ≤ VL neighbouring rows whose elements lie `stride` apart.
INLINE void softmax_columns(const float *x, float *y, ptrdiff_t length, ptrdiff_t stride, int n, int logarithm) {
  vf top = splat(-INF), sum = {0};
  for (ptrdiff_t i = 0; i < length; i++) top = max_nan(top, ld_strided(x + i * stride, 1, n));
  for (ptrdiff_t i = 0; i < length; i++) {
    vf e = vexp(ld_strided(x + i * stride, 1, n) - top);
    sum += e;
    if (!logarithm) st_tail(y + i * stride, e, n);
  }
  vf log_sum = vlog(sum);
  for (ptrdiff_t i = 0; i < length; i++) {
    vf v = logarithm ? ld_strided(x + i * stride, 1, n) - top - log_sum : ld_strided(y + i * stride, 1, n) / sum;
    st_tail(y + i * stride, v, n);
  }
}

INLINE void softmax_walk(void *const *buf, const int32_t *p, Part part, int logarithm) {
  const float *x = buf[0];
  float *y = buf[1];
  ptrdiff_t outer = p[0], length = p[1], inner = p[2];
  if (inner == 1) {
    for (ptrdiff_t o = begin_of(outer, part), end = end_of(outer, part); o < end; o++)
      softmax_row(x + o * length, y + o * length, length, logarithm);
    return;
  }
  ptrdiff_t chunks = (inner + VL - 1) / VL;
  for (ptrdiff_t u = begin_of(outer * chunks, part), end = end_of(outer * chunks, part); u < end; u++) {
    ptrdiff_t at = u / chunks * length * inner + u % chunks * VL;
    softmax_columns(x + at, y + at, length, inner, (int)min_of(VL, inner - u % chunks * VL), logarithm);
  }
}

KERNEL(softmax_f32) { softmax_walk(buf, p, part, 0); }
KERNEL(log_softmax_f32) { softmax_walk(buf, p, part, 1); }

// The loss of a label among the scores of its row, −log softmax(x)[label], and its gradient g·(softmax(x) − [label]); x as
// above, labels, losses and g [outer][inner]. A label that is no class gives NaN.
INLINE int is_class(ptrdiff_t label, ptrdiff_t length) { return (size_t)label < (size_t)length; }

// The largest score of a row and the logarithm of Σ exp(x − largest).
INLINE void softmax_scale(const float *x, ptrdiff_t n, float *most, float *log_total) {
  vf top = splat(-INF), sum = {0};
  for (ptrdiff_t i = 0; i < n; i += VL) {
    const int lanes = (int)min_of(VL, n - i);
    top = max_nan(top, with_rest(ld_tail(x + i, lanes), lanes, splat(-INF)));
  }
  *most = fold_lanes(top, max_nan);
  for (ptrdiff_t i = 0; i < n; i += VL) {
    const int lanes = (int)min_of(VL, n - i);
    sum += with_rest(vexp(ld_tail(x + i, lanes) - splat(*most)), lanes, splat(0));
  }
  *log_total = vlog(splat(fold_lanes(sum, add_lanes)))[0];
}

// buf: x, labels, losses. p: outer, length, inner
KERNEL(cross_entropy_f32) {
  const float *x = buf[0];
  const int32_t *labels = buf[1];
  float *y = buf[2];
  const ptrdiff_t outer = p[0], length = p[1], inner = p[2];
  if (inner == 1) {
    for (ptrdiff_t o = begin_of(outer, part), end = end_of(outer, part); o < end; o++) {
      float most, log_total;
      softmax_scale(x + o * length, length, &most, &log_total);
      y[o] = is_class(labels[o], length) ? log_total - (x[o * length + labels[o]] - most) : __builtin_nanf("");
    }
    return;
  }
  const ptrdiff_t chunks = (inner + VL - 1) / VL;
  for (ptrdiff_t u = begin_of(outer * chunks, part), end = end_of(outer * chunks, part); u < end; u++) {
    const ptrdiff_t o = u / chunks, i = u % chunks * VL;
    const int n = (int)min_of(VL, inner - i);
    const float *column = x + o * length * inner + i;
    vf top = splat(-INF), sum = {0};
    for (ptrdiff_t k = 0; k < length; k++) top = max_nan(top, ld_tail(column + k * inner, n));
    for (ptrdiff_t k = 0; k < length; k++) sum += vexp(ld_tail(column + k * inner, n) - top);
    const vf log_total = vlog(sum);
    for (int l = 0; l < n; l++) {
      const ptrdiff_t label = labels[o * inner + i + l];
      y[o * inner + i + l] = is_class(label, length) ? log_total[l] - (column[label * inner + l] - top[l]) : __builtin_nanf("");
    }
  }
}

// buf: x, labels, g, y of x's size. p: as above
KERNEL(cross_entropy_grad_f32) {
  const float *x = buf[0], *g = buf[2];
  const int32_t *labels = buf[1];
  float *y = buf[3];
  const ptrdiff_t outer = p[0], length = p[1], inner = p[2], chunks = inner == 1 ? 1 : (inner + VL - 1) / VL;
  for (ptrdiff_t u = begin_of(outer * chunks, part), end = end_of(outer * chunks, part); u < end; u++) {
    const ptrdiff_t o = u / chunks, i = u % chunks * VL, from = o * length * inner + i;
    const int n = (int)min_of(VL, inner - i);
    if (inner == 1) softmax_row(x + from, y + from, length, 0);
    else softmax_columns(x + from, y + from, length, inner, n, 0);
    float scale[VL] __attribute__((aligned(VB)));
    st(scale, ld_tail(g + o * inner + i, n));
    for (int l = 0; l < n; l++) {
      const ptrdiff_t label = labels[o * inner + i + l];
      if (is_class(label, length)) y[from + label * inner + l] -= 1;
      else scale[l] = __builtin_nanf("");
    }
    if (inner == 1)
      for (ptrdiff_t k = 0; k < length; k += VL) {
        const int lanes = (int)min_of(VL, length - k);
        st_tail(y + from + k, ld_tail(y + from + k, lanes) * scale[0], lanes);
      }
    else
      for (ptrdiff_t k = 0; k < length; k++) st_tail(y + from + k * inner, ld_tail(y + from + k * inner, n) * ld(scale), n);
  }
}
