// Depthwise rows whose taps are neighbours (no dilation): every input pixel is loaded once per tap row and used by all
// the output pixels that it touches.
//
// Lanes are channels; a tile is 8, 7, 4, 2 or 1 pixels of an output row, with its sums and a kernel row's weights in registers.
// A table holds one pointer per (tap row, input column) of an output row, with padding pointing at zeros. Loops: band of
// columns → chunk of channels → rows → tiles → channels, so that input and output are read and written in the order they lie. Sums are taken in the order of taps, as everywhere in depthwise.c.
#pragma once
#include "window.h"

#define SLIDE_PIXELS 8
#define SLIDE_COLUMNS 264   // input columns of a band
#define SLIDE_ROWS 7        // tap rows
#define SLIDE_BYTES 131072

// Tap rows of output row j that lie inside the source.
INLINE void inside_taps(const Window *w, ptrdiff_t j, ptrdiff_t *ty0, ptrdiff_t *ty1) {
  const ptrdiff_t y = j * w->mulY + w->addY;
  *ty0 = min_(w->tapsY, first_tap(y, w->stepY, 0));
  *ty1 = min_(w->tapsY, first_tap(y, w->stepY, w->srcH));
}

// One tile: c[p] = bias + add[p] + Σ_ty Σ_tx at[ty][p·stride + tx] · w[ty][tx], for `channels` channels.
typedef void slide_fn(ptrdiff_t channels, ptrdiff_t rows, const float *const *at, const float *w, ptrdiff_t ldw,
                      const float *bias, const float *add, float *c, ptrdiff_t ldc, const Epilogue *end);

INLINE void slide_vector(const int PX, const int KX, const int S, ptrdiff_t k, ptrdiff_t rows, const float *const *at,
                         const float *w, ptrdiff_t ldw, const float *bias, const float *add, float *c, ptrdiff_t ldc,
                         const Epilogue *end) {
  vf acc[SLIDE_PIXELS], v[5];
  const vf b = ld(bias + k);
  UNROLL for (int p = 0; p < PX; p++) acc[p] = b;
  if (add) UNROLL for (int p = 0; p < PX; p++) acc[p] += ld(add + p * ldc + k);
  for (ptrdiff_t ty = 0; ty < rows; ty++, at += SLIDE_COLUMNS, w += KX * ldw) {
    UNROLL for (int tx = 0; tx < KX; tx++) v[tx] = ld(w + tx * ldw + k);
    UNROLL for (int x = 0; x < (PX - 1) * S + KX; x++) {
      const vf a = ld(at[x] + k);
      UNROLL for (int tx = 0; tx < KX; tx++) {
        const int p = (x - tx) / S;
        if (x >= tx && (x - tx) % S == 0 && p < PX) acc[p] = madd(v[tx], a, acc[p]);
      }
    }
  }
  if (end->flags & EPILOGUE_CLAMP) UNROLL for (int p = 0; p < PX; p++) acc[p] = clamp_to(end, acc[p]);
  UNROLL for (int p = 0; p < PX; p++) st(c + p * ldc + k, acc[p]);
}

// The last channels, fewer than a vector.
static __attribute__((noinline)) void slide_tail(int PX, int KX, int S, ptrdiff_t k, int lanes, ptrdiff_t rows,
                                                 const float *const *at, const float *w, ptrdiff_t ldw, const float *bias,
                                                 const float *add, float *c, ptrdiff_t ldc, const Epilogue *end) {
  for (int p = 0; p < PX; p++) {
    vf acc = ld_tail(bias + k, lanes);
    if (add) acc += ld_tail(add + p * ldc + k, lanes);
    for (ptrdiff_t ty = 0; ty < rows; ty++)
      for (int tx = 0; tx < KX; tx++)
        acc = madd(ld_tail(w + (ty * KX + tx) * ldw + k, lanes), ld_tail(at[ty * SLIDE_COLUMNS + p * S + tx] + k, lanes), acc);
    if (end->flags & EPILOGUE_CLAMP) acc = clamp_to(end, acc);
    st_tail(c + p * ldc + k, acc, lanes);
  }
}

#define SLIDE(PX, KX, S)                                                                                                \
  static void slide_##PX##_##KX##_##S(ptrdiff_t channels, ptrdiff_t rows, const float *const *at, const float *w,       \
                                      ptrdiff_t ldw, const float *bias, const float *add, float *c, ptrdiff_t ldc,      \
                                      const Epilogue *end) {                                                            \
    ptrdiff_t k = 0;                                                                                                    \
    for (; k + VL <= channels; k += VL) slide_vector(PX, KX, S, k, rows, at, w, ldw, bias, add, c, ldc, end);           \
    if (k < channels) slide_tail(PX, KX, S, k, (int)(channels - k), rows, at, w, ldw, bias, add, c, ldc, end);          \
  }
#define SLIDES(KX, S) SLIDE(1, KX, S) SLIDE(2, KX, S) SLIDE(4, KX, S) SLIDE(7, KX, S) SLIDE(8, KX, S)
#define FOR_SLIDES(T) T(1, 1) T(2, 1) T(3, 1) T(3, 2) T(5, 1) T(5, 2)
FOR_SLIDES(SLIDES)

typedef struct {
  int taps, stride;
  slide_fn *tile[5]; // of 1, 2, 4, 7, 8 pixels
} Slide;
#define SLIDE_NAMES(KX, S) \
  {KX, S, {slide_1_##KX##_##S, slide_2_##KX##_##S, slide_4_##KX##_##S, slide_7_##KX##_##S, slide_8_##KX##_##S}},
static const int slide_sizes[5] = {1, 2, 4, 7, 8};
static const Slide slides[] = {FOR_SLIDES(SLIDE_NAMES)};

// The tiles for this window, or null if it takes another kernel.
static const Slide *slide_of(const Window *w) {
  if (w->tapsY > SLIDE_ROWS || (w->tapsX > 1 && w->stepX != 1)) return NULL;
  for (size_t i = 0; i < sizeof slides / sizeof *slides; i++)
    if (slides[i].taps == w->tapsX && slides[i].stride == w->mulX) return &slides[i];
  return NULL;
}

// Bands of columns that a row is cut into.
INLINE ptrdiff_t slide_bands(const Window *w) { return ceil_div(w->outW, (SLIDE_COLUMNS - w->tapsX) / w->mulX + 1); }

// Pixels [i0, i0 + pixels) of an output row, all tiles. `rows`: where `taps` rows of the source begin, at the first channel.
// c, residual: the pixel i0 at the first channel. weights: the first of these tap rows at the first channel.
static void slide_pixels(const Window *w, const Slide *slide, const float *const *rows, ptrdiff_t taps, const float *weights,
                         ptrdiff_t ldw, const float *bias, const float *residual, ptrdiff_t i0, ptrdiff_t pixels, ptrdiff_t width, float *c) {
  const float *at[SLIDE_ROWS][SLIDE_COLUMNS];
  const ptrdiff_t columns = (pixels - 1) * w->mulX + w->tapsX, x = i0 * w->mulX + w->addX;
  const ptrdiff_t k0 = min_(columns, max_(0, -x)), k1 = max_(k0, min_(columns, w->srcW - x)); // the columns inside
  for (ptrdiff_t ty = 0; ty < taps; ty++) {
    for (ptrdiff_t k = 0; k < k0; k++) at[ty][k] = zero_row;
    for (ptrdiff_t k = k0; k < k1; k++) at[ty][k] = rows[ty] + (x + k) * w->srcC;
    for (ptrdiff_t k = k1; k < columns; k++) at[ty][k] = zero_row;
  }
  const int most = pixels % 8 && pixels % 7 == 0 ? 3 : 4; // whole tiles of 7 where these fill the row
  for (ptrdiff_t i = 0, size = most; i < pixels; i += slide_sizes[size]) {
    while (slide_sizes[size] > pixels - i) size--;
    float *to = c + i * w->dstPixel;
    slide->tile[size](width, taps, &at[0][i * w->mulX], weights, ldw, bias, residual ? residual + i * w->dstPixel : NULL, to,
                      w->dstPixel, &w->end);
    if (w->end.flags & EPILOGUE_SILU) silu_rows(to, w->dstPixel, slide_sizes[size], width);
  }
}

// As run_depthwise.
static void run_slide(const Window *w, const Slide *slide, Part part) {
  const ptrdiff_t channels = w->srcC, ldw = round_up(channels, VL), rowBytes = 4 * channels * min_(w->srcW, SLIDE_COLUMNS) * w->mulY;
  const ptrdiff_t bands = slide_bands(w);
  const ptrdiff_t chunk = min_(ZERO_RUN, round_up(ceil_div(channels, ceil_div(rowBytes, SLIDE_BYTES)), 16)), chunks = ceil_div(channels, chunk);
  const ptrdiff_t units = w->images * bands * chunks * w->outH;
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t j = u % w->outH, block = u / w->outH, c0 = block % chunks * chunk, width = min_(chunk, channels - c0);
    const ptrdiff_t band = block / chunks % bands, n = block / chunks / bands;
    const ptrdiff_t i0 = share(w->outW, (int)band, (int)bands), i1 = share(w->outW, (int)band + 1, (int)bands);
    ptrdiff_t ty0, ty1;
    inside_taps(w, j, &ty0, &ty1);
    const float *rows[SLIDE_ROWS];
    for (ptrdiff_t ty = ty0; ty < ty1; ty++)
      rows[ty - ty0] = w->src + (n * w->srcH + j * w->mulY + w->addY + ty * w->stepY) * w->srcW * channels + c0;
    const ptrdiff_t at = n * w->dstImage + j * w->dstRow + i0 * w->dstPixel + c0;
    slide_pixels(w, slide, rows, max_(0, ty1 - ty0), w->weights + (w->firstK + ty0 * w->tapsX) * ldw + c0, ldw,
                 w->end.bias ? w->end.bias + c0 : zero_row, w->end.residual ? w->end.residual + at : NULL, i0, i1 - i0, width, w->dst + at);
  }
}
