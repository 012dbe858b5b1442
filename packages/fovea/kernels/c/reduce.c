// Reductions over any dims. buf: x, y. p: identity (bits), blocks, kept rank, reduced rank, kept dims[], kept strides[],
// reduced dims[], reduced strides[]; dims merged, ordered as in memory, each rank ≥ 1.
// y[b][k] = the reduction of block b of the reduced elements for kept element k. The number of blocks depends on the
// shape only, and a second command over the blocks finishes: the result is the same for any number of threads.
// Sums are blocked three deep (64, then rows or 256 vectors, then blocks), so that errors do not grow with the length.
#include "vmath.h"
#include "walk.h"

typedef struct {
  vf identity;
  int32_t blocks, kept_rank, rank;
  const int32_t *kept_dims, *kept_strides, *dims, *strides;
} reduce_spec;

INLINE reduce_spec reduce_read(const int32_t *p) {
  const int32_t *k = p + 4, *r = k + 2 * p[2];
  return (reduce_spec){(vf)splati(p[0]), p[1], p[2], p[3], k, k + p[2], r, r + p[3]};
}

INLINE ptrdiff_t product(const int32_t *dims, int rank) {
  ptrdiff_t n = 1;
  for (int d = 0; d < rank; d++) n *= dims[d];
  return n;
}

// Offset of the element with number i in row-major order of dims.
INLINE ptrdiff_t offset_of(ptrdiff_t i, const int32_t *dims, const int32_t *strides, int rank) {
  ptrdiff_t offset = 0;
  for (int d = rank - 1; d >= 0; d--) {
    offset += i % dims[d] * strides[d];
    i /= dims[d];
  }
  return offset;
}

// Folds `n` elements at distance `stride` into *mid, one vector at a time, and *mid into *total now and then.
INLINE void fold_run(const float *x, ptrdiff_t stride, ptrdiff_t n, vf identity, vf *mid, vf *total, fold_fn *f) {
  if (stride == 1) {
    while (n >= 16 * VL) {
      vf a[4] = {ld(x), ld(x + VL), ld(x + 2 * VL), ld(x + 3 * VL)};
      UNROLL for (int k = 4; k < 16; k++) a[k & 3] = f(a[k & 3], ld(x + k * VL));
      *mid = f(*mid, f(f(a[0], a[1]), f(a[2], a[3])));
      x += 16 * VL;
      n -= 16 * VL;
      if ((n & (256 * VL - 1)) < 16 * VL) {
        *total = f(*total, *mid);
        *mid = identity;
      }
    }
  }
  for (; n > 0; n -= VL, x += VL * stride) {
    int r = (int)min_of(VL, n);
    vf v = ld_strided(x, stride, r);
    *mid = f(*mid, r < VL ? with_rest(v, r, identity) : v);
  }
}

// The kept element's reduced elements from..to, of which the last dim is the fastest in memory.
INLINE float fold_row(const float *x, const reduce_spec *s, ptrdiff_t from, ptrdiff_t to, ptrdiff_t stride, fold_fn *f) {
  int last = s->rank - 1;
  ptrdiff_t length = s->dims[last];
  vf mid = s->identity, total = s->identity;
  while (from < to) {
    ptrdiff_t column = from % length, n = min_of(length - column, to - from);
    fold_run(x + offset_of(from, s->dims, s->strides, s->rank), stride, n, s->identity, &mid, &total, f);
    from += n;
  }
  return fold_lanes(f(total, mid), f);
}

// `vectors` vectors of neighbouring kept elements (the last one perhaps a tail).
INLINE void fold_columns(const float *x, float *y, const reduce_spec *s, ptrdiff_t from, ptrdiff_t to, int vectors, int tail,
                         fold_fn *f) {
  int last = s->rank - 1;
  ptrdiff_t length = s->dims[last], stride = s->strides[last];
  vf total[4];
  UNROLL for (int v = 0; v < vectors; v++) total[v] = s->identity;
  while (from < to) {
    ptrdiff_t column = from % length, n = min_of(min_of(length - column, to - from), 64);
    const float *row = x + offset_of(from, s->dims, s->strides, s->rank);
    vf mid[4];
    UNROLL for (int v = 0; v < vectors; v++) mid[v] = s->identity;
    for (ptrdiff_t i = 0; i < n; i++, row += stride)
      UNROLL for (int v = 0; v < vectors; v++) mid[v] = f(mid[v], tail ? ld_tail(row, tail) : ld(row + v * VL));
    UNROLL for (int v = 0; v < vectors; v++) total[v] = f(total[v], mid[v]);
    from += n;
  }
  UNROLL for (int v = 0; v < vectors; v++) {
    if (tail) st_tail(y, total[v], tail);
    else st(y + v * VL, total[v]);
  }
}

INLINE void reduce(void *const *buf, const int32_t *p, Part part, fold_fn *f) {
  const float *x = buf[0];
  float *y = buf[1];
  reduce_spec s = reduce_read(p);
  ptrdiff_t kept = product(s.kept_dims, s.kept_rank), reduced = product(s.dims, s.rank), blocks = s.blocks;
  if (kept == 0) return;
  int last = s.kept_rank - 1;
  ptrdiff_t width = s.kept_dims[last], stride = s.strides[s.rank - 1];
  if (s.kept_strides[last] != 1 || width == 1 || stride == 1) {
    for (ptrdiff_t u = begin_of(kept * blocks, part), end = end_of(kept * blocks, part); u < end; u++) {
      ptrdiff_t b = u / kept, k = u % kept, from = reduced * b / blocks, to = reduced * (b + 1) / blocks;
      const float *row = x + offset_of(k, s.kept_dims, s.kept_strides, s.kept_rank);
      y[u] = stride == 1 ? fold_row(row, &s, from, to, 1, f) : fold_row(row, &s, from, to, stride, f);
    }
    return;
  }
  // units of work: block × outer kept element × chunk of four vectors, single vectors at the end
  ptrdiff_t outer = kept / width, fours = width / (4 * VL), chunks = fours + (width - fours * 4 * VL + VL - 1) / VL;
  ptrdiff_t units = blocks * outer * chunks;
  for (ptrdiff_t u = begin_of(units, part), end = end_of(units, part); u < end; u++) {
    ptrdiff_t c = u % chunks, o = u / chunks % outer, b = u / chunks / outer;
    ptrdiff_t from = reduced * b / blocks, to = reduced * (b + 1) / blocks;
    ptrdiff_t column = c < fours ? c * 4 * VL : fours * 4 * VL + (c - fours) * VL;
    const float *in = x + offset_of(o, s.kept_dims, s.kept_strides, last) + column;
    float *out = y + (b * outer + o) * width + column;
    if (c < fours) fold_columns(in, out, &s, from, to, 4, 0, f);
    else if (width - column >= VL) fold_columns(in, out, &s, from, to, 1, 0, f);
    else fold_columns(in, out, &s, from, to, 1, (int)(width - column), f);
  }
}

INLINE vf fold_sum(vf a, vf b) { return a + b; }
INLINE vf fold_prod(vf a, vf b) { return a * b; }
INLINE vf fold_max(vf a, vf b) { return select((a > b) | (a != a), a, b); } // NaN wins
INLINE vf fold_min(vf a, vf b) { return select((a < b) | (a != a), a, b); }
INLINE vf fold_sum_int(vf a, vf b) { return (vf)((vu)a + (vu)b); }
INLINE vf fold_prod_int(vf a, vf b) { return (vf)((vu)a * (vu)b); }
INLINE vf fold_max_int(vf a, vf b) { return select((vi)a > (vi)b, a, b); }
INLINE vf fold_min_int(vf a, vf b) { return select((vi)a < (vi)b, a, b); }
KERNEL(sum_f32) { reduce(buf, p, part, fold_sum); }
KERNEL(prod_f32) { reduce(buf, p, part, fold_prod); }
KERNEL(max_f32) { reduce(buf, p, part, fold_max); }
KERNEL(min_f32) { reduce(buf, p, part, fold_min); }
KERNEL(sum_i32) { reduce(buf, p, part, fold_sum_int); }
KERNEL(prod_i32) { reduce(buf, p, part, fold_prod_int); }
KERNEL(max_i32) { reduce(buf, p, part, fold_max_int); }
KERNEL(min_i32) { reduce(buf, p, part, fold_min_int); }
