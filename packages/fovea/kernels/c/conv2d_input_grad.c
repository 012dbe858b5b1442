// Gradient of conv2d with respect to its input, two algorithms.
//
// conv2d_input_grad: a convolution of dY with rotated weights, one per stride class (window_classes.h), on the tiles and
// loops of the forward pass (window.h). Expected, with packing: 75–92 % of the peak from 64 channels on, less where dX and dY
// come from memory (batches of 56×56 and more) and where classes are small next to their borders (stride 2, no padding).
//
// conv2d_input_scatter: for few input channels, where vectors over them would be mostly empty. Vectors run over the
// (kx, ic) columns of a kernel row instead: [pixels × OC] · [OC × kW·IC], then every row of results is added at its place in
// dX (col2im, a tile at a time, in registers and L1). One group. Images are the parallel unit, pixels are added in order.
#include "window.h"
#include "window_classes.h"

#define CLASS_WEIGHTS 393216 // bytes of weights that stay in L2 while the classes take turns
#define CLASS_BAND 131072    // bytes of dX and dY of a band

// Rows [j0, j1) of image n of a window.
static Window rows_of(Window w, ptrdiff_t n, ptrdiff_t j0, ptrdiff_t j1) {
  w.src += n * w.srcH * w.srcW * w.srcC;
  w.addY += j0 * w.mulY;
  w.dst += n * w.dstImage + j0 * w.dstRow;
  w.outH = j1 - j0;
  w.images = 1;
  return w;
}

// A stride class that no tap reaches.
static void clear_pixels(const Window *w, Part part) {
  const ptrdiff_t rows = w->images * w->outH;
  for (ptrdiff_t r = begin_of(rows, part); r < end_of(rows, part); r++) {
    float *to = w->dst + r / w->outH * w->dstImage + r % w->outH * w->dstRow;
    for (ptrdiff_t i = 0; i < w->outW; i++) __builtin_memset(to + i * w->dstPixel, 0, (size_t)(w->groups * w->out) * 4);
  }
}

static void run_class(const Window *w, Part part) {
  if (w->tapsY * w->tapsX) run_window(w, part);
  else clear_pixels(w, part);
}

// buf: dY [N, OH, OW, OC], packed weights (conv2d_input_grad_pack), dX [N, H, W, C]
// p: as conv2d (0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 kH, 8 kW, 9 strideH, 10 strideW, 11 padTop, 12 padLeft,
//    13 dilationH, 14 dilationW, 15 unused, 16 groups)
KERNEL(conv2d_input_grad) {
  const ptrdiff_t images = p[0], h = p[1], w = p[2], c = p[3], oh = p[4], ow = p[5], oc = p[6], groups = p[16], sh = p[9], sw = p[10];
  // On large maps with few weights all classes do one band of rows before the next: dX's lines are finished and dY is read
  // while they are in the cache.
  const ptrdiff_t rowBytes = 4 * (sh * w * c + ow * oc), classRows = ceil_div(h, sh);
  const int banded = sh * sw > 1 && 4 * (oc / groups) * p[7] * p[8] * c <= CLASS_WEIGHTS && classRows * rowBytes > 4 * CLASS_BAND;
  const ptrdiff_t band = banded ? max_(1, CLASS_BAND / rowBytes) : classRows, bands = ceil_div(classRows, band);
  const ptrdiff_t units = banded ? images * bands : 1;
  const ptrdiff_t u0 = banded ? begin_of(units, part) : 0, u1 = banded ? end_of(units, part) : 1;
  for (ptrdiff_t u = u0; u < u1; u++) {
    const ptrdiff_t n = u / bands, j0 = share(classRows, (int)(u % bands), (int)bands), j1 = share(classRows, (int)(u % bands) + 1, (int)bands);
    ptrdiff_t tapsBefore = 0;
    for (ptrdiff_t cy = 0; cy < sh; cy++)
      for (ptrdiff_t cx = 0; cx < sw; cx++) {
        const Taps y = class_taps(cy, p[7], sh, p[11], p[13]), x = class_taps(cx, p[8], sw, p[12], p[14]);
        if (cy < h && cx < w) {
          const Window window = {
              .src = buf[0], .srcH = oh, .srcW = ow, .srcC = oc,
              .mulY = 1, .addY = y.add, .stepY = y.step, .tapsY = x.count ? y.count : 0,
              .mulX = 1, .addX = x.add, .stepX = x.step, .tapsX = x.count,
              .dst = (float *)buf[2] + (cy * w + cx) * c,
              .images = images, .outH = (h - cy + sh - 1) / sh, .outW = (w - cx + sw - 1) / sw,
              .dstImage = h * w * c, .dstRow = sh * w * c, .dstPixel = sw * c,
              .groups = groups, .in = oc / groups, .out = c / groups,
              .weights = buf[1], .panelK = (ptrdiff_t)p[7] * p[8] * (oc / groups), .firstK = tapsBefore * (oc / groups),
          };
          if (!banded) {
            run_class(&window, part);
          } else if (j0 < window.outH) {
            const Window rows = rows_of(window, n, j0, min_(j1, window.outH));
            run_class(&rows, WHOLE);
          }
        }
        tapsBefore += y.count * x.count;
      }
  }
}

#define SCATTER_RUNS 8 // runs computed before they are added

// to[0 … n) += from[0 … n), n ≤ 2·VL.
INLINE void scatter_row(float *to, const float *from, ptrdiff_t n) {
  if (n > VL) {
    st(to, ld(to) + ld(from));
    to += VL, from += VL, n -= VL;
  }
  if (n == VL) st(to, ld(to) + ld(from));
  else st_tail(to, ld_tail(to, (int)n) + ld_tail(from, (int)n), (int)n);
}

// buf: dY [N, OH, OW, OC], packed weights (conv2d_input_scatter_pack), dX [N, H, W, C]. p: as conv2d_input_grad, groups 1
KERNEL(conv2d_input_scatter) {
  const ptrdiff_t h = p[1], w = p[2], c = p[3], oh = p[4], ow = p[5], oc = p[6], kw = p[8];
  const ptrdiff_t fold = p[14] == 1 ? kw : 1, runs = (ptrdiff_t)p[7] * kw / fold, length = fold * c;
  const ptrdiff_t panels = panel_count(length), maxRows = tile_rows(panel(length, 0).vectors), tiles = ceil_div(oh * ow, maxRows);
  float lanes[SCATTER_RUNS][MAX_ROWS * BLOCK];
  for (ptrdiff_t n = begin_of(p[0], part); n < end_of(p[0], part); n++) {
    const float *dy = (const float *)buf[0] + n * oh * ow * oc;
    float *dx = (float *)buf[2] + n * h * w * c;
    __builtin_memset(dx, 0, (size_t)(h * w * c) * 4);
    for (ptrdiff_t t = 0; t < tiles; t++) {
      const ptrdiff_t from = share(oh * ow, (int)t, (int)tiles), rows = share(oh * ow, (int)t + 1, (int)tiles) - from;
      const float *pixels[MAX_ROWS];
      ptrdiff_t y0[MAX_ROWS], x0[MAX_ROWS]; // input position of tap (0, 0); x in floats
      for (ptrdiff_t r = 0; r < rows; r++) {
        pixels[r] = dy + (from + r) * oc;
        y0[r] = (from + r) / ow * p[9] - p[11];
        x0[r] = ((from + r) % ow * p[10] - p[12]) * c;
      }
      for (ptrdiff_t b = 0; b < panels; b++) {
        const Panel q = panel(length, b);
        const ptrdiff_t nb = q.vectors * VL;
        for (ptrdiff_t run0 = 0; run0 < runs; run0 += SCATTER_RUNS) {
          const ptrdiff_t count = min_(SCATTER_RUNS, runs - run0);
          for (ptrdiff_t i = 0; i < count; i++) {
            const float *weights = (const float *)buf[1] + ((run0 + i) * round_up(length, VL) + q.first) * oc;
            row_tiles[q.vectors - 1][rows - 1](1, oc, pixels, weights, zero_row, NULL, 0, lanes[i], nb, NULL);
          }
          // Neighbouring pixels add to overlapping places, and a load that meets a fresh store half-way has to wait:
          // with the runs innermost, the rows of dX take turns.
          for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t i = 0; i < count; i++) {
              const ptrdiff_t tap = (run0 + i) * fold, y = y0[r] + tap / kw * p[13], x = x0[r] + tap % kw * p[14] * c + q.first;
              if (y < 0 || y >= h) continue;
              float *to = dx + y * w * c + x;
              if (x >= 0 && x + q.width <= w * c) scatter_row(to, lanes[i] + r * nb, q.width);
              else for (ptrdiff_t l = max_(0, -x); l < min_(q.width, w * c - x); l++) to[l] += lanes[i][r * nb + l];
            }
        }
      }
    }
  }
}
