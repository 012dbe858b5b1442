// Batch norm over channels-last memory: `pixels` rows of C channels. Statistics, normalising, and both passes back.
//
// Few channels would leave vectors empty, so memory is walked as rows of `width` floats: C repeated until it is a multiple of
// four vectors (column j belongs to channel j mod C), or C itself where that would be long. The last row may be shorter.
//
// Sums: a block of rows is summed in float around a shift per column (the mean of four rows, or the known mean), four rows at
// a time in registers; memory is read once and in order. A second command joins the blocks in double, so nothing cancels
// but within a block, where the shift is near. Blocks depend on the shape alone.
// Normalising: one pass over rows with per-column tables (mean, scale, shift), the residual and the activation in the same
// pass; backward likewise, with the mask of a ReLU. All are bound by memory: one read of each input, one write.
#include "tiles.h"
#include "vmath.h"
#include "walk.h"

INLINE vf norm_load(const float *p, int n) { return n == VL ? ld(p) : ld_tail(p, n); }
INLINE void norm_store(float *p, vf v, int n) {
  if (n == VL) st(p, v);
  else st_tail(p, v, n);
}

// How memory is walked. p of the summing commands: pixels, C, width, rows per block.
// A block's partial result is [shift, Σd, Σd·(x − shift)][width].
typedef struct {
  ptrdiff_t channels, width, block, rows, rest, blocks, groups, pixels; // rest: floats of the short last row
} norm_walk;
INLINE norm_walk norm_read(const int32_t *p) {
  ptrdiff_t groups = p[2] / p[1], rows = p[0] / groups, rest = p[0] % groups * p[1];
  return (norm_walk){p[1], p[2], p[3], rows, rest, ceil_div(ceil_div(p[0], groups), p[3]), groups, p[0]};
}
// Rows of block b, and the floats of the short row behind them.
INLINE ptrdiff_t block_rows(const norm_walk *w, ptrdiff_t b) { return max_(0, min_(w->block, w->rows - b * w->block)); }
INLINE ptrdiff_t block_rest(const norm_walk *w, ptrdiff_t b) { return b == w->blocks - 1 ? w->rest : 0; }

// What d is: x − shift, the gradient g, or g where y > 0.
enum { SUM_CENTRED, SUM_GRADIENT, SUM_MASKED };

// Adds Σd and Σd·(x − shift) of a few rows (a constant) to the sums of `vectors` vectors of columns, of n lanes.
INLINE void add_rows(const int what, const float *x, const float *g, const float *y, ptrdiff_t step, const int rows,
                     const int vectors, int n, const float *shift, float *sums, float *weighted) {
  vf s[4], w[4];
  UNROLL for (int v = 0; v < vectors; v++) s[v] = w[v] = (vf){0};
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < vectors; v++) {
      const ptrdiff_t at = r * step + v * VL;
      const vf c = norm_load(x + at, n) - norm_load(shift + v * VL, n);
      vf d = c;
      if (what != SUM_CENTRED) d = norm_load(g + at, n);
      if (what == SUM_MASKED) d = select(norm_load(y + at, n) > 0, d, (vf){0});
      s[v] += d;
      w[v] += d * c;
    }
  UNROLL for (int v = 0; v < vectors; v++) {
    norm_store(sums + v * VL, norm_load(sums + v * VL, n) + s[v], n);
    norm_store(weighted + v * VL, norm_load(weighted + v * VL, n) + w[v], n);
  }
}

// The same for `columns` columns of a few rows.
INLINE void add_columns(const int what, const float *x, const float *g, const float *y, ptrdiff_t step, const int rows,
                        ptrdiff_t columns, float *out, ptrdiff_t width) {
  ptrdiff_t k = 0;
#define ADD_ROWS(vectors, n) \
  add_rows(what, x + k, g + k, y + k, step, rows, vectors, n, out + k, out + width + k, out + 2 * width + k)
  for (; k + 4 * VL <= columns; k += 4 * VL) ADD_ROWS(4, VL);
  for (; k < columns; k += VL) ADD_ROWS(1, (int)min_(VL, columns - k));
#undef ADD_ROWS
}

INLINE void sum_block(const int what, const norm_walk *w, ptrdiff_t b, const float *x, const float *g, const float *y,
                      float *out) {
  const ptrdiff_t rows = block_rows(w, b), rest = block_rest(w, b), step = w->width;
  __builtin_memset(out + step, 0, (size_t)step * 8);
  ptrdiff_t r = 0;
  for (; r + 4 <= rows; r += 4) add_columns(what, x + r * step, g + r * step, y + r * step, step, 4, step, out, step);
  for (; r < rows; r++) add_columns(what, x + r * step, g + r * step, y + r * step, step, 1, step, out, step);
  if (rest) add_columns(what, x + r * step, g + r * step, y + r * step, step, 1, rest, out, step);
}

// Mean of the first four rows: exact where all are equal. Fewer rows: the first.
INLINE void first_rows(const norm_walk *w, ptrdiff_t b, const float *x, float *shift) {
  const ptrdiff_t rows = block_rows(w, b), step = w->width, columns = rows > 0 ? step : block_rest(w, b);
  __builtin_memset(shift, 0, (size_t)step * 4);
  for (ptrdiff_t k = 0; k < columns; k += VL) {
    const int n = (int)min_(VL, columns - k);
    vf v = norm_load(x + k, n);
    if (rows >= 4)
      v = ((v + norm_load(x + k + step, n)) + (norm_load(x + k + 2 * step, n) + norm_load(x + k + 3 * step, n))) * 0.25f;
    norm_store(shift + k, v, n);
  }
}

// buf: x, partial
KERNEL(channel_moments) {
  const norm_walk w = norm_read(p);
  for (ptrdiff_t b = begin_of(w.blocks, part), end = end_of(w.blocks, part); b < end; b++) {
    const float *x = (const float *)buf[0] + b * w.block * w.width;
    float *out = (float *)buf[1] + 3 * b * w.width;
    first_rows(&w, b, x, out);
    sum_block(SUM_CENTRED, &w, b, x, x, x, out);
  }
}

// Pixels of group g (columns g·C …) in block b.
INLINE double group_count(const norm_walk *w, ptrdiff_t b, ptrdiff_t g) {
  return (double)(block_rows(w, b) + (g * w->channels < block_rest(w, b)));
}

#define FOR_GROUPS                          \
  for (ptrdiff_t b = 0; b < w->blocks; b++) \
    for (ptrdiff_t g = 0; g < w->groups; g++)
// Whole vectors of channels of this part, and the n channels that are left.
#define FOR_CHANNELS(whole, left)                                                                                       \
  const ptrdiff_t vectors = ceil_div(w.channels, VL), end = end_of(vectors, part) * VL;                                 \
  for (ptrdiff_t c = begin_of(vectors, part) * VL; c < min_(w.channels, end); c += VL) {                                \
    const int n = (int)min_(VL, w.channels - c);                                                                        \
    if (n == VL) whole;                                                                                                 \
    else left;                                                                                                          \
  }

// mean = Σ (n·shift + Σd) / pixels, then squares Σd² + 2(shift − mean)·Σd + n·(shift − mean)²; n channels.
// Lanes are plain loops over doubles, which compilers turn into vectors better than vectors of twice the width.
INLINE void join_moments(const norm_walk *w, const float *partial, float *mean, float *variance, const int n) {
  double m[VL] = {0}, squares[VL] = {0};
  const ptrdiff_t width = w->width;
  FOR_GROUPS {
    const float *at = partial + 3 * b * width + g * w->channels;
    const double count = group_count(w, b, g);
    for (int i = 0; i < n; i++) m[i] += at[i] * count + at[width + i];
  }
  for (int i = 0; i < n; i++) m[i] /= (double)w->pixels;
  FOR_GROUPS {
    const float *at = partial + 3 * b * width + g * w->channels;
    const double count = group_count(w, b, g);
    for (int i = 0; i < n; i++) {
      const double apart = at[i] - m[i];
      squares[i] += at[2 * width + i] + apart * (2 * (double)at[width + i] + apart * count);
    }
  }
  for (int i = 0; i < n; i++) {
    const double v = squares[i] / (double)w->pixels;
    mean[i] = (float)m[i];
    variance[i] = (float)(v < 0 ? 0 : v); // NaN stays
  }
}

// buf: partial, moments [2][C]
KERNEL(channel_moments_join) {
  const norm_walk w = norm_read(p);
  const float *partial = buf[0];
  float *mean = buf[1], *variance = mean + w.channels;
  FOR_CHANNELS(join_moments(&w, partial + c, mean + c, variance + c, VL), join_moments(&w, partial + c, mean + c, variance + c, n))
}

INLINE void gradient_sums(void *const *buf, const int32_t *p, Part part, const int what) {
  const norm_walk w = norm_read(p);
  const float *mean = buf[2];
  for (ptrdiff_t b = begin_of(w.blocks, part), end = end_of(w.blocks, part); b < end; b++) {
    const ptrdiff_t at = b * w.block * w.width;
    float *out = (float *)buf[4] + 3 * b * w.width;
    for (ptrdiff_t g = 0; g < w.groups; g++) __builtin_memcpy(out + g * w.channels, mean, (size_t)w.channels * 4);
    sum_block(what, &w, b, (const float *)buf[0] + at, (const float *)buf[1] + at, (const float *)buf[3] + at, out);
  }
}
// buf: x, g, moments, y (any, unless masked), partial. p: … 4 masked
KERNEL(batch_norm_grad_sums) {
  if (p[4]) gradient_sums(buf, p, part, SUM_MASKED);
  else gradient_sums(buf, p, part, SUM_GRADIENT);
}

// Σg and Σg·x̂ of n channels.
INLINE void join_gradient_sums(const norm_walk *w, const float *partial, const float *variance, float eps, float *sums,
                               const int n) {
  double a[VL] = {0}, d[VL] = {0};
  FOR_GROUPS {
    const float *at = partial + (3 * b + 1) * w->width + g * w->channels;
    for (int i = 0; i < n; i++) {
      a[i] += at[i];
      d[i] += at[w->width + i];
    }
  }
  for (int i = 0; i < n; i++) {
    sums[i] = (float)a[i];
    sums[w->channels + i] = (float)d[i] * (1 / __builtin_sqrtf(variance[i] + eps));
  }
}

// buf: partial, moments, sums [2][C]. p: … 4 ε
KERNEL(batch_norm_grad_sums_join) {
  const norm_walk w = norm_read(p);
  const float *partial = buf[0], *variance = (const float *)buf[1] + w.channels, eps = pf(p, 4);
  float *sums = buf[2];
  FOR_CHANNELS(join_gradient_sums(&w, partial + c, variance + c, eps, sums + c, VL),
               join_gradient_sums(&w, partial + c, variance + c, eps, sums + c, n))
}
#undef FOR_GROUPS
#undef FOR_CHANNELS

// Per-column tables for normalising. buf: mean, variance, weight, bias (any where absent), table [mean, scale, shift][width].
// p: C, width, ε, with weight, with bias, floats in front of the variance
KERNEL(batch_norm_table) {
  const float *mean = buf[0], *variance = (const float *)buf[1] + p[5], *weight = buf[2], *bias = buf[3];
  float *table = buf[4];
  const ptrdiff_t width = p[1];
  for (ptrdiff_t k = begin_of(width, part), c = k % p[0]; k < end_of(width, part); k++) {
    const float scale = 1 / __builtin_sqrtf(variance[c] + pf(p, 2));
    table[k] = mean[c];
    table[width + k] = p[3] ? scale * weight[c] : scale;
    table[2 * width + k] = p[4] ? bias[c] : 0;
    if (++c == p[0]) c = 0;
  }
}

// The floats [*from, *to) of n in whole rows of `width` that belong to this part.
INLINE void rows_share(ptrdiff_t n, ptrdiff_t width, Part part, ptrdiff_t *from, ptrdiff_t *to) {
  const ptrdiff_t rows = ceil_div(n, width);
  *from = begin_of(rows, part) * width;
  *to = min_(n, end_of(rows, part) * width);
}

enum { ACT_NONE, ACT_RELU, ACT_CLIP, ACT_SILU };
INLINE vf activated(vf v, const int activation, vf low, vf high) {
  if (activation == ACT_RELU) return vmax(splat(0), v); // in this order NaN stays NaN
  if (activation == ACT_CLIP) return vmin(high, vmax(low, v));
  if (activation == ACT_SILU) return vsilu(v);
  return v;
}

// n lanes; `table` holds the three tables, `width` floats apart.
INLINE void normalize_vector(const float *x, const float *table, ptrdiff_t width, const float *residual, float *y,
                             const int with_residual, const int activation, vf low, vf high, int n) {
  vf v = (norm_load(x, n) - norm_load(table, n)) * norm_load(table + width, n) + norm_load(table + 2 * width, n);
  if (with_residual) v += norm_load(residual, n);
  norm_store(y, activated(v, activation, low, high), n);
}

INLINE void normalize(void *const *buf, const int32_t *p, Part part, const int residual, const int activation) {
  const ptrdiff_t width = p[2];
  const float *table = buf[1];
  const vf low = splat(pf(p, 5)), high = splat(pf(p, 6));
  ptrdiff_t at, end;
  rows_share((ptrdiff_t)p[0] * p[1], width, part, &at, &end);
  for (; at < end; at += width) {
    const ptrdiff_t n = min_(width, end - at);
    const float *x = (const float *)buf[0] + at, *add = (const float *)buf[2] + at;
    float *y = (float *)buf[3] + at;
    ptrdiff_t k = 0;
    for (; k + 4 * VL <= n; k += 4 * VL)
      UNROLL for (ptrdiff_t j = k; j < k + 4 * VL; j += VL)
        normalize_vector(x + j, table + j, width, add + j, y + j, residual, activation, low, high, VL);
    for (; k < n; k += VL)
      normalize_vector(x + k, table + k, width, add + k, y + k, residual, activation, low, high, (int)min_(VL, n - k));
  }
}
// buf: x, table, residual (any where absent), y. p: pixels, C, width, with residual, activation, min, max
KERNEL(batch_norm) {
#define ACTIVATION(a)                                        \
  case a:                                                    \
    if (p[3]) normalize(buf, p, part, 1, a);                 \
    else normalize(buf, p, part, 0, a);                      \
    break;
  switch (p[4]) { ACTIVATION(ACT_NONE) ACTIVATION(ACT_RELU) ACTIVATION(ACT_CLIP) ACTIVATION(ACT_SILU) }
#undef ACTIVATION
}

// dx = A·g + B·(x − mean) + D per column: A = weight·r, B = −A·r·Σg·x̂ / n, D = −A·Σg / n, r = 1 / √(variance + ε).
// buf: moments, weight (any where absent), sums, table [mean, A, B, D][width]. p: C, width, ε, with weight, pixels
KERNEL(batch_norm_input_grad_table) {
  const float *mean = buf[0], *variance = mean + p[0], *weight = buf[1], *plain = buf[2], *weighted = plain + p[0];
  float *table = buf[3];
  const ptrdiff_t width = p[1];
  for (ptrdiff_t k = begin_of(width, part), c = k % p[0]; k < end_of(width, part); k++) {
    const float r = 1 / __builtin_sqrtf(variance[c] + pf(p, 2)), a = p[3] ? r * weight[c] : r, n = (float)p[4];
    table[k] = mean[c];
    table[width + k] = a;
    table[2 * width + k] = -a * r * weighted[c] / n;
    table[3 * width + k] = -a * plain[c] / n;
    if (++c == p[0]) c = 0;
  }
}

INLINE void input_grad_vector(const float *x, const float *g, const float *y, const float *table, ptrdiff_t width, float *dx,
                              const int masked, int n) {
  vf d = norm_load(g, n), centered = norm_load(x, n) - norm_load(table, n);
  if (masked) d = select(norm_load(y, n) > 0, d, (vf){0});
  centered = centered * norm_load(table + 2 * width, n) + norm_load(table + 3 * width, n);
  norm_store(dx, d * norm_load(table + width, n) + centered, n);
}

INLINE void input_grad(void *const *buf, const int32_t *p, Part part, const int masked) {
  const ptrdiff_t width = p[2];
  const float *table = buf[3];
  ptrdiff_t at, end;
  rows_share((ptrdiff_t)p[0] * p[1], width, part, &at, &end);
  for (; at < end; at += width) {
    const ptrdiff_t n = min_(width, end - at);
    const float *x = (const float *)buf[0] + at, *g = (const float *)buf[1] + at, *y = (const float *)buf[2] + at;
    float *dx = (float *)buf[4] + at;
    ptrdiff_t k = 0;
    for (; k + 4 * VL <= n; k += 4 * VL)
      UNROLL for (ptrdiff_t j = k; j < k + 4 * VL; j += VL)
        input_grad_vector(x + j, g + j, y + j, table + j, width, dx + j, masked, VL);
    for (; k < n; k += VL) input_grad_vector(x + k, g + k, y + k, table + k, width, dx + k, masked, (int)min_(VL, n - k));
  }
}
// buf: x, g, y (any, unless masked), table, dx. p: pixels, C, width, masked
KERNEL(batch_norm_input_grad) {
  if (p[3]) input_grad(buf, p, part, 1);
  else input_grad(buf, p, part, 0);
}
