// Strided copies: permute, expand, slice, flip, concat, pad and conversions between layouts.
// buf: x, y. p: x offset, y offset, rank, dims[rank], x strides[rank], y strides[rank] (in elements; may be negative).
// The host orders and merges the dims. When x is dense along the last dim but one and y along the last, tiles of 16×16
// are transposed (4×4 in registers), so that every cache line of both sides is used whole.
#include "transpose.h"
#include "walk.h"

#define TILE 16
#define TILES_AHEAD 16 // tiles in a row that one unit of work takes

// y[j·sy + i] = x[i·sx + j] for i < ni, j < nj, both ≤ TILE
INLINE void copy_tile_32(const float *x, ptrdiff_t sx, float *y, ptrdiff_t sy, int ni, int nj) {
  int i4 = ni & ~3, j4 = nj & ~3;
  for (int j = 0; j < j4; j += 4) {
    for (int i = 0; i < i4; i += 4) {
      v4 rows[4];
      transpose4(x + i * sx + j, sx, rows);
      UNROLL for (int k = 0; k < 4; k++) st4(y + (j + k) * sy + i, rows[k]);
    }
    for (int i = i4; i < ni; i++)
      UNROLL for (int k = 0; k < 4; k++) y[(j + k) * sy + i] = x[i * sx + j + k];
  }
  for (int j = j4; j < nj; j++)
    for (int i = 0; i < ni; i++) y[j * sy + i] = x[i * sx + j];
}

INLINE void copy_tile_8(const uint8_t *x, ptrdiff_t sx, uint8_t *y, ptrdiff_t sy, int ni, int nj) {
  for (int j = 0; j < nj; j++)
    for (int i = 0; i < ni; i++) y[j * sy + i] = x[i * sx + j];
}

INLINE void copy_dense_32(const float *x, float *y, ptrdiff_t n) {
  if (n > 128) {
    __builtin_memcpy(y, x, (size_t)n * 4);
    return;
  }
  ptrdiff_t i = 0;
  for (; i + VL <= n; i += VL) st(y + i, ld(x + i));
  if (i < n) st_tail(y + i, ld_tail(x + i, (int)(n - i)), (int)(n - i));
}
INLINE void copy_dense_8(const uint8_t *x, uint8_t *y, ptrdiff_t n) { __builtin_memcpy(y, x, (size_t)n); }

#define COPY(bits, type)                                                                                              \
  static void copy_rows_##bits(const type *x, type *y, const walk_spec *w, Part part) {                               \
    ptrdiff_t at, end, last = w->rank - 1, columns = w->dims[last], sx = w->strides[0][last], sy = w->strides[1][last]; \
    walk_share(walk_size(w), part, &at, &end);                                                                        \
    if (at >= end) return;                                                                                            \
    walk_state s = walk_seek(w, at);                                                                                  \
    while (at < end) {                                                                                                \
      /* short dense rows, as those of a concatenation of channels, many at a time */                                 \
      if (last > 0 && s.column == 0 && sx == 1 && sy == 1 && end - at >= columns) {                                   \
        ptrdiff_t rows = min_of(w->dims[last - 1] - s.index[last - 1], (end - at) / columns);                         \
        const type *from = x + s.offset[0];                                                                           \
        type *to = y + s.offset[1];                                                                                   \
        ptrdiff_t dx = w->strides[0][last - 1], dy = w->strides[1][last - 1];                                         \
        for (ptrdiff_t r = 0; r < rows; r++, from += dx, to += dy) copy_dense_##bits(from, to, columns);              \
        at += rows * columns;                                                                                         \
        s.offset[0] += (rows - 1) * dx;                                                                               \
        s.offset[1] += (rows - 1) * dy;                                                                               \
        s.index[last - 1] += (int)rows - 1;                                                                           \
        walk_next_row(w, &s);                                                                                         \
        continue;                                                                                                     \
      }                                                                                                               \
      ptrdiff_t n = min_of(columns - s.column, end - at);                                                             \
      const type *from = x + s.offset[0] + s.column * sx;                                                             \
      type *to = y + s.offset[1] + s.column * sy;                                                                     \
      if (sx == 1 && sy == 1) copy_dense_##bits(from, to, n);                                                         \
      else if (sx == 0 && sy == 1) {                                                                                  \
        type v = *from;                                                                                               \
        for (ptrdiff_t i = 0; i < n; i++) to[i] = v;                                                                  \
      } else                                                                                                          \
        for (ptrdiff_t i = 0; i < n; i++) to[i * sy] = from[i * sx];                                                  \
      at += n;                                                                                                        \
      walk_next_row(w, &s);                                                                                           \
    }                                                                                                                 \
  }                                                                                                                   \
  /* units of work: outer index × strip of TILE along j × TILES_AHEAD tiles along i */                                \
  static void copy_tiles_##bits(const type *x, type *y, const walk_spec *w, Part part) {                              \
    ptrdiff_t last = w->rank - 1, ni = w->dims[last], nj = w->dims[last - 1];                                         \
    ptrdiff_t sx = w->strides[0][last], sy = w->strides[1][last - 1];                                                 \
    ptrdiff_t runs = (ni + TILE * TILES_AHEAD - 1) / (TILE * TILES_AHEAD), strips = (nj + TILE - 1) / TILE, outer = 1; \
    for (int d = 0; d < last - 1; d++) outer *= w->dims[d];                                                           \
    for (ptrdiff_t u = begin_of(outer * strips * runs, part), e = end_of(outer * strips * runs, part); u < e; u++) {  \
      ptrdiff_t i0 = u % runs * TILE * TILES_AHEAD, j = u / runs % strips * TILE, o = u / runs / strips, ox = j, oy = j * sy; \
      for (ptrdiff_t d = last - 2; d >= 0; d--) {                                                                     \
        ox += o % w->dims[d] * w->strides[0][d];                                                                      \
        oy += o % w->dims[d] * w->strides[1][d];                                                                      \
        o /= w->dims[d];                                                                                              \
      }                                                                                                               \
      ptrdiff_t i1 = min_of(ni, i0 + TILE * TILES_AHEAD);                                                             \
      for (ptrdiff_t i = i0; i < i1; i += TILE)                                                                       \
        copy_tile_##bits(x + ox + i * sx, sx, y + oy + i, sy, (int)min_of(TILE, i1 - i), (int)min_of(TILE, nj - j));  \
    }                                                                                                                 \
  }                                                                                                                   \
  KERNEL(copy_##bits) {                                                                                               \
    walk_spec w = walk_read(p + 2, 2);                                                                                \
    const type *x = (const type *)buf[0] + p[0];                                                                      \
    type *y = (type *)buf[1] + p[1];                                                                                  \
    int last = w.rank - 1, tiled = last > 0 && w.strides[0][last - 1] == 1 && w.strides[1][last] == 1 &&              \
                                   w.strides[0][last] != 1 && w.strides[0][last] != 0 && w.dims[last - 1] > 1;        \
    if (tiled) copy_tiles_##bits(x, y, &w, part);                                                                     \
    else copy_rows_##bits(x, y, &w, part);                                                                            \
  }

COPY(32, float)
COPY(8, uint8_t)
