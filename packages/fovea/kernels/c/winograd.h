// Winograd's minimal filtering for 3×3 and 5×5 kernels with stride 1: the transforms, and which pixels a tile covers.
//
// A map is cut into m×m output tiles (m = 4 or 2). Each reads a patch of a×a input pixels, a = m + 2, and costs a² products
// per pair of channels instead of 9·m²: 4 times less for m = 4, 2.25 times for m = 2.
// 5×5 kernels take the patches of m = 4 for 2×2 output pixels (FIVE), 36 products instead of 100.
//   y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A,   with the points 0, ±5/8, ±3/2, ∞ for m = 4 and 0, ±1, ∞ for m = 2
// (Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). The weight gradient is the
// same algorithm with the roles of y and g exchanged: F(3×3, 4×4), the transposed Aᵀ and G of one degree more.
//
// Each transform is one-dimensional, applied to the columns and then to the rows of a patch, on one vector of channels.
// Transformed values lie in a² planes: plane e of V is the matrix [tile][channel] of a small GEMM. Planes are one
// cache line apart, else their stride aliases in L1.
#pragma once
#include "tiles.h"

#define PLANE_GAP 16   // floats between planes: one line
#define ALIASING 256   // rows a multiple of so many floats apart share a few sets of the caches

// The points of m = 4. With the usual ±1, ±2 the largest error is three to four times that of these, whose powers are
// floats too (Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural
// Networks", 2020, is about the choice).
#define P1 0.625f
#define P2 1.5f

// What p[9] says: m for 3×3 kernels, or this.
#define FIVE 5
INLINE int points_of(int m) { return m == 2 ? 4 : 6; }
INLINE int outputs_of(int m) { return m == FIVE ? 2 : m; }
INLINE int taps_of(int m) { return m == FIVE ? 5 : 3; }

// Bᵀ: a values → a values. `s` and `t` are the strides of d and o, here and below.
INLINE void input_1d(const int m, const vf *d, int s, vf *o, int t) {
  if (m == 2) {
    o[0] = d[0] - d[2 * s];
    o[t] = d[s] + d[2 * s];
    o[2 * t] = d[2 * s] - d[s];
    o[3 * t] = d[s] - d[3 * s];
    return;
  }
  const vf a = d[4 * s] - d[2 * s] * (P2 * P2), b = d[3 * s] - d[s] * (P2 * P2);
  const vf c = d[4 * s] - d[2 * s] * (P1 * P1), e = d[3 * s] - d[s] * (P1 * P1);
  o[0] = d[0] * (P1 * P1 * P2 * P2) - d[2 * s] * (P1 * P1 + P2 * P2) + d[4 * s];
  o[t] = a + b * P1;
  o[2 * t] = a - b * P1;
  o[3 * t] = c + e * P2;
  o[4 * t] = c - e * P2;
  o[5 * t] = d[s] * (P1 * P1 * P2 * P2) - d[3 * s] * (P1 * P1 + P2 * P2) + d[5 * s];
}

// Aᵀ: a values → m values.
INLINE void output_1d(const int m, const vf *d, int s, vf *o, int t) {
  const vf a = d[s] + d[2 * s], b = d[s] - d[2 * s];
  if (m == 2) {
    o[0] = d[0] + a;
    o[t] = b - d[3 * s];
    return;
  }
  const vf c = d[3 * s] + d[4 * s], e = d[3 * s] - d[4 * s];
  o[0] = d[0] + a + c;
  o[t] = b * P1 + e * P2;
  if (m == FIVE) {
    o[t] += d[5 * s];
    return;
  }
  o[2 * t] = a * (P1 * P1) + c * (P2 * P2);
  o[3 * t] = b * (P1 * P1 * P1) + e * (P2 * P2 * P2) + d[5 * s];
}

// G without its fractions, which weight_scale holds: 3 (or 5) values → a values.
INLINE void weight_1d(const int m, const vf *g, int s, vf *o, int t) {
  o[0] = g[0];
  if (m == 2) {
    const vf even = g[0] + g[2 * s];
    o[t] = even + g[s];
    o[2 * t] = even - g[s];
    o[3 * t] = g[2 * s];
    return;
  }
  vf near = g[0] + g[2 * s] * (P1 * P1), far = g[0] + g[2 * s] * (P2 * P2);
  if (m == FIVE) {
    const vf n = g[s] * P1 + g[3 * s] * (P1 * P1 * P1), f = g[s] * P2 + g[3 * s] * (P2 * P2 * P2);
    near += g[4 * s] * (P1 * P1 * P1 * P1);
    far += g[4 * s] * (P2 * P2 * P2 * P2);
    o[t] = near + n;
    o[2 * t] = near - n;
    o[3 * t] = far + f;
    o[4 * t] = far - f;
    o[5 * t] = g[4 * s];
    return;
  }
  o[t] = near + g[s] * P1;
  o[2 * t] = near - g[s] * P1;
  o[3 * t] = far + g[s] * P2;
  o[4 * t] = far - g[s] * P2;
  o[5 * t] = g[2 * s];
}
// 1 / Π (point − other point) over the finite points.
#define FRACTION1 (1 / (2.0 * P1 * P1 * (P1 * P1 - P2 * P2)))
#define FRACTION2 (1 / (2.0 * P2 * P2 * (P2 * P2 - P1 * P1)))
static const double weight_scale4[6] = {1 / (1.0 * P1 * P1 * P2 * P2), FRACTION1, FRACTION1, FRACTION2, FRACTION2, 1};
static const double weight_scale2[4] = {1, 1 / 2.0, 1 / 2.0, 1};

// For the weight gradient, dY takes the place of the weights: 4 values → 6 values, fractions as weight_scale4.
INLINE void gradient_1d(const vf *g, int s, vf *o, int t) {
  const vf a = g[0] + g[2 * s] * (P1 * P1), b = g[s] * P1 + g[3 * s] * (P1 * P1 * P1);
  const vf c = g[0] + g[2 * s] * (P2 * P2), e = g[s] * P2 + g[3 * s] * (P2 * P2 * P2);
  o[0] = g[0];
  o[t] = a + b;
  o[2 * t] = a - b;
  o[3 * t] = c + e;
  o[4 * t] = c - e;
  o[5 * t] = g[3 * s];
}

// … and the three taps of dW the place of the output: 6 values → 3 values.
INLINE void taps_1d(const vf *d, int s, vf *o, int t) {
  const vf a = d[s] + d[2 * s], b = d[s] - d[2 * s], c = d[3 * s] + d[4 * s], e = d[3 * s] - d[4 * s];
  o[0] = d[0] + a + c;
  o[t] = b * P1 + e * P2;
  o[2 * t] = a * (P1 * P1) + c * (P2 * P2) + d[5 * s];
}

// The maps of one convolution, the same parameters for every kernel here.
// p: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 padTop, 8 padLeft, 9 m
typedef struct {
  ptrdiff_t n, h, w, c, oh, ow, oc, padTop, padLeft, tilesY, tilesX, tiles;
  ptrdiff_t inLanes, outLanes; // the row lengths of V and M: channels as whole vectors, and a line more where rows would alias
  int m, step, planes; // output pixels of a tile along each axis
} Maps;

INLINE ptrdiff_t plane_row(ptrdiff_t channels) {
  const ptrdiff_t lanes = round_up(channels, VL);
  return lanes % ALIASING == 0 ? lanes + PLANE_GAP : lanes;
}

static Maps winograd_maps(const int32_t *p) {
  Maps s = {.n = p[0], .h = p[1], .w = p[2], .c = p[3], .oh = p[4], .ow = p[5], .oc = p[6], .padTop = p[7], .padLeft = p[8],
            .m = p[9], .step = outputs_of(p[9]), .planes = points_of(p[9]) * points_of(p[9])};
  s.tilesY = ceil_div(s.oh, s.step);
  s.tilesX = ceil_div(s.ow, s.step);
  s.tiles = s.n * s.tilesY * s.tilesX;
  s.inLanes = plane_row(s.c);
  s.outLanes = plane_row(s.oc);
  return s;
}

// First output pixel of a tile.
typedef struct {
  ptrdiff_t n, y, x;
} Corner;
INLINE Corner tile_corner(const Maps *s, ptrdiff_t tile) {
  const ptrdiff_t row = tile / s->tilesX;
  return (Corner){row / s->tilesY, row % s->tilesY * s->step, tile % s->tilesX * s->step};
}

// Pointers to the size × size pixels from (y, x) on of a map [H, W, C]; those outside of it are the row of zeros.
INLINE void patch_rows(const int size, const float *image, ptrdiff_t h, ptrdiff_t w, ptrdiff_t c, ptrdiff_t y, ptrdiff_t x,
                       const float **rows) {
  for (int i = 0; i < size; i++)
    for (int j = 0; j < size; j++) {
      const int inside = (size_t)(y + i) < (size_t)h && (size_t)(x + j) < (size_t)w;
      rows[i * size + j] = inside ? image + ((y + i) * w + x + j) * c : zero_row;
    }
}

// One vector of channels of a patch: Bᵀ d B into the planes. `lanes`: how many channels there are, VL or fewer.
INLINE void input_patch(const int m, const float *const *rows, ptrdiff_t k, int lanes, float *v, ptrdiff_t plane) {
  const int a = points_of(m);
  vf columns[36];
  UNROLL for (int j = 0; j < a; j++) {
    vf d[6];
    UNROLL for (int i = 0; i < a; i++) d[i] = lanes == VL ? ld(rows[i * a + j] + k) : ld_tail(rows[i * a + j] + k, lanes);
    input_1d(m, d, 1, columns + j, a);
  }
  UNROLL for (int i = 0; i < a; i++) {
    vf o[6];
    input_1d(m, columns + i * a, 1, o, 1);
    UNROLL for (int j = 0; j < a; j++) st(v + (i * a + j) * plane, o[j]);
  }
}

INLINE void transform_input_m(const int m, const Maps *s, const float *x, ptrdiff_t from, ptrdiff_t to, float *v, ptrdiff_t plane) {
  for (ptrdiff_t tile = from; tile < to; tile++, v += s->inLanes) {
    const Corner at = tile_corner(s, tile);
    const float *rows[36];
    patch_rows(points_of(m), x + at.n * s->h * s->w * s->c, s->h, s->w, s->c, at.y - s->padTop, at.x - s->padLeft, rows);
    ptrdiff_t k = 0;
    for (; k + VL <= s->c; k += VL) input_patch(m, rows, k, VL, v + k, plane);
    if (k < s->c) input_patch(m, rows, k, (int)(s->c - k), v + k, plane);
  }
}

// Tiles [from, to) of x into planes of rows [inLanes], the first row at v.
static void transform_input(const Maps *s, const float *x, ptrdiff_t from, ptrdiff_t to, float *v, ptrdiff_t plane) {
  if (s->m == 2) transform_input_m(2, s, x, from, to, v, plane);
  else transform_input_m(4, s, x, from, to, v, plane); // the same patches for FIVE
}
