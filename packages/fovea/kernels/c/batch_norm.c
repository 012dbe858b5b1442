// Batch norm over channels-last memory: `pixels` rows of C channels. Statistics, normalising, and both passes back.
//
// Few channels would leave vectors empty, so memory is walked as rows of `width` floats: C repeated until it is a multiple of
// four vectors (column j belongs to channel j mod C), or C itself where that would be long. The last row may be shorter.
//
// Sums: a block of `rows` rows (128), four vectors of columns at a time, is summed in float and written as one partial
// result per column; a second command joins the blocks in double. Moments take two passes over a block, which is in cache
// after the first: the mean, then squares of distances from it, so nothing cancels. Blocks depend on the shape alone.
// Normalising: one pass over rows with per-column tables (mean, scale, shift), the residual and the activation in the same
// pass; backward likewise, with the mask of a ReLU. All are bound by memory: one read of each input, one write.
#include "tiles.h"
#include "vmath.h"
#include "walk.h"

#define NORM_LANES(n) ((int)max_(0, min_(VL, n)))
INLINE vf norm_load(const float *p, int n) { return n == VL ? ld(p) : ld_tail(p, n); }
INLINE void norm_store(float *p, vf v, int n) {
  if (n == VL) st(p, v);
  else st_tail(p, v, n);
}

// How memory is walked. p of the summing commands: pixels, C, width, rows per block.
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

// Means and squared distances of `vectors` vectors of columns (n columns) over rows, and the first `rest` over one more.
INLINE void moments_of(const float *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t rest, const int vectors, int n, float *mean,
                       float *squares) {
  vf m[4], q[4];
  UNROLL for (int v = 0; v < vectors; v++) m[v] = (vf){0};
  const float *row = x;
  for (ptrdiff_t r = 0; r < rows; r++, row += step)
    UNROLL for (int v = 0; v < vectors; v++) m[v] += norm_load(row + v * VL, n);
  UNROLL for (int v = 0; v < vectors; v++) {
    const int more = NORM_LANES(rest - v * VL);
    vf count = splat((float)max_(1, rows));
    if (more) {
      m[v] += ld_tail(row + v * VL, more);
      count = select(lane_numbers() < more, splat((float)(rows + 1)), count);
    }
    m[v] = m[v] / count;
    q[v] = (vf){0};
  }
  row = x;
  for (ptrdiff_t r = 0; r < rows; r++, row += step)
    UNROLL for (int v = 0; v < vectors; v++) {
      const vf d = norm_load(row + v * VL, n) - m[v];
      q[v] += d * d;
    }
  UNROLL for (int v = 0; v < vectors; v++) {
    const int more = NORM_LANES(rest - v * VL);
    if (more) {
      const vf d = select(lane_numbers() < more, ld_tail(row + v * VL, more) - m[v], (vf){0});
      q[v] += d * d;
    }
    norm_store(mean + v * VL, m[v], n);
    norm_store(squares + v * VL, q[v], n);
  }
}

// buf: x, partial [blocks][mean, squares][width]
KERNEL(channel_moments) {
  const norm_walk w = norm_read(p);
  const ptrdiff_t chunks = ceil_div(w.width, 4 * VL), units = w.blocks * chunks;
  for (ptrdiff_t u = share(units, part, parts), end = share(units, part + 1, parts); u < end; u++) {
    const ptrdiff_t b = u / chunks, k0 = u % chunks * 4 * VL, k1 = min_(w.width, k0 + 4 * VL);
    const ptrdiff_t rows = block_rows(&w, b), rest = block_rest(&w, b);
    const float *x = (const float *)buf[0] + b * w.block * w.width;
    float *out = (float *)buf[1] + 2 * b * w.width;
    if (k1 - k0 == 4 * VL) moments_of(x + k0, w.width, rows, rest - k0, 4, VL, out + k0, out + w.width + k0);
    else
      for (ptrdiff_t k = k0; k < k1; k += VL)
        moments_of(x + k, w.width, rows, rest - k, 1, (int)min_(VL, k1 - k), out + k, out + w.width + k);
  }
}

INLINE vd load_double(const float *p, int n) { return __builtin_convertvector(norm_load(p, n), vd); }

// Pixels of group g (columns g·C …) in block b.
INLINE double group_count(const norm_walk *w, ptrdiff_t b, ptrdiff_t g) {
  return (double)(block_rows(w, b) + (g * w->channels < block_rest(w, b)));
}

// Joins the blocks: Σ n·(mean of block), then Σ squares + n·(mean of block − mean)². buf: partial, moments [2][C]
KERNEL(channel_moments_join) {
  const norm_walk w = norm_read(p);
  const float *partial = buf[0];
  float *mean = buf[1], *variance = mean + w.channels;
  const ptrdiff_t vectors = ceil_div(w.channels, VL);
  for (ptrdiff_t c = share(vectors, part, parts) * VL; c < min_(w.channels, share(vectors, part + 1, parts) * VL); c += VL) {
    const int n = (int)min_(VL, w.channels - c);
    vd sum = {0}, squares = {0};
#define FOR_GROUPS                            \
  for (ptrdiff_t b = 0; b < w.blocks; b++)    \
    for (ptrdiff_t g = 0; g < w.groups; g++)
    FOR_GROUPS {
      const double count = group_count(&w, b, g);
      if (count > 0) sum += load_double(partial + 2 * b * w.width + g * w.channels + c, n) * count;
    }
    const vd m = sum / (double)w.pixels;
    FOR_GROUPS {
      const float *at = partial + 2 * b * w.width + g * w.channels + c;
      const double count = group_count(&w, b, g);
      if (count == 0) continue;
      const vd d = load_double(at, n) - m;
      squares += load_double(at + w.width, n) + d * d * count;
    }
    norm_store(mean + c, __builtin_convertvector(m, vf), n);
    norm_store(variance + c, __builtin_convertvector(squares / (double)w.pixels, vf), n);
  }
}

// Σg and Σg·(x − mean) of columns over rows, and the first `rest` over one more; with a mask, g counts where y > 0.
INLINE void gradient_sums(const float *x, const float *g, const float *y, const float *mean, ptrdiff_t step, ptrdiff_t rows,
                          ptrdiff_t rest, const int masked, const int vectors, int n, float *plain, float *weighted) {
  vf m[4], a[4], b[4];
  UNROLL for (int v = 0; v < vectors; v++) {
    m[v] = ld(mean + v * VL);
    a[v] = b[v] = (vf){0};
  }
  for (ptrdiff_t r = 0; r < rows; r++, x += step, g += step, y += step)
    UNROLL for (int v = 0; v < vectors; v++) {
      vf d = norm_load(g + v * VL, n);
      if (masked) d = select(norm_load(y + v * VL, n) > 0, d, (vf){0});
      a[v] += d;
      b[v] += d * (norm_load(x + v * VL, n) - m[v]);
    }
  UNROLL for (int v = 0; v < vectors; v++) {
    const int more = NORM_LANES(rest - v * VL);
    if (more) {
      vf d = ld_tail(g + v * VL, more);
      if (masked) d = select(ld_tail(y + v * VL, more) > 0, d, (vf){0});
      a[v] += d;
      b[v] += d * select(lane_numbers() < more, ld_tail(x + v * VL, more) - m[v], (vf){0});
    }
    norm_store(plain + v * VL, a[v], n);
    norm_store(weighted + v * VL, b[v], n);
  }
}

INLINE void gradient_sums_walk(void *const *buf, const int32_t *p, int part, int parts, const int masked) {
  const norm_walk w = norm_read(p);
  const float *moments = buf[2];
  const ptrdiff_t chunks = ceil_div(w.width, 4 * VL), units = w.blocks * chunks;
  for (ptrdiff_t u = share(units, part, parts), end = share(units, part + 1, parts); u < end; u++) {
    const ptrdiff_t b = u / chunks, k0 = u % chunks * 4 * VL, k1 = min_(w.width, k0 + 4 * VL), at = b * w.block * w.width;
    const ptrdiff_t rows = block_rows(&w, b), rest = block_rest(&w, b);
    const float *x = (const float *)buf[0] + at, *g = (const float *)buf[1] + at, *y = (const float *)buf[3] + at;
    float *out = (float *)buf[4] + 2 * b * w.width, mean[4 * VL] = {0};
    for (ptrdiff_t k = k0, c = k0 % w.channels; k < k1; k++) {
      mean[k - k0] = moments[c];
      if (++c == w.channels) c = 0;
    }
    if (k1 - k0 == 4 * VL)
      gradient_sums(x + k0, g + k0, y + k0, mean, w.width, rows, rest - k0, masked, 4, VL, out + k0, out + w.width + k0);
    else
      for (ptrdiff_t k = k0; k < k1; k += VL)
        gradient_sums(x + k, g + k, y + k, mean + k - k0, w.width, rows, rest - k, masked, 1, (int)min_(VL, k1 - k), out + k,
                      out + w.width + k);
  }
}
// buf: x, g, moments, y (any, unless p[4]), partial [blocks][Σg, Σg·(x − mean)][width]. p: … 4 masked
KERNEL(batch_norm_grad_sums) {
  if (p[4]) gradient_sums_walk(buf, p, part, parts, 1);
  else gradient_sums_walk(buf, p, part, parts, 0);
}

// buf: partial, moments, sums [2][C]: Σg, Σg·x̂. p: … 4 ε
KERNEL(batch_norm_grad_sums_join) {
  const norm_walk w = norm_read(p);
  const float *partial = buf[0], *variance = (const float *)buf[1] + w.channels;
  float *plain = buf[2], *weighted = plain + w.channels;
  const ptrdiff_t vectors = ceil_div(w.channels, VL);
  for (ptrdiff_t c = share(vectors, part, parts) * VL; c < min_(w.channels, share(vectors, part + 1, parts) * VL); c += VL) {
    const int n = (int)min_(VL, w.channels - c);
    vd a = {0}, d = {0};
    FOR_GROUPS {
      const float *at = partial + 2 * b * w.width + g * w.channels + c;
      a += load_double(at, n);
      d += load_double(at + w.width, n);
    }
    norm_store(plain + c, __builtin_convertvector(a, vf), n);
    const vf r = 1 / vsqrt(norm_load(variance + c, n) + pf(p, 4));
    norm_store(weighted + c, __builtin_convertvector(d, vf) * r, n);
  }
#undef FOR_GROUPS
}

// Per-column tables for normalising. buf: moments, weight, bias (any where absent), table [mean, scale, shift][width].
// p: C, width, ε, with weight, with bias
KERNEL(batch_norm_table) {
  const float *mean = buf[0], *variance = mean + p[0], *weight = buf[1], *bias = buf[2];
  float *table = buf[3];
  const ptrdiff_t width = p[1];
  for (ptrdiff_t k = share(width, part, parts), c = k % p[0]; k < share(width, part + 1, parts); k++) {
    const float scale = 1 / __builtin_sqrtf(variance[c] + pf(p, 2));
    table[k] = mean[c];
    table[width + k] = p[3] ? scale * weight[c] : scale;
    table[2 * width + k] = p[4] ? bias[c] : 0;
    if (++c == p[0]) c = 0;
  }
}

// The floats [*from, *to) of n in whole rows of `width` that belong to this part.
INLINE void rows_share(ptrdiff_t n, ptrdiff_t width, int part, int parts, ptrdiff_t *from, ptrdiff_t *to) {
  const ptrdiff_t rows = ceil_div(n, width);
  *from = share(rows, part, parts) * width;
  *to = min_(n, share(rows, part + 1, parts) * width);
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

INLINE void normalize(void *const *buf, const int32_t *p, int part, int parts, const int residual, const int activation) {
  const ptrdiff_t width = p[2];
  const float *table = buf[1];
  const vf low = splat(pf(p, 5)), high = splat(pf(p, 6));
  ptrdiff_t at, end;
  rows_share((ptrdiff_t)p[0] * p[1], width, part, parts, &at, &end);
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
    if (p[3]) normalize(buf, p, part, parts, 1, a);          \
    else normalize(buf, p, part, parts, 0, a);               \
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
  for (ptrdiff_t k = share(width, part, parts), c = k % p[0]; k < share(width, part + 1, parts); k++) {
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

INLINE void input_grad(void *const *buf, const int32_t *p, int part, int parts, const int masked) {
  const ptrdiff_t width = p[2];
  const float *table = buf[3];
  ptrdiff_t at, end;
  rows_share((ptrdiff_t)p[0] * p[1], width, part, parts, &at, &end);
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
  if (p[3]) input_grad(buf, p, part, parts, 1);
  else input_grad(buf, p, part, parts, 0);
}
