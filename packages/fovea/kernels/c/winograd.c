// Winograd convolution, 3×3 and 5×5 with stride 1 (winograd.h): forward, and the input gradient as the convolution that it is.
//
// Tiles go through three steps: transform the input into V, multiply each plane of V by that plane of the transformed
// weights into M (the GEMM of tiles.h), transform M back and finish with bias, residual and activation.
//  * Few weights (winograd): all three steps for some 28 tiles at a time, so that V and M stay in the L2 cache. Each
//    thread has its own part of the scratch memory.
//  * Many weights (winograd_input, winograd_multiply, winograd_output): three commands for a block of some 100 tiles. All
//    threads work on one plane after another, so that the weights are read once, and by one of them only.
// Expected, as equivalent of the direct algorithm's multiply–adds: 2.6–3.4 times the peak for m = 4, 1.7–2 times for m = 2.
#include "transpose.h"
#include "winograd.h"

// V[plane] · U[plane] → M[plane]
typedef struct {
  const float *v, *u;
  float *m;
  ptrdiff_t rows, depth, out, ldv, ldm, vPlane, uPlane, mPlane;
} Products;

INLINE ptrdiff_t weight_plane(ptrdiff_t columns, ptrdiff_t depth) { return round_up(columns, VL) * depth + PLANE_GAP; }
INLINE ptrdiff_t row_pieces(const Products *s) { return ceil_div(s->rows, tile_rows(panel(s->out, 0).vectors)); }
INLINE ptrdiff_t product_count(const Products *s, int planes) { return planes * panel_count(s->out) * row_pieces(s); }

#define STRIP_ROWS 128 // at once

// Register tiles [from, to) in the order plane → panel → piece of rows.
static void multiply(const Products *s, ptrdiff_t from, ptrdiff_t to) {
  const ptrdiff_t pieces = row_pieces(s), panels = panel_count(s->out);
  for (ptrdiff_t i = from, next; i < to; i = next) {
    const ptrdiff_t piece = i % pieces, b = i / pieces % panels, e = i / pieces / panels;
    const Panel q = panel(s->out, b);
    const ptrdiff_t r0 = tile_start(s->rows, piece, pieces), height = tile_start(s->rows, piece + 1, pieces) - r0;
    next = min_(to, i + min_(strip_end(s->rows, piece, pieces) - piece, STRIP_ROWS / MAX_ROWS));
    const float *rows[STRIP_ROWS], *v = s->v + e * s->vPlane + r0 * s->ldv;
    for (ptrdiff_t r = 0; r < (next - i) * height; r++) rows[r] = v + r * s->ldv;
    const float *u = s->u + e * s->uPlane + q.first * s->depth;
    float *m = s->m + e * s->mPlane + r0 * s->ldm + q.first;
    row_strips[q.vectors - 1][height - 1](next - i, s->depth, rows, u, zero_row, NULL, m, s->ldm, NULL);
  }
}

// One vector of channels of a tile: Aᵀ m A, then into the ny × nx pixels that are inside the map.
INLINE void output_patch(const int m, const Maps *s, const float *planes, ptrdiff_t plane, const Epilogue *end, float *y, ptrdiff_t at,
                         ptrdiff_t k, ptrdiff_t ny, ptrdiff_t nx, int lanes) {
  const int a = points_of(m), step = outputs_of(m);
  vf columns[24], bias = {0};
  if (end->bias) bias = lanes == VL ? ld(end->bias + k) : ld_tail(end->bias + k, lanes);
  UNROLL for (int j = 0; j < a; j++) {
    vf d[6];
    UNROLL for (int i = 0; i < a; i++) d[i] = ld(planes + (i * a + j) * plane);
    output_1d(m, d, 1, columns + j, a);
  }
  UNROLL for (int i = 0; i < step; i++) {
    if (i >= ny) break;
    vf o[4];
    output_1d(m, columns + i * a, 1, o, 1);
    UNROLL for (int j = 0; j < step; j++) {
      if (j >= nx) break;
      const ptrdiff_t to = at + (i * s->ow + j) * s->oc;
      vf sum = o[j] + bias;
      if (end->residual) sum += lanes == VL ? ld(end->residual + to) : ld_tail(end->residual + to, lanes);
      sum = activate(end, sum);
      if (lanes == VL) st(y + to, sum);
      else st_tail(y + to, sum, lanes);
    }
  }
}

INLINE void transform_output_m(const int m, const Maps *s, const float *planes, ptrdiff_t plane, ptrdiff_t from, ptrdiff_t to,
                               const Epilogue *end, float *y) {
  for (ptrdiff_t tile = from; tile < to; tile++, planes += s->outLanes) {
    const Corner c = tile_corner(s, tile);
    const ptrdiff_t at = ((c.n * s->oh + c.y) * s->ow + c.x) * s->oc, ny = min_(s->step, s->oh - c.y), nx = min_(s->step, s->ow - c.x);
    ptrdiff_t k = 0;
    for (; k + VL <= s->oc; k += VL) output_patch(m, s, planes + k, plane, end, y, at + k, k, ny, nx, VL);
    if (k < s->oc) output_patch(m, s, planes + k, plane, end, y, at + k, k, ny, nx, (int)(s->oc - k));
  }
}

static void transform_output(const Maps *s, const float *planes, ptrdiff_t plane, ptrdiff_t from, ptrdiff_t to,
                             const Epilogue *end, float *y) {
  if (s->m == 4) transform_output_m(4, s, planes, plane, from, to, end, y);
  else if (s->m == FIVE) transform_output_m(FIVE, s, planes, plane, from, to, end, y);
  else transform_output_m(2, s, planes, plane, from, to, end, y);
}

#define PRIVATE_TILES 28 // at once for one thread

// buf: x [N, H, W, C], transformed weights (winograd_pack), bias [OC] (flag 1), residual [N, OH, OW, OC] (flag 4),
//      scratch [tiles][a²][row of V + row of M + 2·PLANE_GAP], y [N, OH, OW, OC]
// p: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 padTop, 8 padLeft, 9 m, 10 flags (epilogue.h), 11 lo, 12 hi (floats),
//    13 tiles that the scratch memory is for
KERNEL(winograd) {
  const Maps s = winograd_maps(p);
  const Epilogue end = epilogue(p[10], p + 11, buf[2], buf[3]);
  const ptrdiff_t room = min_(PRIVATE_TILES, p[13] / part.threads), room0 = part.thread * room;
  const ptrdiff_t t0 = begin_of(s.tiles, part), mine = end_of(s.tiles, part) - t0, blocks = ceil_div(mine, room);
  float *v = (float *)buf[4] + room0 * s.planes * (s.inLanes + s.outLanes + 2 * PLANE_GAP);
  Products products = {.v = v, .u = buf[1], .depth = s.c, .out = s.oc, .ldv = s.inLanes, .ldm = s.outLanes, .vPlane = room * s.inLanes + PLANE_GAP,
                       .uPlane = weight_plane(s.oc, s.c), .mPlane = room * s.outLanes + PLANE_GAP};
  products.m = v + s.planes * products.vPlane;
  for (ptrdiff_t b = 0; b < blocks; b++) {
    const ptrdiff_t from = t0 + share(mine, (int)b, (int)blocks), to = t0 + share(mine, (int)b + 1, (int)blocks);
    products.rows = to - from;
    transform_input(&s, buf[0], from, to, v, products.vPlane);
    multiply(&products, 0, product_count(&products, s.planes));
    transform_output(&s, products.m, products.mPlane, from, to, &end, buf[5]);
  }
}

// The three steps for `count` tiles from tile `first` on.
// p: 0–9 as winograd, 10 first, 11 count

// buf: x, V [a²][count rows + PLANE_GAP]
KERNEL(winograd_input) {
  const Maps s = winograd_maps(p);
  const ptrdiff_t from = begin_of(p[11], part), to = end_of(p[11], part);
  transform_input(&s, buf[0], p[10] + from, p[10] + to, (float *)buf[1] + from * s.inLanes, p[11] * s.inLanes + PLANE_GAP);
}

// buf: V, transformed weights, M [a²][count rows + PLANE_GAP]
KERNEL(winograd_multiply) {
  const Maps s = winograd_maps(p);
  const Products products = {.v = buf[0], .u = buf[1], .m = buf[2], .rows = p[11], .depth = s.c, .out = s.oc,
                             .ldv = s.inLanes, .ldm = s.outLanes, .vPlane = p[11] * s.inLanes + PLANE_GAP,
                             .uPlane = weight_plane(s.oc, s.c), .mPlane = p[11] * s.outLanes + PLANE_GAP};
  const ptrdiff_t count = product_count(&products, s.planes);
  multiply(&products, begin_of(count, part), end_of(count, part));
}

// buf: M, bias, residual, y. p: as above, 12 flags, 13 lo, 14 hi
KERNEL(winograd_output) {
  const Maps s = winograd_maps(p);
  const Epilogue end = epilogue(p[12], p + 13, buf[1], buf[2]);
  const ptrdiff_t from = begin_of(p[11], part), to = end_of(p[11], part);
  transform_output(&s, (const float *)buf[0] + from * s.outLanes, p[11] * s.outLanes + PLANE_GAP, p[10] + from, p[10] + to, &end, buf[3]);
}

#define PACK_DEPTH 16 // input channels of one piece of work

// The nine taps of `width` channels that lie `lane` floats apart, one channel per lane; reversed for the input gradient.
INLINE void load_taps(const float *w, ptrdiff_t lane, ptrdiff_t width, int reversed, vf taps[9]) {
  float rows[9][VL] __attribute__((aligned(VB)));
  ptrdiff_t l = 0;
  for (; l + 4 <= min_(width, VL); l += 4) {
    v4 v[4];
    UNROLL for (int half = 0; half < 8; half += 4) {
      transpose4(w + l * lane + half, lane, v);
      UNROLL for (int t = 0; t < 4; t++) st4(rows[half + t] + l, v[t]);
    }
    UNROLL for (int i = 0; i < 4; i++) rows[8][l + i] = w[(l + i) * lane + 8];
  }
  for (; l < VL; l++)
    for (int t = 0; t < 9; t++) rows[t][l] = l < width ? w[l * lane + t] : 0;
  UNROLL for (int t = 0; t < 9; t++) taps[t] = ld(rows[reversed ? 8 - t : t]);
}

// The same of any number of taps, one by one.
INLINE void gather_taps(const float *w, ptrdiff_t lane, ptrdiff_t width, int reversed, const int count, vf *taps) {
  for (int t = 0; t < count; t++) {
    float lanes[VL] = {0};
    for (ptrdiff_t l = 0; l < min_(width, VL); l++) lanes[l] = w[l * lane + (reversed ? count - 1 - t : t)];
    taps[t] = ld(lanes);
  }
}

// G g Gᵀ of one vector of channels into the planes.
INLINE void weight_patch(const int m, const vf *taps, const float *scale, float *u, ptrdiff_t plane) {
  const int a = points_of(m), r = taps_of(m);
  vf columns[30];
  UNROLL for (int j = 0; j < r; j++) weight_1d(m, taps + j, r, columns + j, r);
  UNROLL for (int i = 0; i < a; i++) {
    vf o[6];
    weight_1d(m, columns + i * r, 1, o, 1);
    UNROLL for (int j = 0; j < a; j++) st(u + (i * a + j) * plane, o[j] * scale[i * a + j]);
  }
}

// Transformed weights as panels: [plane][panel][depth][NB], PLANE_GAP behind each plane. Forward: panels over OC, depth IC. Input gradient: panels over
// IC, depth OC, and the taps rotated by half a turn. Fractions are applied once, as products of two rounded to float:
// the error of a transformed weight stays below 3 ulp of the sum of its taps' absolute values.
// buf: w [OC, IC, 3, 3] or [OC, IC, 5, 5], packed. p: 0 OC, 1 IC, 2 m, 3 input gradient
KERNEL(winograd_pack) {
  const int m = p[2], a = points_of(m), all = taps_of(m) * taps_of(m), reversed = p[3];
  const ptrdiff_t columns = p[3] ? p[1] : p[0], depth = p[3] ? p[0] : p[1];
  const ptrdiff_t lane = p[3] ? all : (ptrdiff_t)p[1] * all, step = p[3] ? (ptrdiff_t)p[1] * all : all;
  const ptrdiff_t chunks = ceil_div(depth, PACK_DEPTH), units = panel_count(columns) * chunks, plane = weight_plane(columns, depth);
  const double *fractions = m == 2 ? weight_scale2 : weight_scale4;
  float scale[36];
  for (int i = 0; i < a; i++)
    for (int j = 0; j < a; j++) scale[i * a + j] = (float)(fractions[i] * fractions[j]);
  for (ptrdiff_t i = begin_of(units, part); i < end_of(units, part); i++) {
    const Panel q = panel(columns, i / chunks);
    const ptrdiff_t k0 = i % chunks * PACK_DEPTH, nb = q.vectors * VL;
    for (ptrdiff_t k = k0; k < min_(depth, k0 + PACK_DEPTH); k++)
      for (ptrdiff_t l = 0; l < nb; l += VL) { // whole lines: planes are many streams at once
        const float *w = (const float *)buf[0] + (q.first + l) * lane + k * step;
        float *u = (float *)buf[1] + q.first * depth + k * nb + l;
        vf taps[25];
        if (m == FIVE) gather_taps(w, lane, q.width - l, reversed, 25, taps);
        else load_taps(w, lane, q.width - l, reversed, taps);
        if (m == FIVE) weight_patch(FIVE, taps, scale, u, plane);
        else if (m == 4) weight_patch(4, taps, scale, u, plane);
        else weight_patch(2, taps, scale, u, plane);
      }
  }
}
