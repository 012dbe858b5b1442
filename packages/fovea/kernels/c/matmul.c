// C = op(A) · op(B), batched, row-major, with the epilogue of epilogue.h.
//
// matmul: B is packed into panels of 2·VL columns (matmul_pack), rows of A are read where they lie through row pointers, a
// transposed A is turned first (matmul_transpose). Register tiles of tiles.h; K is cut at 1,024 so that a panel (128 KB) stays
// in L2; loops K block → four tiles of rows → panel → tile. Expected: 93–97 % of peak at 1024³.
// matmul_few_*: up to 4 rows of A (a classifier on one picture), where packing B would cost more than the product: B is read
// once as it lies, at memory speed.
#include "tiles.h"
#include "transpose.h"

#define K_BLOCK 1024
#define K_TILES 4 // row tiles per pass over the panels: 14 · 1024 floats · 4 = 224 KB

// buf: B [batches][K][N] or transposed [batches][N][K], packed [batches][panel][K][NB] (roundUp(N, VL)·K floats each)
// p: 0 K, 1 N, 2 transposed, 3 batches
KERNEL(matmul_pack) {
  const ptrdiff_t k = p[0], n = p[1], panels = panel_count(n), chunks = ceil_div(k, PACK_CHUNK), units = p[3] * panels * chunks;
  for (ptrdiff_t u = share(units, part, parts); u < share(units, part + 1, parts); u++) {
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
  for (ptrdiff_t u = share(units, part, parts); u < share(units, part + 1, parts); u++) {
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

// buf: A [batches][M][K], packed B (matmul_pack), bias [N] (read only if p[6] & 1), residual as C (p[6] & 4),
//    C [batches][M][N]
// p: 0 M, 1 K, 2 N, 3 batches, 4 A has a batch axis (else it is shared), 5 B has one, 6 flags of the epilogue, 7 lo, 8 hi
KERNEL(matmul) {
  const ptrdiff_t m = p[0], k = p[1], n = p[2], batches = p[3];
  const ptrdiff_t panels = panel_count(n), maxRows = tile_rows(panel(n, 0).vectors), tilesEach = ceil_div(m, maxRows);
  const ptrdiff_t tiles = batches * tilesEach;
  const int byPanel = panels >= 4 * parts ? (p[5] ? tilesEach < parts : n > m) : tiles < 2 * parts && panels > tiles;
  const ptrdiff_t b0 = byPanel ? share(panels, part, parts) : 0, b1 = byPanel ? share(panels, part + 1, parts) : panels;
  const ptrdiff_t t0 = byPanel ? 0 : share(tiles, part, parts), t1 = byPanel ? tiles : share(tiles, part + 1, parts);
  const Epilogue end = epilogue(p[6], p + 7, buf[2], buf[3]);
  float lanes[MAX_ROWS * BLOCK], paddedBias[BLOCK];

  for (ptrdiff_t k0 = 0; k0 < max_(k, 1); k0 += K_BLOCK) {
    const ptrdiff_t depth = min_(K_BLOCK, k - k0);
    const Epilogue *last = k0 + depth == k ? &end : NULL;
    for (ptrdiff_t from = t0; from < t1;) {
      const ptrdiff_t batch = from / tilesEach, to = min_(min_(t1, from + K_TILES), (batch + 1) * tilesEach);
      const float *a = (const float *)buf[0] + (p[4] ? batch * m * k : 0) + k0;
      for (ptrdiff_t b = b0; b < b1; b++) {
        const Panel q = panel(n, b);
        const ptrdiff_t nb = q.vectors * VL;
        const float *packed = (const float *)buf[1] + ((p[5] ? batch * round_up(n, VL) : 0) + q.first) * k + k0 * nb;
        const float *bias = end.bias && k0 == 0 ? end.bias + q.first : zero_row;
        if (end.bias && k0 == 0 && q.width < nb) {
          load_lanes(paddedBias, bias, q.width);
          bias = paddedBias;
        }
        for (ptrdiff_t t = from; t < to; t++) {
          const int i = (int)(t - batch * tilesEach);
          const ptrdiff_t r0 = share(m, i, (int)tilesEach), rows = share(m, i + 1, (int)tilesEach) - r0;
          const float *row[MAX_ROWS];
          for (ptrdiff_t r = 0; r < rows; r++) row[r] = a + (r0 + r) * k;
          const ptrdiff_t at = (batch * m + r0) * n + q.first;
          float *c = (float *)buf[4] + at;
          const float *add = k0 ? c : end.residual ? end.residual + at : NULL;
          row_tile_fn *tile = row_tiles[q.vectors - 1][rows - 1];
          if (q.width == nb) {
            tile(1, depth, row, packed, bias, add, n, c, n, last);
          } else {
            if (add)
              for (ptrdiff_t r = 0; r < rows; r++) load_lanes(lanes + r * nb, add + r * n, q.width);
            tile(1, depth, row, packed, bias, add ? lanes : NULL, nb, lanes, nb, last);
            for (ptrdiff_t r = 0; r < rows; r++) store_lanes(c + r * n, lanes + r * nb, q.width);
          }
          if (last && end.flags & EPILOGUE_SILU) silu_rows(c, n, rows, q.width);
        }
      }
      from = to;
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
  for (ptrdiff_t g = share(groups, part, parts); g < share(groups, part + 1, parts); g++) {
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
  const ptrdiff_t v0 = share(vectors, part, parts), v1 = share(vectors, part + 1, parts);
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
