// An inverted residual at once: a convolution, a depthwise convolution of its result, and a 1×1 convolution of that.
//
// The two results in between are several times larger than what is read and written; done one by one they leave the
// caches. Here a band of output rows goes through all three before the next: rows of the first result are in a ring as high
// as the depthwise kernel and the band need, so none is computed twice but where two parts meet. Tiles and loops are those
// of conv2d (window.h) and depthwise (depthwise_slide.h), and so are all sums, bit for bit.
// Loops: image → band of rows → convolution, depthwise rows, 1×1. Expected (AVX2): 55–75 % of the multiply–add peak on 16 → 96 to
// 32 → 192 channels, where the three apart reach 30–45 %.
#include "depthwise_slide.h"

#define BAND_STAGE 19 // parameters of one stage

// Parameters of one stage as conv2d has them, for its first image.
static Window stage(const int32_t *p, const float *src, const float *weights, const float *bias, const float *residual, float *dst) {
  const ptrdiff_t c = p[3], oh = p[4], ow = p[5], oc = p[6];
  return (Window){
      .src = src, .srcH = p[1], .srcW = p[2], .srcC = c,
      .mulY = p[9], .addY = -p[11], .stepY = p[13], .tapsY = p[7],
      .mulX = p[10], .addX = -p[12], .stepX = p[14], .tapsX = p[8],
      .dst = dst, .images = 1, .outH = oh, .outW = ow,
      .dstImage = oh * ow * oc, .dstRow = ow * oc, .dstPixel = oc,
      .groups = 1, .in = c, .out = oc,
      .weights = weights, .panelK = (ptrdiff_t)p[7] * p[8] * c, .firstK = 0,
      .end = epilogue(p[15], p + 17, bias, residual),
  };
}

// Output rows [y0, y1) of a window, to `dst`.
static void window_rows(Window w, ptrdiff_t y0, ptrdiff_t y1, float *dst) {
  w.addY += y0 * w.mulY;
  w.outH = y1 - y0;
  w.dst = dst;
  if (w.end.residual) w.end.residual += y0 * w.dstRow;
  w.dstImage = w.outH * w.dstRow;
  run_window(&w, WHOLE);
}

// buf: x, weights (conv2d_pack) and bias of the first, weights (depthwise_pack) and bias of the second, weights and bias of
//    the third, its residual, scratch [threads][ring and band], y
// p: three times the parameters 0 … 18 of conv2d, 57 output rows of a band
KERNEL(conv2d_bands) {
  const int32_t *p1 = p, *p2 = p + BAND_STAGE, *p3 = p + 2 * BAND_STAGE;
  const Window first = stage(p1, buf[0], buf[1], buf[2], NULL, NULL);
  const Window deep = stage(p2, NULL, buf[3], buf[4], NULL, NULL);
  const Window last = stage(p3, NULL, buf[5], buf[6], buf[7], buf[9]);
  const Slide *slide = slide_of(&deep);
  const ptrdiff_t images = p1[0], height = last.outH, most = p[3 * BAND_STAGE];
  const ptrdiff_t ringRows = (most - 1) * deep.mulY + deep.tapsY, bandSize = most * deep.dstRow;
  float *ring = (float *)buf[8] + part.thread * (ringRows * first.dstRow + bandSize), *band = ring + ringRows * first.dstRow;
  const ptrdiff_t channels = deep.srcC, ldw = round_up(channels, VL), pieces = slide_bands(&deep);

  ptrdiff_t made = 0; // rows of the first result that were made, of this image
  const ptrdiff_t u0 = begin_of(images * height, part), u1 = end_of(images * height, part);
  for (ptrdiff_t u = u0, rows; u < u1; u += rows) {
    const ptrdiff_t n = u / height, j0 = u % height;
    rows = min_(min_(most, height - j0), u1 - u);
    if (j0 == 0 || u == u0) made = 0;
    Window from = first, to = last;
    from.src += n * first.srcH * first.srcW * first.srcC;
    to.src = band;
    to.srcH = rows;
    to.dst += n * last.dstImage;
    if (to.end.residual) to.end.residual += n * last.dstImage;

    const ptrdiff_t below = min_(first.outH, (j0 + rows - 1) * deep.mulY + deep.addY + deep.tapsY);
    for (ptrdiff_t y = max_(made, max_(0, j0 * deep.mulY + deep.addY)); y < below; y = made) {
      made = min_(below, (y / ringRows + 1) * ringRows);
      window_rows(from, y, made, ring + y % ringRows * first.dstRow);
    }

    for (ptrdiff_t j = j0; j < j0 + rows; j++) {
      ptrdiff_t ty0, ty1;
      inside_taps(&deep, j, &ty0, &ty1);
      const float *source[SLIDE_ROWS];
      for (ptrdiff_t ty = ty0; ty < ty1; ty++) source[ty - ty0] = ring + (j * deep.mulY + deep.addY + ty) % ringRows * first.dstRow;
      for (ptrdiff_t piece = 0; piece < pieces; piece++) {
        const ptrdiff_t i0 = share(deep.outW, (int)piece, (int)pieces), i1 = share(deep.outW, (int)piece + 1, (int)pieces);
        slide_pixels(&deep, slide, source, max_(0, ty1 - ty0), deep.weights + ty0 * deep.tapsX * ldw, ldw,
                     deep.end.bias ? deep.end.bias : zero_row, NULL, i0, i1 - i0, channels, band + (j - j0) * deep.dstRow + i0 * channels);
      }
    }
    to.addY = -j0; // row j0 of the result reads the first of the band
    window_rows(to, j0, j0 + rows, to.dst + j0 * to.dstRow);
  }
}
