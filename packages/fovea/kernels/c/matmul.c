// C = op(A) · op(B), batched, row-major, with the epilogue of epilogue.h.
//
// matmul: B is packed into panels of 2·VL columns (matmul_pack), rows of A are read where they lie through row pointers, a
// transposed A is turned first (matmul_transpose). Register tiles of tiles.h; K is cut at 1,024 so that a panel (128 KB) stays
// in L2; loops K block → four tiles of rows → panel → tile. Expected: 93–97 % of peak at 1024³.
// matmul_narrow: few rows of A (a training batch) and a B that changes with every call: 256 × 64 numbers of B are packed at
// a time, just before use, into L2, so that B is read once and nothing of its size is written. Loops: column slab → K block →
// pack → tile of rows → panel. Some 50 % of peak at 32 rows, bound by reading B. The same sums as matmul, bit for bit.
// matmul_few_*: up to 4 rows of A (a classifier on one picture), where packing B would cost more than the product: B is read
// once as it lies, at memory speed.
#include "tiles.h"
#include "transpose.h"

#define K_BLOCK 1024
#define K_TILES 4 // row tiles per pass over the panels: 14 · 1024 floats · 4 = 224 KB
#define COPY_PANELS 16 // from so many panels on the rows of a pass are copied: rows a power of two apart share few lines of L1
#define LINE 16        // floats of a cache line

// buf: B [batches][K][N] or transposed [batches][N][K], packed [batches][panel][K][NB] (roundUp(N, VL)·K floats each)
// p: 0 K, 1 N, 2 transposed, 3 batches
KERNEL(matmul_pack) {
  const ptrdiff_t k = p[0], n = p[1], panels = panel_count(n), chunks = ceil_div(k, PACK_CHUNK), units = p[3] * panels * chunks;
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t batch = u / chunks / panels, k0 = u % chunks * PACK_CHUNK, k1 = min_(k, k0 + PACK_CHUNK);
    const Panel q = panel(n, u / chunks % panels);
    const ptrdiff_t nb = q.vectors * VL;
    const float *b = (const float *)buf[0] + batch * k * n;
    float *to = (float *)buf[1] + (batch * round_up(n, VL) + q.first) * k;
    if (p[2]) {
      pack_transposed(b + q.first * k, k, q.width, k0, k1, 1, 0, to, nb);
    } else {
      for (ptrdiff_t i = k0; i < k1; i++) {
        const float *row = b + i * n + q.first;
        if (q.width == nb) {
          for (ptrdiff_t l = 0; l < nb; l += VL) st(to + i * nb + l, ld(row + l));
        } else load_lanes(to + i * nb, row, q.width);
      }
    }
  }
}

#define SQUARE 16 // transposed through a small buffer, so that whole lines are read and written

// buf: A [batches][rows][columns], its transpose [batches][columns][rows]. p: 0 rows, 1 columns, 2 batches
KERNEL(matmul_transpose) {
  const ptrdiff_t rows = p[0], columns = p[1], bands = ceil_div(columns, SQUARE), units = p[2] * bands;
  float square[SQUARE * SQUARE];
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t c0 = u % bands * SQUARE, width = min_(SQUARE, columns - c0);
    const float *a = (const float *)buf[0] + u / bands * rows * columns + c0;
    float *t = (float *)buf[1] + (u / bands * columns + c0) * rows;
    for (ptrdiff_t r = 0; r < rows; r += SQUARE) {
      const ptrdiff_t height = min_(SQUARE, rows - r);
      if (width == SQUARE && height == SQUARE) {
        for (ptrdiff_t i = 0; i < SQUARE; i += 4)
          for (ptrdiff_t c = 0; c < SQUARE; c += 4) {
            v4 v[4];
            transpose4(a + (r + i) * columns + c, columns, v);
            UNROLL for (int j = 0; j < 4; j++) st4(square + (c + j) * SQUARE + i, v[j]);
          }
        for (ptrdiff_t c = 0; c < SQUARE; c++) __builtin_memcpy(t + c * rows + r, square + c * SQUARE, SQUARE * 4);
      } else {
        for (ptrdiff_t i = r; i < r + height; i++)
          for (ptrdiff_t c = 0; c < width; c++) t[c * rows + i] = a[i * columns + c];
      }
    }
  }
}

// What matmul and matmul_narrow share. p: 0 M, 1 K, 2 N, 3 batches, 4 A has a batch axis (else it is shared), 5 what B is,
// 6 flags of the epilogue, 7 lo, 8 hi
typedef struct {
  ptrdiff_t m, k, n, batches, tiles; // tiles of rows of a batch
  int batchedA;
  const float *a;
  float *c;
  Epilogue end;
} Product;

static Product matrix_product(void *const *buf, const int32_t *p) {
  const ptrdiff_t maxRows = tile_rows(panel(p[2], 0).vectors);
  return (Product){.m = p[0], .k = p[1], .n = p[2], .batches = p[3], .tiles = ceil_div(p[0], maxRows), .batchedA = p[4],
                   .a = buf[0], .c = buf[4], .end = epilogue(p[6], p + 7, buf[2], buf[3])};
}

INLINE ptrdiff_t tile_row(const Product *s, ptrdiff_t tile) { return tile_start(s->m, tile, s->tiles); }

// Where column k of the first row of a tile is.
INLINE const float *tile_a(const Product *s, ptrdiff_t batch, ptrdiff_t tile, ptrdiff_t k) {
  return s->a + ((s->batchedA ? batch * s->m : 0) + tile_row(s, tile)) * s->k + k;
}

// Adds depth [k0, k0 + depth) of row tiles [from, to) of a batch times one panel, packed from k0 on. a: rows of A, lda apart,
// from the first tile's and from column k0 on.
static void product_tiles(const Product *s, ptrdiff_t batch, ptrdiff_t from, ptrdiff_t to, const float *a, ptrdiff_t lda, ptrdiff_t k0,
                          ptrdiff_t depth, Panel q, const float *packed) {
  const ptrdiff_t nb = q.vectors * VL, n = s->n;
  const int first = k0 == 0, last = k0 + depth == s->k;
  const float *bias = !first ? NULL : s->end.bias ? s->end.bias + q.first : zero_row;
  float lanes[MAX_ROWS * BLOCK], paddedBias[BLOCK];
  if (s->end.bias && first && q.width < nb) {
    load_lanes(paddedBias, bias, q.width);
    bias = paddedBias;
  }
  for (ptrdiff_t t = from, next; t < to; t = next) { // strips of tiles with as many rows, or single tiles with lanes to spare
    next = q.width == nb ? min_(min_(to, t + K_TILES), strip_end(s->m, t, s->tiles)) : t + 1;
    const ptrdiff_t r0 = tile_row(s, t), height = tile_row(s, t + 1) - r0, rows = height * (next - t);
    const float *row[K_TILES * MAX_ROWS];
    for (ptrdiff_t r = 0; r < rows; r++, a += lda) row[r] = a;
    const ptrdiff_t at = (batch * s->m + r0) * n + q.first;
    float *c = s->c + at;
    const float *add = !first ? c : s->end.residual ? s->end.residual + at : NULL;
    const Epilogue *end = last ? &s->end : NULL;
    row_strip_fn *strip = row_strips[q.vectors - 1][height - 1];
    if (q.width == nb) {
      strip(next - t, depth, row, packed, bias, add, c, n, end);
    } else {
      if (add)
        for (ptrdiff_t r = 0; r < rows; r++) load_lanes(lanes + r * nb, add + r * n, q.width);
      strip(1, depth, row, packed, bias, add ? lanes : NULL, lanes, nb, end);
      for (ptrdiff_t r = 0; r < rows; r++) store_lanes(c + r * n, lanes + r * nb, q.width);
    }
    if (last && s->end.flags & EPILOGUE_SILU) silu_rows(c, n, rows, q.width);
  }
}

// buf: A [batches][M][K], packed B (matmul_pack), bias [N] (read only if p[6] & 1), residual as C (p[6] & 4),
//    C [batches][M][N]
// p: as matrix_product; 5 B has a batch axis
KERNEL(matmul) {
  const Product s = matrix_product(buf, p);
  const ptrdiff_t panels = panel_count(s.n), tiles = s.batches * s.tiles;
  const int parts = usual_parts(part);
  const int byPanel = panels >= 4 * parts ? (p[5] ? s.tiles < parts : s.n > s.m) : tiles < 2 * parts && panels > tiles;
  const ptrdiff_t b0 = byPanel ? begin_of(panels, part) : 0, b1 = byPanel ? end_of(panels, part) : panels;
  const ptrdiff_t t0 = byPanel ? 0 : begin_of(tiles, part), t1 = byPanel ? tiles : end_of(tiles, part);
  float rows[K_TILES * ROWS2 * (K_BLOCK + LINE)] __attribute__((aligned(64)));
  for (ptrdiff_t k0 = 0; k0 < max_(s.k, 1); k0 += K_BLOCK) {
    const ptrdiff_t depth = min_(K_BLOCK, s.k - k0);
    for (ptrdiff_t from = t0; from < t1;) {
      const ptrdiff_t batch = from / s.tiles, to = min_(min_(t1, from + K_TILES), (batch + 1) * s.tiles);
      const float *a = tile_a(&s, batch, from - batch * s.tiles, k0);
      ptrdiff_t lda = s.k;
      if (b1 - b0 >= COPY_PANELS) {
        lda = depth + LINE;
        const ptrdiff_t count = tile_row(&s, to - batch * s.tiles) - tile_row(&s, from - batch * s.tiles);
        for (ptrdiff_t r = 0; r < count; r++) __builtin_memcpy(rows + r * lda, a + r * s.k, (size_t)depth * 4);
        a = rows;
      }
      for (ptrdiff_t b = b0; b < b1; b++) {
        const Panel q = panel(s.n, b);
        const float *packed = (const float *)buf[1] + ((p[5] ? batch * round_up(s.n, VL) : 0) + q.first) * s.k + k0 * q.vectors * VL;
        product_tiles(&s, batch, from - batch * s.tiles, to - batch * s.tiles, a, lda, k0, depth, q, packed);
      }
      from = to;
    }
  }
}

#define SLAB_PANELS 4
#define SLAB_COLUMNS (SLAB_PANELS * BLOCK)
#define SLAB_DEPTH 256

// Part `i` of `of` of the lines of a block of B, rows `n` floats apart, into the second-level cache: the hardware does not
// foresee them. Lines beyond the end of B are asked for in vain.
static void prefetch_block(const float *block, ptrdiff_t n, ptrdiff_t i, ptrdiff_t of) {
  for (ptrdiff_t r = SLAB_DEPTH * i / of; r < SLAB_DEPTH * (i + 1) / of; r++)
    for (ptrdiff_t l = 0; l < SLAB_COLUMNS; l += 16) __builtin_prefetch((const char *)block + 4 * (r * n + l), 0, 2);
}

// buf: A [batches][M][K], B [batches][K][N] or transposed [batches][N][K], bias, residual, C as matmul. K ≥ 1
// p: as matrix_product; 5 B is transposed
KERNEL(matmul_narrow) {
  const Product s = matrix_product(buf, p);
  const ptrdiff_t panels = panel_count(s.n), slabs = ceil_div(panels, SLAB_PANELS), units = s.batches * slabs;
  float packed[SLAB_COLUMNS * SLAB_DEPTH] __attribute__((aligned(64)));
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t batch = u / slabs, b0 = u % slabs * SLAB_PANELS, b1 = min_(panels, b0 + SLAB_PANELS);
    const ptrdiff_t first = b0 * BLOCK, width = min_(s.n, b1 * BLOCK) - first;
    const float *b = (const float *)buf[1] + batch * s.k * s.n;
    for (ptrdiff_t k0 = 0; k0 < s.k; k0 += SLAB_DEPTH) {
      const ptrdiff_t depth = min_(SLAB_DEPTH, s.k - k0);
      if (p[5]) {
        for (ptrdiff_t i = b0; i < b1; i++) {
          const Panel q = panel(s.n, i);
          pack_transposed(b + q.first * s.k + k0, s.k, q.width, 0, depth, 1, 0, packed + (q.first - first) * depth, q.vectors * VL);
        }
      } else {
        for (ptrdiff_t k = 0; k < depth; k++) { // a row of all panels at a time: whole lines of B
          const float *row = b + (k0 + k) * s.n + first;
          for (ptrdiff_t l = 0; l < width; l += BLOCK) {
            const ptrdiff_t valid = min_(BLOCK, width - l), nb = valid > VL ? BLOCK : VL;
            float *to = packed + l * depth + k * nb;
            if (valid == BLOCK) {
              st(to, ld(row + l));
              st(to + VL, ld(row + l + VL));
            } else load_lanes(to, row + l, valid);
          }
        }
      }
      const int more = k0 + depth < s.k;
      const float *next = more ? b + (k0 + depth) * s.n + first : b + first + SLAB_COLUMNS;
      for (ptrdiff_t i = b0; i < b1; i++) {
        const Panel q = panel(s.n, i);
        for (ptrdiff_t t = 0; t < s.tiles; t++) {
          if (!p[5]) prefetch_block(next, s.n, (i - b0) * s.tiles + t, (b1 - b0) * s.tiles);
          product_tiles(&s, batch, t, t + 1, tile_a(&s, batch, t, k0), s.k, k0, depth, q, packed + (q.first - first) * depth);
        }
      }
    }
  }
}

// Sum of the lanes, in pairs.
INLINE float dot_total(vf v) {
  float s[VL];
  st(s, v);
  for (int half = VL / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) s[i] += s[i + half];
  return s[0];
}

// B transposed: C[i][j] = A[i] · B[j], four rows of B at a time, lanes along K.
// buf: A [M][K], B [N][K], bias [N] (read only if p[3] & 1), residual as C (p[3] & 4), C [M][N]
// p: 0 M, 1 K, 2 N, 3 flags of the epilogue, 4 lo, 5 hi
KERNEL(matmul_few_dot) {
  const ptrdiff_t m = p[0], k = p[1], n = p[2], groups = ceil_div(n, 4);
  const Epilogue end = epilogue(p[3], p + 4, buf[2], buf[3]);
  for (ptrdiff_t g = begin_of(groups, part); g < end_of(groups, part); g++) {
    const ptrdiff_t columns = min_(4, n - 4 * g);
    const float *b[4];
    for (ptrdiff_t j = 0; j < 4; j++) b[j] = (const float *)buf[1] + (4 * g + min_(j, columns - 1)) * k;
    for (ptrdiff_t i = 0; i < m; i++) {
      const float *a = (const float *)buf[0] + i * k;
      vf sums[4] = {{0}};
      ptrdiff_t x = 0;
      for (; x + VL <= k; x += VL) {
        const vf v = ld(a + x);
        UNROLL for (int j = 0; j < 4; j++) sums[j] += v * ld(b[j] + x);
      }
      if (x < k) {
        const vf v = ld_tail(a + x, (int)(k - x));
        UNROLL for (int j = 0; j < 4; j++) sums[j] += v * ld_tail(b[j] + x, (int)(k - x));
      }
      const ptrdiff_t at = i * n + 4 * g;
      float *c = (float *)buf[4] + at;
      for (ptrdiff_t j = 0; j < columns; j++) c[j] = dot_total(sums[j]);
      if (p[3]) finish_row(&end, c, end.bias ? end.bias + 4 * g : NULL, end.residual ? end.residual + at : NULL, columns);
    }
  }
}

// B as it lies: C[i] = Σ_k A[i][k] · B[k], eight rows of B per pass over C.
// buf: A [M][K], B [K][N], bias [N] (read only if p[3] & 1), residual as C (p[3] & 4), C [M][N]
// p: 0 M, 1 K, 2 N, 3 flags of the epilogue, 4 lo, 5 hi
KERNEL(matmul_few_sum) {
  const ptrdiff_t m = p[0], k = p[1], n = p[2], vectors = ceil_div(n, VL);
  const ptrdiff_t v0 = begin_of(vectors, part), v1 = end_of(vectors, part);
  const Epilogue end = epilogue(p[3], p + 4, buf[2], buf[3]);
  for (ptrdiff_t i = 0; i < m; i++) {
    const float *a = (const float *)buf[0] + i * k;
    float *c = (float *)buf[4] + i * n;
    for (ptrdiff_t x = 0; x < max_(k, 1); x += 8) {
      const ptrdiff_t rows = min_(8, k - x);
      const float *b = (const float *)buf[1] + x * n;
      for (ptrdiff_t v = v0; v < v1; v++) {
        const ptrdiff_t j = v * VL;
        const int width = (int)min_(VL, n - j);
        vf sum = {0};
        if (width == VL) {
          if (x) sum = ld(c + j);
          if (rows == 8) {
            UNROLL for (int r = 0; r < 8; r++) sum += splat(a[x + r]) * ld(b + r * n + j);
          } else {
            for (ptrdiff_t r = 0; r < rows; r++) sum += splat(a[x + r]) * ld(b + r * n + j);
          }
        } else {
          if (x) sum = ld_tail(c + j, width);
          for (ptrdiff_t r = 0; r < rows; r++) sum += splat(a[x + r]) * ld_tail(b + r * n + j, width);
        }
        if (width == VL) st(c + j, sum);
        else st_tail(c + j, sum, width);
      }
    }
    const ptrdiff_t from = v0 * VL, count = min_(n, v1 * VL) - from;
    if (p[3] && count > 0)
      finish_row(&end, c + from, end.bias ? end.bias + from : NULL, end.residual ? end.residual + i * n + from : NULL, count);
  }
}
