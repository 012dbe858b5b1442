// Register tiles: the inner loops of every GEMM-like kernel, and the row counts each ISA affords.
//
// A tile holds MR rows × NV vectors of results in registers. Per step it loads NV vectors of B once and broadcasts one
// float of A per row: MR·NV multiply–adds for MR + NV loads. The shapes fill the register file without a spill
// (one value too many halves the speed): 14×2 with 32 registers of 64 bytes, 6×2 and 4×2 with 16 registers, 12×2 on NEON, 6×2
// in relaxed SIMD if KEEP fixes the order, else 4×2 in WebAssembly.
// With one vector (few output channels) more rows keep enough sums in flight to hide the multiply–add latency.
// Every row count 1…MR is instantiated and callers cut their rows evenly, so there are no masked tails in the rows.
// Expected: 95–100 % of the multiply–add peak with NV = 2, about 80 % with NV = 1 (bound by one broadcast per multiply–add).
#pragma once
#include "epilogue.h"

#if VB == 64
#define ROWS2 14
#define ROWS1 14
#define FOR_ROWS2(T) T(1) T(2) T(3) T(4) T(5) T(6) T(7) T(8) T(9) T(10) T(11) T(12) T(13) T(14)
#define FOR_ROWS1(T) FOR_ROWS2(T)
#elif VB == 32
#define ROWS2 6
#define ROWS1 12
#define FOR_ROWS2(T) T(1) T(2) T(3) T(4) T(5) T(6)
#define FOR_ROWS1(T) FOR_ROWS2(T) T(7) T(8) T(9) T(10) T(11) T(12)
#elif defined(__aarch64__) && !defined(FV_SCALAR)
#define ROWS2 12
#define ROWS1 12
#define FOR_ROWS2(T) T(1) T(2) T(3) T(4) T(5) T(6) T(7) T(8) T(9) T(10) T(11) T(12)
#define FOR_ROWS1(T) FOR_ROWS2(T)
#elif defined(__wasm_relaxed_simd__)
#define ROWS2 6
#define ROWS1 8
#define FOR_ROWS2(T) T(1) T(2) T(3) T(4) T(5) T(6)
#define FOR_ROWS1(T) FOR_ROWS2(T) T(7) T(8)
#else
#define ROWS2 4
#define ROWS1 8
#define FOR_ROWS2(T) T(1) T(2) T(3) T(4)
#define FOR_ROWS1(T) FOR_ROWS2(T) T(5) T(6) T(7) T(8)
#endif
#define MAX_ROWS (ROWS1 > ROWS2 ? ROWS1 : ROWS2)
#define BLOCK (2 * VL) // output channels of a full panel; the last panel of an odd count is one vector wide

// After every step of a sum, in WebAssembly: clang would load all of a step's A first, and V8 run out of registers at 5×2 (20
// GFLOP/s for 47 in Node 24). Not for simd128, where Node 20 runs out of them all the same and one vector gets slower.
#ifdef __wasm_relaxed_simd__
#define KEEP(v) __asm__ volatile("" : "+r"(v))
#else
#define KEEP(v) (void)0
#endif

// How far ahead the packed B is prefetched, in floats. Free when B is cached, −20 % time when it streams from memory.
#define PREFETCH 4096

#ifdef __wasm__
#define CAN_PREFETCH 0
#else
#define CAN_PREFETCH 1
#endif

// Without prefetching, loads something of every line: code that does its work on what it loads has a few lines under way at a
// time, this has dozens. For what comes from memory and is wanted soon; what the processor foresees is better left alone (input
// rows of 512 bytes and more: 4–12 % slower).
#if CAN_PREFETCH
INLINE void touch(const float *from, ptrdiff_t floats) { (void)from, (void)floats; }
#else
static __attribute__((noinline)) void touch(const float *from, ptrdiff_t floats) {
  for (ptrdiff_t l = 0; l < floats; l += 16) (void)*(const volatile float *)(from + l);
}
#endif

INLINE ptrdiff_t min_(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
INLINE ptrdiff_t max_(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
INLINE ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
INLINE ptrdiff_t round_up(ptrdiff_t a, ptrdiff_t b) { return ceil_div(a, b) * b; }

enum { TILE_ADD = 1 };

// Row tile: c[i] = bias + Σ_tap Σ_k rows[tap][i][k] · w[tap][k] + add[i], clamped where `end` says so.
// rows: taps × MR pointers to `run` floats each. w: packed [tap][run][NV·VL]. bias: zero_row for none. add: a residual or null.
// Without bias (null) the sum goes on from `add`, as if it had never stopped. end: null while the sum is unfinished.
typedef void row_tile_fn(ptrdiff_t taps, ptrdiff_t run, const float *const *rows, const float *w, const float *bias,
                         const float *add, ptrdiff_t ldadd, float *c, ptrdiff_t ldc, const Epilogue *end);

INLINE void row_tile(const int MR, const int NV, ptrdiff_t taps, ptrdiff_t run, const float *const *rows,
                     const float *RESTRICT w, const float *bias, const float *add, ptrdiff_t ldadd, float *c,
                     ptrdiff_t ldc, const Epilogue *end) {
  vf acc[MAX_ROWS][2];
  if (bias) {
    UNROLL for (int j = 0; j < NV; j++) {
      const vf v = ld(bias + j * VL);
      UNROLL for (int i = 0; i < MR; i++) acc[i][j] = v;
    }
  } else {
    UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) acc[i][j] = ld(add + i * ldadd + j * VL);
  }
  if (bias && add) { // wanted at the end only: until then it has come from wherever it was
    UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV * VB; j += 64) __builtin_prefetch(add + i * ldadd + j / 4);
  }
  for (ptrdiff_t t = 0; t < taps; t++) {
    const float *p[MAX_ROWS];
    UNROLL for (int i = 0; i < MR; i++) p[i] = rows[i];
    rows += MR;
    for (ptrdiff_t k = 0; k < run; k++) {
      vf b[2];
      UNROLL for (int j = 0; j < NV; j++) {
        b[j] = ld(w + j * VL);
        KEEP(b[j]);
      }
      UNROLL for (int j = 0; j < NV * VB; j += 64) __builtin_prefetch(w + PREFETCH + j / 4);
      w += NV * VL;
      UNROLL for (int i = 0; i < MR; i++) {
        vf a = splat(p[i][k]);
        UNROLL for (int j = 0; j < NV; j++) {
          acc[i][j] = madd(a, b[j], acc[i][j]);
          KEEP(acc[i][j]);
        }
      }
    }
  }
  if (bias && add) {
    UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) acc[i][j] += ld(add + i * ldadd + j * VL);
  }
  if (end && end->flags & EPILOGUE_CLAMP) {
    UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) acc[i][j] = clamp_to(end, acc[i][j]);
  }
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) st(c + i * ldc + j * VL, acc[i][j]);
}

// Sum tile: c[i] (+)= Σ_image Σ_row Σ_q a[i][…] · b[…], a reduction over a box of pixels of two channels-last maps.
// a: MR pointers to the first pixel's values; all move by the same strides.
typedef struct {
  ptrdiff_t images, rows, count;       // the box of pixels
  ptrdiff_t aImage, aRow, aPixel;      // strides of a, floats
  ptrdiff_t bImage, bRow, bPixel;      // strides of b, floats
  const float *ahead;                  // what to fetch into the second-level cache meanwhile, if anything
  ptrdiff_t aheadPixel;                // floats of it with every pixel
} Box;
typedef void sum_tile_fn(const Box *box, const float *const *a, const float *b, float *c, ptrdiff_t ldc, int flags);

INLINE void sum_box(const int MR, const int NV, const int apart, const Box *box, const float *const *a,
                    const float *RESTRICT b, vf acc[MAX_ROWS][2]) {
  const float *p[MAX_ROWS];
  const ptrdiff_t aPixel = box->aPixel, bPixel = box->bPixel, aheadPixel = box->aheadPixel, count = box->count;
  UNROLL for (int i = 0; i < (apart ? MR : 1); i++) p[i] = a[i];
  const float *ahead = box->ahead ? box->ahead : b;
  for (ptrdiff_t n = 0; n < box->images; n++)
    for (ptrdiff_t r = 0; r < box->rows; r++) {
      ptrdiff_t at = n * box->aImage + r * box->aRow;
      const float *d = b + n * box->bImage + r * box->bRow;
      for (ptrdiff_t q = 0; q < count; q++) {
        vf v[2];
        UNROLL for (int j = 0; j < NV; j++) {
          v[j] = ld(d + j * VL);
          KEEP(v[j]);
        }
        UNROLL for (int i = 0; i < MR; i++) {
          vf x = splat(apart ? p[i][at] : p[0][at + i]);
          UNROLL for (int j = 0; j < NV; j++) {
            acc[i][j] = madd(x, v[j], acc[i][j]);
            KEEP(acc[i][j]);
          }
        }
        __builtin_prefetch(ahead, 0, 2);
        ahead += aheadPixel;
        at += aPixel;
        d += bPixel;
      }
    }
}

// neighbours: rows are neighbours in memory (channels of one tap), and a points to the first; else that is looked at.
INLINE void sum_tile(const int MR, const int NV, const int neighbours, const Box *box, const float *const *a, const float *b,
                     float *c, ptrdiff_t ldc, int flags) {
  vf acc[MAX_ROWS][2];
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) acc[i][j] = (vf){0};
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV * VB; j += 64) __builtin_prefetch(c + i * ldc + j / 4); // for the end
  int apart = 0; // neighbours need one pointer instead of MR
  if (!neighbours) {
    UNROLL for (int i = 1; i < MR; i++) apart |= a[i] != a[0] + i;
  }
  if (apart) sum_box(MR, NV, 1, box, a, b, acc);
  else sum_box(MR, NV, 0, box, a, b, acc);
  if (flags & TILE_ADD) {
    UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) acc[i][j] += ld(c + i * ldc + j * VL);
  }
  UNROLL for (int i = 0; i < MR; i++) UNROLL for (int j = 0; j < NV; j++) st(c + i * ldc + j * VL, acc[i][j]);
}

#define TILES(MR, NV)                                                                                                  \
  static __attribute__((noinline)) void row_tile_##MR##x##NV(ptrdiff_t taps, ptrdiff_t run, const float *const *rows,  \
      const float *w, const float *bias, const float *add, ptrdiff_t ldadd, float *c, ptrdiff_t ldc,                   \
      const Epilogue *end) {                                                                                           \
    row_tile(MR, NV, taps, run, rows, w, bias, add, ldadd, c, ldc, end);                                               \
  }                                                                                                                    \
  static __attribute__((noinline)) void sum_tile_##MR##x##NV(const Box *box, const float *const *a, const float *b,    \
      float *c, ptrdiff_t ldc, int flags) {                                                                            \
    sum_tile(MR, NV, 0, box, a, b, c, ldc, flags);                                                                     \
  }
#define TILES1(MR) TILES(MR, 1)
#define TILES2(MR) TILES(MR, 2)
FOR_ROWS1(TILES1)
FOR_ROWS2(TILES2)

// Strips: tiles one after the other. Starting and ending a tile takes half as long as with a call for each (5–25 % of the time of
// tiles with 16 to 64 steps in wasm).
// Row tiles of one tap: rows and results follow one another, results `ld` floats apart, as what is added is.
typedef void row_strip_fn(ptrdiff_t tiles, ptrdiff_t run, const float *const *rows, const float *w, const float *bias,
                          const float *add, float *c, ptrdiff_t ld, const Epilogue *end);
// Sum tiles whose rows are neighbours: a points to the first, and the next tile's is `step` floats on.
typedef void sum_strip_fn(ptrdiff_t tiles, const Box *box, const float *a, ptrdiff_t step, const float *b, float *c,
                          ptrdiff_t ldc, int flags);
#define STRIPS(MR, NV)                                                                                                 \
  static __attribute__((noinline)) void row_strip_##MR##x##NV(ptrdiff_t tiles, ptrdiff_t run,                          \
      const float *const *rows, const float *w, const float *bias, const float *add, float *c, ptrdiff_t ld,           \
      const Epilogue *end) {                                                                                           \
    for (; tiles > 0; tiles--, rows += MR, c += MR * ld) {                                                             \
      row_tile(MR, NV, 1, run, rows, w, bias, add, ld, c, ld, end);                                                    \
      if (add) add += MR * ld;                                                                                         \
    }                                                                                                                  \
  }                                                                                                                    \
  static __attribute__((noinline)) void sum_strip_##MR##x##NV(ptrdiff_t tiles, const Box *box, const float *a,         \
      ptrdiff_t step, const float *b, float *c, ptrdiff_t ldc, int flags) {                                            \
    for (; tiles > 0; tiles--, a += step, c += MR * ldc) sum_tile(MR, NV, 1, box, &a, b, c, ldc, flags);               \
  }
#define STRIPS1(MR) STRIPS(MR, 1)
#define STRIPS2(MR) STRIPS(MR, 2)
FOR_ROWS1(STRIPS1)
FOR_ROWS2(STRIPS2)

// tables by [vectors − 1][rows − 1]
#define ROW_NAME1(MR) row_tile_##MR##x1,
#define ROW_NAME2(MR) row_tile_##MR##x2,
#define SUM_NAME1(MR) sum_tile_##MR##x1,
#define SUM_NAME2(MR) sum_tile_##MR##x2,
#define ROW_STRIP1(MR) row_strip_##MR##x1,
#define ROW_STRIP2(MR) row_strip_##MR##x2,
#define SUM_STRIP1(MR) sum_strip_##MR##x1,
#define SUM_STRIP2(MR) sum_strip_##MR##x2,
static row_tile_fn *const row_tiles[2][MAX_ROWS] = {{FOR_ROWS1(ROW_NAME1)}, {FOR_ROWS2(ROW_NAME2)}};
static sum_tile_fn *const sum_tiles[2][MAX_ROWS] = {{FOR_ROWS1(SUM_NAME1)}, {FOR_ROWS2(SUM_NAME2)}};
static row_strip_fn *const row_strips[2][MAX_ROWS] = {{FOR_ROWS1(ROW_STRIP1)}, {FOR_ROWS2(ROW_STRIP2)}};
static sum_strip_fn *const sum_strips[2][MAX_ROWS] = {{FOR_ROWS1(SUM_STRIP1)}, {FOR_ROWS2(SUM_STRIP2)}};

// Rows cut into tiles as evenly as possible, the higher ones first: the first row of a tile, and up to which tile its strip goes.
INLINE ptrdiff_t tile_start(ptrdiff_t rows, ptrdiff_t tile, ptrdiff_t tiles) { return tile * (rows / tiles) + min_(tile, rows % tiles); }
INLINE ptrdiff_t strip_end(ptrdiff_t rows, ptrdiff_t tile, ptrdiff_t tiles) { return tile < rows % tiles ? rows % tiles : tiles; }

// A panel of packed weights or of results: which channels block `b` of `channels` covers.
typedef struct {
  ptrdiff_t first, width; // first channel, channels in it
  int vectors;            // 1 or 2
} Panel;
INLINE ptrdiff_t panel_count(ptrdiff_t channels) { return ceil_div(channels, BLOCK); }
INLINE Panel panel(ptrdiff_t channels, ptrdiff_t b) {
  Panel p = {b * BLOCK, min_(BLOCK, channels - b * BLOCK), 0};
  p.vectors = p.width > VL ? 2 : 1;
  return p;
}
INLINE int tile_rows(int vectors) { return vectors == 2 ? ROWS2 : ROWS1; }

// Copies the `width` valid lanes of one tile row to or from its place.
INLINE void store_lanes(float *to, const float *lanes, ptrdiff_t width) {
  if (width > VL) {
    st(to, ld(lanes));
    st_tail(to + VL, ld(lanes + VL), (int)(width - VL));
  } else st_tail(to, ld(lanes), (int)width);
}
INLINE void load_lanes(float *lanes, const float *from, ptrdiff_t width) {
  if (width > VL) {
    st(lanes, ld(from));
    st(lanes + VL, ld_tail(from + VL, (int)(width - VL)));
  } else st(lanes, ld_tail(from, (int)width));
}

// A row of zeros that padding points at. Longer runs are cut into pieces of this length.
#define ZERO_RUN 4096
static const float zero_row[ZERO_RUN];
