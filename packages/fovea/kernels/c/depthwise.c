// Depthwise convolution (one filter per channel): forward, input gradient and weight gradient, any kernel, stride, dilation.
//
// Usual kernels (1, 2, 3 or 5 columns, stride 1 or 2, no dilation) run in depthwise_slide.h: 55–70 % of the multiply–add
// peak in cache (AVX2), 33–45 % with stride 2, where memory is the limit. All others, and the weight gradient, here: lanes
// are channels, and a tile is up to 8 pixels of an output row; a table holds one pointer per (tap, pixel), with padding
// pointing at zeros, so every multiply–add is one load and the code knows nothing of kernel sizes and strides. Loops: chunk
// of channels → columns of a tile → rows → channels; the table moves down a row by one addition per entry, and the chunk
// is chosen so that the input rows of a tile stay in L1: 35–47 % of the peak. The input gradient is the same convolution
// of dY, one per stride class (window_classes.h).
#include "depthwise_slide.h"
#include "window_classes.h"

#define TILE_PIXELS 8
#define TILE_TAPS 64        // kernel rows are taken in groups of at most so many taps
#define CHUNK_BYTES 24576   // input of one tile

typedef struct {
  const float *at[TILE_TAPS * TILE_PIXELS];
  ptrdiff_t down[TILE_TAPS * TILE_PIXELS]; // to the next output row, floats; 0 for padding
} TapTable;

INLINE ptrdiff_t channel_chunk(const Window *w) {
  const ptrdiff_t columns = (TILE_PIXELS - 1) * w->mulX + (w->tapsX - 1) * w->stepX + 1, rows = max_(1, min_(w->tapsY, TILE_TAPS / w->tapsX));
  return min_(ZERO_RUN, max_(64, CHUNK_BYTES / (4 * columns * rows) / 16 * 16));
}

// Pointers of tap rows [ty0, ty1) to the pixels of columns [i0, i0 + pixels) of output row j of image n.
static void tap_table(const Window *w, ptrdiff_t n, ptrdiff_t j, ptrdiff_t i0, ptrdiff_t pixels, ptrdiff_t ty0, ptrdiff_t ty1,
                      ptrdiff_t channel, TapTable *t) {
  const ptrdiff_t row = w->srcW * w->srcC, y = j * w->mulY + w->addY;
  ptrdiff_t k = 0;
  for (ptrdiff_t ty = ty0; ty < ty1; ty++)
    for (ptrdiff_t tx = 0; tx < w->tapsX; tx++, k += TILE_PIXELS)
      for (ptrdiff_t p = 0; p < TILE_PIXELS; p++) {
        const ptrdiff_t x = (i0 + p) * w->mulX + w->addX + tx * w->stepX;
        const int inside = p < pixels && x >= 0 && x < w->srcW;
        t->at[k + p] = inside ? w->src + (n * w->srcH + y + ty * w->stepY) * row + x * w->srcC + channel : zero_row;
        t->down[k + p] = inside ? w->mulY * row : 0;
      }
}

INLINE void move_down(TapTable *t, ptrdiff_t taps) {
  for (ptrdiff_t k = 0; k < taps * TILE_PIXELS; k++) t->at[k] += t->down[k];
}

INLINE vf ld_some(const float *p, int n) { return n == VL ? ld(p) : ld_tail(p, n); }
INLINE void st_some(float *p, vf v, int n) {
  if (n == VL) st(p, v);
  else st_tail(p, v, n);
}

// One vector of `lanes` channels, k floats into the rows: c[p] = bias + add[p] + Σ_tap at[tap][p] · w[tap].
INLINE void depthwise_vector(const int PX, const int lanes, ptrdiff_t k, ptrdiff_t taps, const float *const *at, const float *w,
                             ptrdiff_t ldw, const float *bias, const float *add, float *c, ptrdiff_t ldc, const Epilogue *end) {
  vf acc[TILE_PIXELS];
  const vf b = ld_some(bias + k, lanes);
  UNROLL for (int p = 0; p < PX; p++) acc[p] = b;
  if (add) UNROLL for (int p = 0; p < PX; p++) acc[p] += ld_some(add + p * ldc + k, lanes);
  for (ptrdiff_t t = 0; t < taps; t++) {
    const vf v = ld(w + t * ldw + k);
    UNROLL for (int p = 0; p < PX; p++) acc[p] = madd(v, ld_some(at[t * TILE_PIXELS + p] + k, lanes), acc[p]);
  }
  if (end && end->flags & EPILOGUE_CLAMP) UNROLL for (int p = 0; p < PX; p++) acc[p] = clamp_to(end, acc[p]);
  UNROLL for (int p = 0; p < PX; p++) st_some(c + p * ldc + k, acc[p], lanes);
}

typedef void depthwise_fn(ptrdiff_t channels, ptrdiff_t taps, const float *const *at, const float *w, ptrdiff_t ldw,
                          const float *bias, const float *add, float *c, ptrdiff_t ldc, const Epilogue *end);
#define DEPTHWISE(PX)                                                                                                  \
  static void depthwise_##PX(ptrdiff_t channels, ptrdiff_t taps, const float *const *at, const float *w, ptrdiff_t ldw, \
                             const float *bias, const float *add, float *c, ptrdiff_t ldc, const Epilogue *end) {      \
    ptrdiff_t k = 0;                                                                                                   \
    for (; k + VL <= channels; k += VL) depthwise_vector(PX, VL, k, taps, at, w, ldw, bias, add, c, ldc, end);         \
    const int rest = (int)(channels - k);                                                                              \
    if (rest > 0) depthwise_vector(PX, rest, k, taps, at, w, ldw, bias, add, c, ldc, end);                             \
  }
#define FOR_PIXELS(T) T(1) T(2) T(3) T(4) T(5) T(6) T(7) T(8)
FOR_PIXELS(DEPTHWISE)
#define DEPTHWISE_NAME(PX) depthwise_##PX,
static depthwise_fn *const depthwise_tiles[TILE_PIXELS] = {FOR_PIXELS(DEPTHWISE_NAME)};

// w: a window of one group over all channels; weights [tap][roundUp(channels, VL)], from tap firstK on.
static void run_depthwise(const Window *w, Part part) {
  const Slide *slide = slide_of(w);
  if (slide) {
    run_slide(w, slide, part);
    return;
  }
  const ptrdiff_t channels = w->srcC, chunk = channel_chunk(w), chunks = ceil_div(channels, chunk), ldw = round_up(channels, VL);
  const ptrdiff_t columns = ceil_div(w->outW, TILE_PIXELS), units = w->images * chunks * columns;
  const ptrdiff_t group = w->tapsX ? TILE_TAPS / w->tapsX : 1; // tap rows of one pass
  TapTable table;
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t n = u / columns / chunks, c0 = u / columns % chunks * chunk, width = min_(chunk, channels - c0);
    const ptrdiff_t i0 = share(w->outW, (int)(u % columns), (int)columns), pixels = share(w->outW, (int)(u % columns) + 1, (int)columns) - i0;
    for (ptrdiff_t from = 0; from == 0 || from < w->tapsY; from += group) {
      const ptrdiff_t to = min_(w->tapsY, from + group);
      const int last = to >= w->tapsY;
      const float *bias = from == 0 && w->end.bias ? w->end.bias + c0 : zero_row;
      tap_table(w, n, 0, i0, pixels, from, to, c0, &table);
      for (ptrdiff_t j = 0; j < w->outH; j++) {
        ptrdiff_t ty0, ty1;
        inside_taps(w, j, &ty0, &ty1);
        ty0 = max_(ty0, from);
        const ptrdiff_t taps = max_(0, min_(ty1, to) - ty0) * w->tapsX;
        const ptrdiff_t at = n * w->dstImage + j * w->dstRow + i0 * w->dstPixel + c0;
        float *c = w->dst + at;
        const float *add = from ? c : w->end.residual ? w->end.residual + at : NULL;
        depthwise_tiles[pixels - 1](width, taps, table.at + (ty0 - from) * w->tapsX * TILE_PIXELS,
                                    w->weights + (w->firstK + ty0 * w->tapsX) * ldw + c0, ldw, bias, add, c, w->dstPixel,
                                    last ? &w->end : NULL);
        if (last && w->end.flags & EPILOGUE_SILU) silu_rows(c, w->dstPixel, pixels, width);
        move_down(&table, (to - from) * w->tapsX);
      }
    }
  }
}

// buf: x [N, H, W, C], packed weights (depthwise_pack), bias [C], residual, y; p: as conv2d
KERNEL(depthwise) {
  const ptrdiff_t c = p[3], oh = p[4], ow = p[5];
  const Window window = {
      .src = buf[0], .srcH = p[1], .srcW = p[2], .srcC = c,
      .mulY = p[9], .addY = -p[11], .stepY = p[13], .tapsY = p[7],
      .mulX = p[10], .addX = -p[12], .stepX = p[14], .tapsX = p[8],
      .dst = buf[4], .images = p[0], .outH = oh, .outW = ow, .dstImage = oh * ow * c, .dstRow = ow * c, .dstPixel = c,
      .weights = buf[1], .end = epilogue(p[15], p + 17, buf[2], buf[3]),
  };
  run_depthwise(&window, part);
}

// buf: dY [N, OH, OW, C], packed weights (depthwise_pack with p[1] = 1), dX [N, H, W, C]; p: as conv2d_input_grad
KERNEL(depthwise_input_grad) {
  const ptrdiff_t h = p[1], w = p[2], c = p[3], sh = p[9], sw = p[10];
  ptrdiff_t tapsBefore = 0;
  for (ptrdiff_t cy = 0; cy < sh; cy++)
    for (ptrdiff_t cx = 0; cx < sw; cx++) {
      const Taps y = class_taps(cy, p[7], sh, p[11], p[13]), x = class_taps(cx, p[8], sw, p[12], p[14]);
      if (cy < h && cx < w) {
        const Window window = {
            .src = buf[0], .srcH = p[4], .srcW = p[5], .srcC = c,
            .mulY = 1, .addY = y.add, .stepY = y.step, .tapsY = x.count ? y.count : 0,
            .mulX = 1, .addX = x.add, .stepX = x.step, .tapsX = x.count ? x.count : 1,
            .dst = (float *)buf[2] + (cy * w + cx) * c,
            .images = p[0], .outH = (h - cy + sh - 1) / sh, .outW = (w - cx + sw - 1) / sw,
            .dstImage = h * w * c, .dstRow = sh * w * c, .dstPixel = sw * c,
            .weights = buf[1], .firstK = tapsBefore,
        };
        run_depthwise(&window, part);
      }
      tapsBefore += y.count * x.count;
    }
}

// buf: w [C, 1, kH, kW], packed [tap][roundUp(C, VL)]. p: 0 C, 1 for the input gradient (taps by stride class, rotated),
//    2 kH, 3 kW, 4 strideH, 5 strideW, 6 padTop, 7 padLeft, 8 dilationH, 9 dilationW
KERNEL(depthwise_pack) {
  const ptrdiff_t c = p[0], kw = p[3], taps = p[2] * kw, ldw = round_up(c, VL);
  const ptrdiff_t c0 = begin_of(ldw, part), c1 = end_of(ldw, part);
  const float *w = buf[0];
  float *to = buf[1];
  if (!p[1]) {
    for (ptrdiff_t t = 0; t < taps; t++, to += ldw)
      for (ptrdiff_t k = c0; k < c1; k++) to[k] = k < c ? w[k * taps + t] : 0;
    return;
  }
  for (int cy = 0; cy < p[4]; cy++)
    for (int cx = 0; cx < p[5]; cx++) {
      const Taps y = class_taps(cy, p[2], p[4], p[6], p[8]), x = class_taps(cx, p[3], p[5], p[7], p[9]);
      for (ptrdiff_t ty = 0; ty < y.count; ty++)
        for (ptrdiff_t tx = 0; tx < x.count; tx++, to += ldw) {
          const ptrdiff_t t = (y.last - ty * y.period) * kw + x.last - tx * x.period;
          for (ptrdiff_t k = c0; k < c1; k++) to[k] = k < c ? w[k * taps + t] : 0;
        }
    }
}

// One vector of channels of the weight gradient: sums[tap] += Σ_p at[tap][p] · dY[p].
INLINE void depthwise_sum(const int lanes, ptrdiff_t k, ptrdiff_t pixels, ptrdiff_t taps, const float *const *at,
                          const float *dy, ptrdiff_t ldy, float *sums, ptrdiff_t lds) {
  vf d[TILE_PIXELS];
  UNROLL for (int p = 0; p < TILE_PIXELS; p++) d[p] = p < pixels ? ld_some(dy + p * ldy + k, lanes) : (vf){0};
  for (ptrdiff_t t = 0; t < taps; t++, at += TILE_PIXELS) {
    vf even = ld(sums + t * lds + k), odd = {0};
    UNROLL for (int p = 0; p < TILE_PIXELS; p += 2) {
      even += d[p] * ld_some(at[p] + k, lanes);
      odd += d[p + 1] * ld_some(at[p + 1] + k, lanes);
    }
    st(sums + t * lds + k, even + odd);
  }
}

#define SUM_CHANNELS 256

// buf: x, dY, partial [blocks][tap][roundUp(C, VL)]; p: as conv2d_weight_grad. Blocks are ranges of output rows of all images.
KERNEL(depthwise_weight_grad) {
  const ptrdiff_t c = p[3], oh = p[4], ow = p[5], ldw = round_up(c, VL), taps = (ptrdiff_t)p[7] * p[8];
  const Window w = {
      .src = buf[0], .srcH = p[1], .srcW = p[2], .srcC = c,
      .mulY = p[9], .addY = -p[11], .stepY = p[13], .tapsY = p[7],
      .mulX = p[10], .addX = -p[12], .stepX = p[14], .tapsX = p[8],
  };
  const ptrdiff_t chunk = min_(SUM_CHANNELS, channel_chunk(&w)), chunks = ceil_div(c, chunk), blocks = p[15];
  const ptrdiff_t columns = ceil_div(ow, TILE_PIXELS), group = TILE_TAPS / w.tapsX, units = blocks * chunks;
  TapTable table;
  float sums[TILE_TAPS * SUM_CHANNELS] __attribute__((aligned(64)));
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t block = u / chunks, c0 = u % chunks * chunk, width = min_(chunk, c - c0);
    const ptrdiff_t r0 = share(p[0] * oh, (int)block, (int)blocks), r1 = share(p[0] * oh, (int)block + 1, (int)blocks);
    for (ptrdiff_t from = 0; from < w.tapsY; from += group) {
      const ptrdiff_t to = min_(w.tapsY, from + group);
      __builtin_memset(sums, 0, (size_t)((to - from) * w.tapsX) * SUM_CHANNELS * 4);
      for (ptrdiff_t column = 0; column < columns; column++) {
        const ptrdiff_t i0 = share(ow, (int)column, (int)columns), pixels = share(ow, (int)column + 1, (int)columns) - i0;
        for (ptrdiff_t r = r0; r < r1; r++) {
          const ptrdiff_t n = r / oh, j = r % oh;
          if (r == r0 || j == 0) tap_table(&w, n, j, i0, pixels, from, to, c0, &table);
          ptrdiff_t ty0, ty1;
          inside_taps(&w, j, &ty0, &ty1);
          ty0 = max_(ty0, from);
          const ptrdiff_t count = max_(0, min_(ty1, to) - ty0) * w.tapsX, first = (ty0 - from) * w.tapsX;
          const float *dy = (const float *)buf[1] + (r * ow + i0) * c + c0;
          const float *const *at = table.at + first * TILE_PIXELS;
          ptrdiff_t k = 0;
          for (; k + VL <= width; k += VL) depthwise_sum(VL, k, pixels, count, at, dy, c, sums + first * SUM_CHANNELS, SUM_CHANNELS);
          if (k < width) depthwise_sum((int)(width - k), k, pixels, count, at, dy, c, sums + first * SUM_CHANNELS, SUM_CHANNELS);
          move_down(&table, (to - from) * w.tapsX);
        }
      }
      float *partial = (float *)buf[2] + (block * taps + from * w.tapsX) * ldw + c0;
      for (ptrdiff_t t = 0; t < (to - from) * w.tapsX; t++)
        __builtin_memcpy(partial + t * ldw, sums + t * SUM_CHANNELS, (size_t)width * 4);
    }
  }
}

// Adds the blocks in order. buf: partial, dW [C, 1, kH, kW]. p: 0 C, 1 taps, 2 blocks
KERNEL(depthwise_weight_reduce) {
  const ptrdiff_t c = p[0], taps = p[1], ldw = round_up(c, VL);
  for (ptrdiff_t k = begin_of(c, part); k < end_of(c, part); k++)
    for (ptrdiff_t t = 0; t < taps; t++) {
      float sum = 0;
      for (ptrdiff_t b = 0; b < p[2]; b++) sum += ((const float *)buf[0])[(b * taps + t) * ldw + k];
      ((float *)buf[1])[k * taps + t] = sum;
    }
}
