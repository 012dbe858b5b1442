// Winograd convolution with a kernel of 1×7 or 7×1 and stride 1, along lines of pixels: F(3, 4) twice.
//
// A line is cut into tiles of 3 outputs. Six inputs from 3t on, transformed once, serve tile t with taps 0…3 and tile t − 1 with
// taps 4…6, for those meet them 3 pixels further: 12 products per pair of channels instead of 21.
//   y(t) = Aᵀ [ U₀ ⊙ V(t) + U₁ ⊙ V(t + 1) ],  V = Bᵀ d with the points of winograd.h
// The two products are two taps of one register tile, so that M holds their sum. Some 40 tiles go through the three steps at a
// time; V and M stay in the L2 cache. Expected: 1.4–1.5 times the peak, as equivalent of the direct algorithm.
#include "winograd.h"

#define LINE_STEP 3   // outputs of a tile
#define LINE_POINTS 6 // inputs of a tile, and planes
#define LINE_TILES 40 // at once for one thread

typedef struct {
  ptrdiff_t h, w, c, oh, ow, oc, padTop, padLeft;
  ptrdiff_t across, length, tiles; // lines of a picture, outputs of a line, tiles of a line
  ptrdiff_t inLanes, outLanes;
  int vertical;
} Lines;

static Lines line_maps(const int32_t *p) {
  Lines s = {.h = p[1], .w = p[2], .c = p[3], .oh = p[4], .ow = p[5], .oc = p[6], .padTop = p[7], .padLeft = p[8], .vertical = p[9]};
  s.across = s.vertical ? s.ow : s.oh;
  s.length = s.vertical ? s.oh : s.ow;
  s.tiles = ceil_div(s.length, LINE_STEP);
  s.inLanes = round_up(s.c, VL);
  s.outLanes = round_up(s.oc, VL);
  return s;
}

INLINE void line_patch(const float *const *rows, ptrdiff_t k, int lanes, float *v, ptrdiff_t plane) {
  vf d[LINE_POINTS], o[LINE_POINTS];
  UNROLL for (int i = 0; i < LINE_POINTS; i++) d[i] = lanes == VL ? ld(rows[i] + k) : ld_tail(rows[i] + k, lanes);
  input_1d(4, d, 1, o, 1);
  UNROLL for (int i = 0; i < LINE_POINTS; i++) st(v + i * plane, o[i]);
}

// The six inputs from 3t on of a line, transformed.
static void line_input(const Lines *s, const float *x, ptrdiff_t line, ptrdiff_t t, float *v, ptrdiff_t plane) {
  const ptrdiff_t n = line / s->across, other = line % s->across;
  const float *rows[LINE_POINTS];
  for (int i = 0; i < LINE_POINTS; i++) {
    const ptrdiff_t at = t * LINE_STEP + i, py = (s->vertical ? at : other) - s->padTop, px = (s->vertical ? other : at) - s->padLeft;
    const int inside = (size_t)py < (size_t)s->h && (size_t)px < (size_t)s->w;
    rows[i] = inside ? x + ((n * s->h + py) * s->w + px) * s->c : zero_row;
  }
  ptrdiff_t k = 0;
  for (; k + VL <= s->c; k += VL) line_patch(rows, k, VL, v + k, plane);
  if (k < s->c) line_patch(rows, k, (int)(s->c - k), v + k, plane);
}

INLINE void line_outputs(const float *m, ptrdiff_t plane, const Epilogue *end, ptrdiff_t k, float *y, ptrdiff_t at, ptrdiff_t step,
                         ptrdiff_t count, int lanes) {
  vf d[LINE_POINTS], o[LINE_STEP], bias = {0};
  UNROLL for (int i = 0; i < LINE_POINTS; i++) d[i] = ld(m + i * plane);
  taps_1d(d, 1, o, 1);
  if (end->bias) bias = lanes == VL ? ld(end->bias + k) : ld_tail(end->bias + k, lanes);
  UNROLL for (int i = 0; i < LINE_STEP; i++) {
    if (i >= count) break;
    const ptrdiff_t to = at + i * step;
    vf sum = o[i] + bias;
    if (end->residual) sum += lanes == VL ? ld(end->residual + to) : ld_tail(end->residual + to, lanes);
    sum = activate(end, sum);
    if (lanes == VL) st(y + to, sum);
    else st_tail(y + to, sum, lanes);
  }
}

// The outputs of a tile from its sums.
static void line_output(const Lines *s, const float *m, ptrdiff_t plane, ptrdiff_t line, ptrdiff_t t, const Epilogue *end, float *y) {
  const ptrdiff_t n = line / s->across, other = line % s->across, first = t * LINE_STEP, count = min_(LINE_STEP, s->length - first);
  const ptrdiff_t py = s->vertical ? first : other, px = s->vertical ? other : first;
  const ptrdiff_t at = ((n * s->oh + py) * s->ow + px) * s->oc, step = (s->vertical ? s->ow : 1) * s->oc;
  ptrdiff_t k = 0;
  for (; k + VL <= s->oc; k += VL) line_outputs(m + k, plane, end, k, y, at + k, step, count, VL);
  if (k < s->oc) line_outputs(m + k, plane, end, k, y, at + k, step, count, (int)(s->oc - k));
}

// buf: x [N, H, W, C], transformed weights (winograd_line_pack), bias [OC] (flag 1), residual [N, OH, OW, OC] (flag 4),
//      scratch [tiles][6][2·roundUp(C, VL) + roundUp(OC, VL) + 2·PLANE_GAP], y [N, OH, OW, OC]
// p: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 padTop, 8 padLeft, 9 vertical, 10 flags (epilogue.h), 11 lo, 12 hi (floats),
//    13 tiles that the scratch memory is for
KERNEL(winograd_line) {
  const Lines s = line_maps(p);
  const Epilogue end = epilogue(p[10], p + 11, buf[2], buf[3]);
  const ptrdiff_t room = min_(LINE_TILES, p[13] / part.threads), room0 = part.thread * room;
  const ptrdiff_t all = p[0] * s.across * s.tiles, t0 = begin_of(all, part), mine = end_of(all, part) - t0;
  const ptrdiff_t blocks = ceil_div(mine, room), vPlane = 2 * room * s.inLanes + PLANE_GAP, mPlane = room * s.outLanes + PLANE_GAP;
  float *v = (float *)buf[4] + room0 * LINE_POINTS * (2 * s.inLanes + s.outLanes + 2 * PLANE_GAP), *m = v + LINE_POINTS * vPlane;
  const ptrdiff_t maxRows = tile_rows(panel(s.oc, 0).vectors);
  for (ptrdiff_t b = 0; b < blocks; b++) {
    const ptrdiff_t from = t0 + share(mine, (int)b, (int)blocks), to = t0 + share(mine, (int)b + 1, (int)blocks);
    // Tile `from + j` reads the rows first[j] and first[j] + 1 of V; tiles that follow each other on a line share one.
    ptrdiff_t first[LINE_TILES], rows = 0;
    for (ptrdiff_t i = from; i < to; i++) {
      const ptrdiff_t line = i / s.tiles, t = i % s.tiles;
      if (i == from || t == 0) line_input(&s, buf[0], line, t, v + rows++ * s.inLanes, vPlane);
      line_input(&s, buf[0], line, t + 1, v + rows++ * s.inLanes, vPlane);
      first[i - from] = rows - 2;
    }
    const ptrdiff_t pieces = ceil_div(to - from, maxRows);
    for (ptrdiff_t e = 0; e < LINE_POINTS; e++)
      for (ptrdiff_t k = 0; k < panel_count(s.oc); k++) {
        const Panel q = panel(s.oc, k);
        const float *u = (const float *)buf[1] + (e * s.outLanes + q.first) * 2 * s.c;
        for (ptrdiff_t piece = 0; piece < pieces; piece++) {
          const ptrdiff_t r0 = share(to - from, (int)piece, (int)pieces), count = share(to - from, (int)piece + 1, (int)pieces) - r0;
          const float *table[2 * MAX_ROWS];
          for (ptrdiff_t r = 0; r < count; r++) {
            table[r] = v + e * vPlane + first[r0 + r] * s.inLanes;
            table[count + r] = table[r] + s.inLanes;
          }
          row_tiles[q.vectors - 1][count - 1](2, s.c, table, u, zero_row, NULL, 0, m + e * mPlane + r0 * s.outLanes + q.first,
                                              s.outLanes, NULL);
        }
      }
    for (ptrdiff_t i = from; i < to; i++)
      line_output(&s, m + (i - from) * s.outLanes, mPlane, i / s.tiles, i % s.tiles, &end, buf[5]);
  }
}

// Transformed weights as panels: [plane][panel][taps 0…3, taps 4…6][IC][NB].
// buf: w [OC, IC, 7], packed. p: 0 OC, 1 IC
KERNEL(winograd_line_pack) {
  const ptrdiff_t out = p[0], in = p[1], vectors = ceil_div(out, VL), plane = round_up(out, VL) * 2 * in;
  for (ptrdiff_t i = begin_of(vectors, part); i < end_of(vectors, part); i++) {
    const ptrdiff_t first = i * VL, width = min_(VL, out - first);
    const Panel q = panel(out, first / BLOCK);
    const ptrdiff_t nb = q.vectors * VL;
    float *u = (float *)buf[1] + q.first * 2 * in + first - q.first;
    for (ptrdiff_t k = 0; k < in; k++) {
      float lanes[8][VL] = {{0}}; // tap 4 is the first of the second half, which begins one tap early with nothing
      for (ptrdiff_t l = 0; l < width; l++)
        for (int t = 0; t < 7; t++) lanes[t < 4 ? t : t + 1][l] = ((const float *)buf[0])[((first + l) * in + k) * 7 + t];
      for (int half = 0; half < 2; half++) {
        vf g[4], o[LINE_POINTS];
        for (int t = 0; t < 4; t++) g[t] = ld(lanes[half * 4 + t]);
        gradient_1d(g, 1, o, 1);
        for (int e = 0; e < LINE_POINTS; e++) st(u + e * plane + (half * in + k) * nb, o[e] * (float)weight_scale4[e]);
      }
    }
  }
}
