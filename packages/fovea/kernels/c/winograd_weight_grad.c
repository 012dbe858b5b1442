// Gradient of a 3×3 convolution with stride 1 with respect to its weights, by Winograd's F(3×3, 4×4) (winograd.h).
//
// dW is a correlation of x with dY. Per tile of 4×4 pixels of dY and the 6×6 pixels of x that meet it, 36 products per
// pair of channels replace 144, and the transform back is done once for the sum over all tiles:
//   dW = Taps [ Σ over tiles (Bᵀ x B) ⊙ (gradient_1d of dY) ]
// Per block of some 100 tiles: x into planes (winograd_input, the forward pass's), dY into planes, and the sums plane by plane
// on the tiles of conv2d_weight_grad (sum_tile); in the end one pass makes dW of the sums. Every sum has a fixed order.
// Expected: 2–3 times the peak from 64 channels on, as equivalent of the direct algorithm.
#include "transpose.h"
#include "winograd.h"

// One vector of channels of a 4×4 patch of dY into the planes.
INLINE void gradient_patch(const float *const *rows, ptrdiff_t k, int lanes, const float *scale, float *d, ptrdiff_t plane) {
  vf columns[24];
  UNROLL for (int j = 0; j < 4; j++) {
    vf g[4];
    UNROLL for (int i = 0; i < 4; i++) g[i] = lanes == VL ? ld(rows[i * 4 + j] + k) : ld_tail(rows[i * 4 + j] + k, lanes);
    gradient_1d(g, 1, columns + j, 4);
  }
  UNROLL for (int i = 0; i < 6; i++) {
    vf o[6];
    gradient_1d(columns + i * 4, 1, o, 1);
    UNROLL for (int j = 0; j < 6; j++) st(d + (i * 6 + j) * plane, o[j] * scale[i * 6 + j]);
  }
}

// p: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 padTop, 8 padLeft, 9 m = 4, 10 first tile, 11 tiles

// buf: dY [N, OH, OW, OC], D [36][count rows + PLANE_GAP]
KERNEL(winograd_gradient) {
  const Maps s = winograd_maps(p);
  const ptrdiff_t from = begin_of(p[11], part), to = end_of(p[11], part), plane = p[11] * s.outLanes + PLANE_GAP;
  float scale[36], *d = (float *)buf[1] + from * s.outLanes;
  for (int i = 0; i < 36; i++) scale[i] = (float)(weight_scale4[i / 6] * weight_scale4[i % 6]);
  for (ptrdiff_t tile = p[10] + from; tile < p[10] + to; tile++, d += s.outLanes) {
    const Corner at = tile_corner(&s, tile);
    const float *rows[16];
    patch_rows(4, (const float *)buf[0] + at.n * s.oh * s.ow * s.oc, s.oh, s.ow, s.oc, at.y, at.x, rows);
    ptrdiff_t k = 0;
    for (; k + VL <= s.oc; k += VL) gradient_patch(rows, k, VL, scale, d + k, plane);
    if (k < s.oc) gradient_patch(rows, k, (int)(s.oc - k), scale, d + k, plane);
  }
}

// buf: V, D, sums [36][panel][C][NB], PLANE_GAP behind each plane. p: as above, 12 add to the sums of the blocks before
KERNEL(winograd_weight_sum) {
  const Maps s = winograd_maps(p);
  const ptrdiff_t maxRows = tile_rows(panel(s.oc, 0).vectors), pieces = ceil_div(s.c, maxRows), panels = panel_count(s.oc);
  const ptrdiff_t units = s.planes * panels * pieces, vPlane = p[11] * s.inLanes + PLANE_GAP, dPlane = p[11] * s.outLanes + PLANE_GAP;
  const Box box = {.images = 1, .rows = 1, .count = p[11], .aPixel = s.inLanes, .bPixel = s.outLanes};
  for (ptrdiff_t u = begin_of(units, part), to = end_of(units, part), next; u < to; u = next) {
    const ptrdiff_t piece = u % pieces, e = u / pieces / panels;
    const Panel q = panel(s.oc, u / pieces % panels);
    const ptrdiff_t i0 = tile_start(s.c, piece, pieces), height = tile_start(s.c, piece + 1, pieces) - i0, nb = q.vectors * VL;
    next = min_(to, u + strip_end(s.c, piece, pieces) - piece);
    const float *v = (const float *)buf[0] + e * vPlane + i0, *d = (const float *)buf[1] + e * dPlane + q.first;
    float *sums = (float *)buf[2] + e * (s.c * round_up(s.oc, VL) + PLANE_GAP) + q.first * s.c + i0 * nb;
    sum_strips[q.vectors - 1][height - 1](next - u, &box, v, height, d, sums, nb, p[12] ? TILE_ADD : 0);
  }
}

#define TAPS_DEPTH 8 // input channels of one piece of work, transposed in L1

// buf: sums, dW [OC, C, 3, 3]. p: 0 C, 1 OC
KERNEL(winograd_weight_output) {
  const ptrdiff_t in = p[0], out = p[1], plane = in * round_up(out, VL) + PLANE_GAP, depth = 9 * in;
  const ptrdiff_t chunks = ceil_div(in, TAPS_DEPTH), units = panel_count(out) * chunks;
  float taps[TAPS_DEPTH * 9 * BLOCK];
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const Panel q = panel(out, u / chunks);
    const ptrdiff_t nb = q.vectors * VL, i0 = u % chunks * TAPS_DEPTH, count = min_(TAPS_DEPTH, in - i0);
    for (ptrdiff_t i = 0; i < count; i++)
      for (ptrdiff_t l = 0; l < nb; l += VL) { // whole lines
        const float *sums = (const float *)buf[0] + q.first * in + (i0 + i) * nb + l;
        vf columns[18];
        UNROLL for (int j = 0; j < 6; j++) {
          vf d[6];
          UNROLL for (int k = 0; k < 6; k++) d[k] = ld(sums + (k * 6 + j) * plane);
          taps_1d(d, 1, columns + j, 6);
        }
        UNROLL for (int k = 0; k < 3; k++) {
          vf t[3];
          taps_1d(columns + k * 6, 1, t, 1);
          UNROLL for (int j = 0; j < 3; j++) st(taps + (i * 9 + k * 3 + j) * nb + l, t[j]);
        }
      }
    unpack_transposed(taps, nb, q.width, count * 9, (float *)buf[1] + q.first * depth + i0 * 9, depth);
  }
}
