// Max and average pooling over channels-last maps, vectors of channels, windows clipped at the borders.
//
// No index tensor is kept: backward finds the maximum again, with the forward pass's rule. The rule is PyTorch's: the first
// in scan order among equals, a NaN counts as larger than everything (of several NaNs the last).
// Gradients are added in scan order of the windows, one image (and channel range) at a time, so overlapping windows need no
// atomics and results do not depend on the number of parts. Where windows tile the input exactly, as in LeNet and VGG,
// gradients are stored instead of added; 2×2 windows are unrolled. Bound by memory, and by masked tails below VL channels.
#include "tiles.h"

// p of every pooling kernel: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 kH, 7 kW, 8 strideH, 9 strideW, 10 padTop, 11 padLeft,
// 12 dilationH, 13 dilationW, 14 padBottom, 15 padRight, 16 countIncludePad (14 … 16: average only)

// One axis of a window: `count` taps lie inside the input, the first at `at`, `step` apart.
typedef struct {
  ptrdiff_t at, count, step;
} Span;
INLINE Span span(ptrdiff_t o, ptrdiff_t size, ptrdiff_t kernel, ptrdiff_t stride, ptrdiff_t pad, ptrdiff_t dilation) {
  const ptrdiff_t from = o * stride - pad;
  ptrdiff_t t0 = 0, t1 = kernel;
  if (from < 0) t0 = ceil_div(-from, dilation);
  if (from + (kernel - 1) * dilation >= size) t1 = from < size ? ceil_div(size - from, dilation) : 0;
  return (Span){from + t0 * dilation, max_(0, t1 - t0), dilation};
}
#define SPAN_Y(o) span(o, p[1], p[6], p[8], p[10], p[12])
#define SPAN_X(o) span(o, p[2], p[7], p[9], p[11], p[13])

INLINE vf load_n(const float *p, const int full, int n) { return full ? ld(p) : ld_tail(p, n); }
INLINE void store_n(float *p, vf v, const int full, int n) {
  if (full) st(p, v);
  else st_tail(p, v, n);
}

// A clipped window: pixels rows × columns, distances in floats.
typedef struct {
  ptrdiff_t rows, columns, stepY, stepX;
} Window2d;

typedef struct {
  vf value;
  vi label;
} Maximum;

// The maximum from x on, and its pixel's label: first + row·labelY + column·labelX.
INLINE Maximum window_max(const float *x, Window2d w, int first, int labelY, int labelX, const int full, int n) {
  Maximum m = {splat(-__builtin_inff()), splati(first)};
  for (ptrdiff_t i = 0; i < w.rows; i++)
    for (ptrdiff_t j = 0; j < w.columns; j++) {
      const vf v = load_n(x + i * w.stepY + j * w.stepX, full, n);
      const vi larger = (v > m.value) | (v != v);
      m.value = select(larger, v, m.value);
      m.label = (vi)select(larger, (vf)splati(first + (int)i * labelY + (int)j * labelX), (vf)m.label);
    }
  return m;
}

// What to do with a window's maximum: write it; its index y·W + x; v at its place; or send g there, adding or storing.
enum { MAX_VALUE, MAX_INDEX, MAX_GATHER, MAX_ADD, MAX_STORE, AVERAGE_ADD, AVERAGE_STORE };

// x, v, dx: the window's first pixel at the vector's first channel; out, g: the output pixel there. c: floats per pixel.
INLINE void pool_vector(const int what, const float *x, const float *v, float *out, const float *g, float *dx, Window2d w,
                        int index, int dilationW, ptrdiff_t c, const int full, int n) {
  if (what == MAX_VALUE) {
    store_n(out, window_max(x, w, 0, 0, 0, full, n).value, full, n);
  } else if (what == MAX_INDEX) {
    store_n(out, (vf)window_max(x, w, index, (int)(w.stepY / c), dilationW, full, n).label, full, n);
  } else if (what == MAX_GATHER) {
    const vi place = window_max(x, w, 0, (int)w.columns, 1, full, n).label;
    vf y = {0};
    for (ptrdiff_t i = 0; i < w.rows; i++)
      for (ptrdiff_t j = 0; j < w.columns; j++)
        y = select(place == splati((int)(i * w.columns + j)), load_n(v + i * w.stepY + j * w.stepX, full, n), y);
    store_n(out, y, full, n);
  } else {
    const vf add = load_n(g, full, n);
    const vi place = window_max(x, w, 0, (int)w.columns, 1, full, n).label;
    for (ptrdiff_t i = 0; i < w.rows; i++)
      for (ptrdiff_t j = 0; j < w.columns; j++) {
        float *to = dx + i * w.stepY + j * w.stepX;
        vf d = select(place == splati((int)(i * w.columns + j)), add, (vf){0});
        if (what == MAX_ADD) d += load_n(to, full, n);
        store_n(to, d, full, n);
      }
  }
}

// g / divisor to every pixel of a window, added or stored: `vectors` vectors of n lanes.
INLINE void spread_over(const int what, const float *g, Window2d w, float divisor, float *dx, const int vectors, int n) {
  vf d[4];
  UNROLL for (int v = 0; v < vectors; v++) d[v] = load_n(g + v * VL, n == VL, n) / splat(divisor);
  for (ptrdiff_t i = 0; i < w.rows; i++)
    for (ptrdiff_t j = 0; j < w.columns; j++)
      UNROLL for (int v = 0; v < vectors; v++) {
        float *to = dx + i * w.stepY + j * w.stepX + v * VL;
        store_n(to, what == AVERAGE_ADD ? d[v] + load_n(to, n == VL, n) : d[v], n == VL, n);
      }
}

// The output rows r0 … r1 of one image, channels k0 … k1. x, v, dx: the image; out, g: its output map.
INLINE void pool_rows(const int what, const float *x, const float *v, float *out, const float *g, float *dx, ptrdiff_t r0,
                      ptrdiff_t r1, ptrdiff_t k0, ptrdiff_t k1, const int32_t *p) {
  const ptrdiff_t w = p[2], c = p[3], ow = p[5];
  for (ptrdiff_t r = r0; r < r1; r++) {
    const Span y = SPAN_Y(r);
    for (ptrdiff_t o = 0; o < ow; o++) {
      const Span s = SPAN_X(o);
      const ptrdiff_t at = (y.at * w + s.at) * c, to = (r * ow + o) * c;
      Window2d window = {y.count, s.count, y.step * w * c, s.step * c};
      float divisor = (float)max_(1, y.count * s.count);
      if (p[16]) {
        const ptrdiff_t y0 = r * p[8] - p[10], x0 = o * p[9] - p[11];
        divisor = (float)((min_(y0 + p[6], p[1] + p[14]) - y0) * (min_(x0 + p[7], w + p[15]) - x0));
      }
#define POOL_VECTOR(full)                                                                                              \
  pool_vector(what, x + at + k, v + at + k, out + to + k, g + to + k, dx + at + k, window, (int)(y.at * w + s.at),     \
              (int)s.step, c, full, (int)(k1 - k))
#define POOL_VECTORS                                \
  for (; k + VL <= k1; k += VL) POOL_VECTOR(1);     \
  if (k < k1) POOL_VECTOR(0);
      ptrdiff_t k = k0;
      if (what == AVERAGE_ADD || what == AVERAGE_STORE) {
        for (; k + 4 * VL <= k1; k += 4 * VL) spread_over(what, g + to + k, window, divisor, dx + at + k, 4, VL);
        for (; k < k1; k += VL) spread_over(what, g + to + k, window, divisor, dx + at + k, 1, (int)min_(VL, k1 - k));
      } else if (y.count == 2 && s.count == 2) {
        window.rows = window.columns = 2; // said again, for the compiler
        POOL_VECTORS
      } else if (y.count == 3 && s.count == 3) {
        window.rows = window.columns = 3;
        POOL_VECTORS
      } else {
        POOL_VECTORS
      }
#undef POOL_VECTORS
#undef POOL_VECTOR
    }
  }
}

// Forward kernels: parts share the output rows of all images.
INLINE void pool_forward(const int what, const float *x, const float *v, float *out, const int32_t *p, Part part) {
  const ptrdiff_t oh = p[4], image = (ptrdiff_t)p[1] * p[2] * p[3], map = oh * p[5] * p[3];
  const ptrdiff_t from = begin_of(p[0] * oh, part), to = end_of(p[0] * oh, part);
  for (ptrdiff_t n = from / oh; n * oh < to; n++)
    pool_rows(what, x + n * image, v + n * image, out + n * map, x, out, max_(0, from - n * oh), min_(oh, to - n * oh), 0, p[3], p);
}

// buf: x, y
KERNEL(max_pool2d) { pool_forward(MAX_VALUE, buf[0], buf[0], buf[1], p, part); }
// buf: x, indices (int32, y·W + x)
KERNEL(max_pool2d_indices) { pool_forward(MAX_INDEX, buf[0], buf[0], buf[1], p, part); }
// y = v at the place of the maximum of x: the adjoint of max_pool2d_grad. buf: x, v [N, H, W, C], y
KERNEL(max_pool2d_gather) { pool_forward(MAX_GATHER, buf[0], buf[1], buf[2], p, part); }

// Whether every input pixel lies in exactly one window: then gradients are stored, not added.
INLINE int tiled_exactly(const int32_t *p) {
  return p[6] == p[8] && p[7] == p[9] && !p[10] && !p[11] && p[12] == 1 && p[13] == 1 && p[4] * p[6] == p[1] && p[5] * p[7] == p[2];
}

// Backward kernels: parts share images × channel ranges of at least four vectors.
INLINE void pool_backward(const int what, const float *x, const float *g, float *dx, const int32_t *p, Part part) {
  const ptrdiff_t pixels = (ptrdiff_t)p[1] * p[2], c = p[3], map = (ptrdiff_t)p[4] * p[5] * c, vectors = ceil_div(c, VL);
  const ptrdiff_t ranges = max_(1, min_(ceil_div(16, p[0]), vectors / 4)), units = p[0] * ranges;
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t n = u / ranges;
    const int range = (int)(u % ranges);
    const ptrdiff_t k0 = share(vectors, range, (int)ranges) * VL, k1 = min_(c, share(vectors, range + 1, (int)ranges) * VL);
    float *to = dx + n * pixels * c;
    if (what == MAX_ADD || what == AVERAGE_ADD) {
      if (ranges == 1) __builtin_memset(to, 0, (size_t)(pixels * c) * 4);
      else for (ptrdiff_t q = 0; q < pixels; q++) __builtin_memset(to + q * c + k0, 0, (size_t)(k1 - k0) * 4);
    }
    const float *xn = what == MAX_ADD || what == MAX_STORE ? x + n * pixels * c : to;
    pool_rows(what, xn, xn, to, g + n * map, to, 0, p[4], k0, k1, p);
  }
}

// buf: x, g [N, OH, OW, C], dx [N, H, W, C]
KERNEL(max_pool2d_grad) {
  if (tiled_exactly(p)) pool_backward(MAX_STORE, buf[0], buf[1], buf[2], p, part);
  else pool_backward(MAX_ADD, buf[0], buf[1], buf[2], p, part);
}

// Sum of a window's pixels, `vectors` vectors of n lanes, divided.
INLINE void average_of(const float *x, Window2d w, float divisor, float *y, const int vectors, int n) {
  vf sum[4];
  UNROLL for (int v = 0; v < vectors; v++) sum[v] = (vf){0};
  for (ptrdiff_t i = 0; i < w.rows; i++)
    for (ptrdiff_t j = 0; j < w.columns; j++)
      UNROLL for (int v = 0; v < vectors; v++) sum[v] += load_n(x + i * w.stepY + j * w.stepX + v * VL, n == VL, n);
  UNROLL for (int v = 0; v < vectors; v++) store_n(y + v * VL, sum[v] / splat(divisor), n == VL, n);
}

// buf: g [N, OH, OW, C], dx [N, H, W, C]
KERNEL(avg_pool2d_grad) {
  if (tiled_exactly(p)) pool_backward(AVERAGE_STORE, NULL, buf[0], buf[1], p, part);
  else pool_backward(AVERAGE_ADD, NULL, buf[0], buf[1], p, part);
}

// buf: x, y
KERNEL(avg_pool2d) {
  const float *x = buf[0];
  const ptrdiff_t h = p[1], w = p[2], c = p[3], oh = p[4], ow = p[5], rows = p[0] * oh;
  for (ptrdiff_t r = begin_of(rows, part); r < end_of(rows, part); r++) {
    const Span y = SPAN_Y(r % oh);
    const float *xn = x + r / oh * h * w * c;
    for (ptrdiff_t o = 0; o < ow; o++) {
      const Span s = SPAN_X(o);
      float divisor = (float)max_(1, y.count * s.count);
      if (p[16]) {
        const ptrdiff_t y0 = r % oh * p[8] - p[10], x0 = o * p[9] - p[11];
        divisor = (float)((min_(y0 + p[6], h + p[14]) - y0) * (min_(x0 + p[7], w + p[15]) - x0));
      }
      const float *window = xn + (y.at * w + s.at) * c;
      float *to = (float *)buf[1] + (r * ow + o) * c;
      const Window2d clipped = {y.count, s.count, y.step * w * c, s.step * c};
      ptrdiff_t k = 0;
      for (; k + 4 * VL <= c; k += 4 * VL) average_of(window + k, clipped, divisor, to + k, 4, VL);
      for (; k < c; k += VL) average_of(window + k, clipped, divisor, to + k, 1, (int)min_(VL, c - k));
    }
  }
}
