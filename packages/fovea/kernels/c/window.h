// The indirect convolution shared by conv2d and its input gradient: implicit GEMM through row pointers.
//
// Output pixel (image, j, i) reads source pixel (j·mulY + addY + ty·stepY, i·mulX + addX + tx·stepX) for every tap
// (ty, tx). Rows of the GEMM are output pixels, found through one pointer per (tap, pixel); padding points at a row of
// zeros. The pointers are made here, per tile, on the stack: that costs taps·rows cheap steps against
// taps·rows·channels multiply–adds (2 % at 64 channels), needs no plan-time table and no input packing.
//  * Taps that are neighbours in memory (no padding left or right, no dilation, one group) are folded into one run of
//    tapsX·channels floats. With few input channels the host pads the input first so that this applies.
//  * Tap rows that lie in the padding for every pixel of a tile are skipped.
//  * Loop order: few weights (≤ 384 KB): tile → panel, one table per tile. Many: chunk of tiles reading ≤ 256 KB →
//    panel → tiles of the chunk, so that the input stays in L2 and the weights stream once per chunk. 1×1: run_points.
// Weights are packed [group][panel][tap][in][NB]; see pack.c. Every output is one sum in a fixed order, whoever computes it.
#pragma once
#include "tiles.h"

typedef struct {
  const float *src;
  ptrdiff_t srcH, srcW, srcC;
  ptrdiff_t mulY, addY, stepY, tapsY;
  ptrdiff_t mulX, addX, stepX, tapsX;
  float *dst;
  ptrdiff_t images, outH, outW;           // pixels to compute
  ptrdiff_t dstImage, dstRow, dstPixel;   // their places, floats
  ptrdiff_t groups, in, out;              // channels per group
  const float *weights;
  ptrdiff_t panelK, firstK;               // packed depth of a panel (all taps × in); where these taps begin in it
  Epilogue end;                           // its residual lies as dst does
} Window;

#define TABLE_TAPS 64 // taps per pointer table; more taps take several passes over the tile

// The pixels of one tile. Pixels are cut into tiles as evenly as possible: tile i begins at i·base + min(i, extra).
typedef struct {
  ptrdiff_t n, j, i;
} Pixel;
typedef struct {
  ptrdiff_t index, rows;
  Pixel first, next;          // of this tile, and the one after its last
  ptrdiff_t at[2 * MAX_ROWS]; // tap (0, 0) of each pixel in src, floats; may lie outside. From `rows` on: anything
  ptrdiff_t ty0, ty1;         // tap rows that touch the source
  int inside;                 // no tap of any pixel lies outside
} Tile;

// Goes on to the next of the pixels to compute.
INLINE void step_pixel(const Window *w, Pixel *q) {
  if (++q->i < w->outW) return;
  q->i = 0;
  if (++q->j == w->outH) q->j = 0, q->n++;
}
INLINE float *place_of(const Window *w, Pixel q) { return w->dst + q.n * w->dstImage + q.j * w->dstRow + q.i * w->dstPixel; }

// Smallest t ≥ 0 with y + t·step ≥ limit; step > 0.
INLINE ptrdiff_t first_tap(ptrdiff_t y, ptrdiff_t step, ptrdiff_t limit) {
  return y >= limit ? 0 : (limit - y + step - 1) / step;
}

static void locate_tile(const Window *w, ptrdiff_t index, ptrdiff_t base, ptrdiff_t extra, Tile *t) {
  if (index != t->index + 1 || index == 0) { // not the one after the last: find its first pixel
    const ptrdiff_t from = index * base + min_(index, extra), row = from / w->outW;
    t->next = (Pixel){row / w->outH, row % w->outH, from % w->outW};
  }
  Pixel q = t->next;
  t->first = q;
  t->index = index;
  t->rows = base + (index < extra);
  t->ty0 = w->tapsY;
  t->ty1 = 0;
  t->inside = 1;
  const ptrdiff_t spanY = (w->tapsY - 1) * w->stepY, spanX = (w->tapsX - 1) * w->stepX;
  for (ptrdiff_t r = 0; r < t->rows;) { // stretches of one output row
    const ptrdiff_t count = min_(t->rows - r, w->outW - q.i), y = q.j * w->mulY + w->addY, x = q.i * w->mulX + w->addX;
    const ptrdiff_t at = ((q.n * w->srcH + y) * w->srcW + x) * w->srcC, step = w->mulX * w->srcC;
    UNROLL for (int k = 0; k < MAX_ROWS; k++) t->at[r + k] = at + k * step; // what is too much is overwritten by the next
    if (y >= 0 && y + spanY < w->srcH) {
      t->ty0 = 0;
      t->ty1 = w->tapsY;
      t->inside &= x >= 0 && x + (count - 1) * w->mulX + spanX < w->srcW;
    } else {
      t->inside = 0;
      t->ty0 = min_(t->ty0, first_tap(y, w->stepY, 0));
      t->ty1 = max_(t->ty1, min_(w->tapsY, first_tap(y, w->stepY, w->srcH)));
    }
    r += count;
    q.i += count - 1;
    step_pixel(w, &q);
  }
  t->next = q;
}

// Pointers of `count` taps from tap `first` on (row-major from tap row ty0) into table[tap][row], `channel` floats in.
static void build_rows(const Window *w, const Tile *t, ptrdiff_t first, ptrdiff_t count, ptrdiff_t channel, const float **table) {
  const ptrdiff_t ty = t->ty0 + first / w->tapsX, tx = first % w->tapsX, rows = t->rows;
  const float *src = w->src + channel;
  if (t->inside) {
    // A whole register file of rows per tap: what is too much is overwritten by the next tap.
    const float *base[MAX_ROWS];
    UNROLL for (int r = 0; r < MAX_ROWS; r++) base[r] = src + t->at[r];
    const ptrdiff_t stepX = w->stepX * w->srcC, stepY = w->stepY * w->srcW * w->srcC;
    ptrdiff_t row = ty * stepY, at = row + tx * stepX, x = tx;
    for (ptrdiff_t k = 0; k < count; k++, table += rows) {
      UNROLL for (int r = 0; r < MAX_ROWS; r++) table[r] = base[r] + at;
      at += stepX;
      if (++x == w->tapsX) x = 0, at = row += stepY;
    }
    return;
  }
  Pixel q = t->first;
  for (ptrdiff_t r = 0; r < rows; r++, step_pixel(w, &q)) {
    const float **out = table + r;
    const ptrdiff_t y0 = q.j * w->mulY + w->addY, x0 = q.i * w->mulX + w->addX;
    ptrdiff_t y = y0 + ty * w->stepY, at = t->at[r] + (ty * w->stepY * w->srcW + tx * w->stepX) * w->srcC;
    ptrdiff_t x = x0 + tx * w->stepX, left = count, inRow = w->tapsX - tx;
    while (left > 0) {
      const ptrdiff_t n = min_(left, inRow), inside = y >= 0 && y < w->srcH ? w->srcW : 0;
      for (ptrdiff_t k = 0; k < n; k++) {
        *out = (size_t)x < (size_t)inside ? src + at : zero_row;
        out += rows;
        x += w->stepX;
        at += w->stepX * w->srcC;
      }
      left -= n;
      inRow = w->tapsX;
      x = x0;
      y += w->stepY;
      at = t->at[r] + (y - y0) * w->srcW * w->srcC;
    }
  }
}

#define POINT_DEPTH 256     // a panel of so many input channels stays in L1
#define POINT_PIXELS 512    // pixels at a time, fewer where what is read again and again would not stay in L2
#define POINT_FLOATS 65536
#define MANY_WEIGHTS 262144 // floats; more may well come from memory
// Input rows of so many floats and fewer than LONG_ROW are touched before. Zen 5, wasm: 7–9 % faster with 48 to 80 floats, within
// 2 % with 32, 96 and 112, 2–4 % slower with 16 and 24, 4–12 % with 128 and more, which the processor foresees.
#define SHORT_ROW 32
#define LONG_ROW 96

// A 1×1 convolution: chunk of pixels → panel of weights, cut into depths that stay in L1 → tile. Where there are more input than
// output channels the depths come first: then the unfinished sums stay in L2, and not all of the input.
static void run_points(const Window *w, ptrdiff_t u0, ptrdiff_t u1, ptrdiff_t t0, ptrdiff_t t1, ptrdiff_t base, ptrdiff_t extra) {
  const ptrdiff_t depths = ceil_div(w->in, POINT_DEPTH), panels = u1 - u0;
  const int deep = depths > 1 && w->in > w->out, many = w->in * w->out > MANY_WEIGHTS, touched = w->in >= SHORT_ROW && w->in < LONG_ROW;
  const ptrdiff_t again = deep ? POINT_DEPTH + w->out : depths == 1 ? w->in + w->out : w->in;
  const ptrdiff_t chunk = max_(1, min_(POINT_PIXELS, POINT_FLOATS / again) / (base + 1));
  const float *at[POINT_PIXELS + MAX_ROWS];
  Tile t = {.index = -1};
  for (ptrdiff_t c0 = t0; c0 < t1; c0 += chunk) {
    const ptrdiff_t c1 = min_(c0 + chunk, t1);
    ptrdiff_t pixels = 0, channel = 0; // input channel that `at` points at
    for (ptrdiff_t i = c0; i < c1; i++) {
      locate_tile(w, i, base, extra, &t);
      for (ptrdiff_t r = 0; r < t.rows; r++) at[pixels++] = w->src + t.at[r];
    }
    for (ptrdiff_t r = 0; touched && r < pixels; r++) touch(at[r], w->in);
    for (ptrdiff_t block = 0; block < depths * panels; block++) {
      const ptrdiff_t u = u0 + (deep ? block % panels : block / depths), d = deep ? block / panels : block % depths;
      const ptrdiff_t k0 = share(w->in, d, depths), k1 = share(w->in, d + 1, depths);
      if (channel != k0)
        for (ptrdiff_t r = 0; r < pixels; r++) at[r] += k0 - channel;
      channel = k0;
      const float *weights = w->weights + (u * w->panelK + w->firstK + k0) * BLOCK, *const *rows = at;
      const float *bias = d > 0 ? NULL : w->end.bias ? w->end.bias + u * BLOCK : zero_row;
      const Epilogue *end = k1 == w->in ? &w->end : NULL;
      if (many) touch(weights, (k1 - k0) * BLOCK);
      float *c = w->dst + (c0 * base + min_(c0, extra)) * w->dstPixel + u * BLOCK;
      for (ptrdiff_t i = c0, next; i < c1; i = next) { // strips of tiles with as many rows
        const ptrdiff_t height = base + (i < extra);
        next = i < extra ? min_(extra, c1) : c1;
        const ptrdiff_t count = (next - i) * height;
        const float *add = d > 0 ? c : w->end.residual ? w->end.residual + (c - w->dst) : NULL;
        row_strips[1][height - 1](next - i, k1 - k0, rows, weights, bias, add, c, w->dstPixel, end);
        if (end && end->flags & EPILOGUE_SILU) silu_rows(c, w->dstPixel, count, BLOCK);
        rows += count;
        c += count * w->dstPixel;
      }
    }
  }
}

static void run_window(const Window *window, Part part) {
  Window w = *window;
  if (w.groups == 1 && w.stepX == 1 && w.tapsX > 1 && w.addX >= 0 && w.tapsX * w.in <= ZERO_RUN &&
      (w.outW - 1) * w.mulX + w.addX + w.tapsX <= w.srcW) {
    w.in *= w.tapsX;
    w.tapsX = 1;
  }
  const ptrdiff_t panels = panel_count(w.out), units = w.groups * panels;
  const ptrdiff_t pixels = w.images * w.outH * w.outW, maxRows = tile_rows(panel(w.out, 0).vectors);
  const ptrdiff_t tiles = ceil_div(pixels, maxRows), baseRows = pixels / tiles, extra = pixels % tiles;
  const int even = w.dstRow == w.outW * w.dstPixel && w.dstImage == w.outH * w.dstRow;

  // Each part takes a range of tiles, or of panels when weights are what there is to read.
  const ptrdiff_t weightBytes = 4 * units * w.tapsY * w.tapsX * w.in * min_(w.out, BLOCK);
  const ptrdiff_t sourceBytes = 4 * w.images * w.srcH * w.srcW * w.srcC;
  const int parts = usual_parts(part);
  const int byPanel = units >= 4 * parts ? weightBytes > sourceBytes : tiles < 2 * parts && units > tiles;
  const ptrdiff_t u0 = byPanel ? begin_of(units, part) : 0, u1 = byPanel ? end_of(units, part) : units;
  const ptrdiff_t t0 = byPanel ? 0 : begin_of(tiles, part), t1 = byPanel ? tiles : end_of(tiles, part);

  if (w.groups == 1 && w.tapsY * w.tapsX == 1 && w.out % BLOCK == 0 && even && w.addY == 0 && w.addX == 0 &&
      (w.outH - 1) * w.mulY < w.srcH && (w.outW - 1) * w.mulX < w.srcW) {
    run_points(&w, u0, u1, t0, t1, baseRows, extra);
    return;
  }

  const ptrdiff_t pixelBytes = 4 * w.groups * w.in * min_(w.mulY * w.mulX, w.tapsY * w.tapsX);
  const ptrdiff_t chunk = weightBytes <= 393216 ? 1 : max_(4, 262144 / (maxRows * pixelBytes + 1));
  const int pieces = (int)max_(1, ceil_div(w.in, ZERO_RUN));

  // Where one narrow panel is all there is, rows are stored whole in ascending order: the next row overwrites what spills.
  const float *partEnd = w.dst + (t1 * baseRows + min_(t1, extra)) * w.dstPixel;
  const int spills = w.dstPixel == w.out && !(w.end.flags & EPILOGUE_SILU);

  Tile t = {.index = -1};
  const float *table[(TABLE_TAPS + 1) * MAX_ROWS];
  float lanes[MAX_ROWS * BLOCK] __attribute__((aligned(64))), paddedBias[BLOCK];
  ptrdiff_t builtGroup = -1; // the table is good for this tile and group

  for (ptrdiff_t c0 = t0; c0 < t1; c0 += chunk)
    for (ptrdiff_t u = u0; u < u1; u++) {
      const ptrdiff_t g = u / panels, b = u % panels;
      const Panel p = panel(w.out, b);
      const ptrdiff_t nb = p.vectors * VL, channel = g * w.out + p.first;
      const float *weights = w.weights + (g * round_up(w.out, VL) + p.first) * w.panelK + w.firstK * nb;
      const float *bias = w.end.bias ? w.end.bias + channel : zero_row;
      if (w.end.bias && p.width < nb) {
        load_lanes(paddedBias, bias, p.width);
        bias = paddedBias;
      }
      for (ptrdiff_t i = c0; i < min_(c0 + chunk, t1); i++) {
        if (i != t.index) locate_tile(&w, i, baseRows, extra, &t), builtGroup = -1;
        row_tile_fn *tile = row_tiles[p.vectors - 1][t.rows - 1];
        float *to = place_of(&w, t.first) + channel;
        const int direct = even && (p.width == nb || (units == 1 && spills && to + t.rows * w.dstPixel + nb - p.width <= partEnd));
        float *c = direct ? to : lanes;
        const ptrdiff_t ldc = direct ? w.dstPixel : nb, taps = max_(0, t.ty1 - t.ty0) * w.tapsX;
        const float *add = NULL;
        if (w.end.residual) {
          add = direct ? w.end.residual + (c - w.dst) : lanes;
          if (!direct) {
            Pixel q = t.first;
            for (ptrdiff_t r = 0; r < t.rows; r++, step_pixel(&w, &q))
              load_lanes(lanes + r * nb, w.end.residual + (place_of(&w, q) - w.dst) + channel, p.width);
          }
        }
        const float *wk = weights + t.ty0 * w.tapsX * w.in * nb;
        if (taps == 0 || (taps <= TABLE_TAPS && pieces == 1)) {
          if (taps && g != builtGroup) build_rows(&w, &t, 0, taps, g * w.in, table);
          tile(taps, w.in, table, wk, bias, add, ldc, c, ldc, &w.end);
        } else {
          const ptrdiff_t step = pieces == 1 ? TABLE_TAPS : 1;
          for (ptrdiff_t k = 0; k < taps; k += step)
            for (int piece = 0; piece < pieces; piece++) {
              const ptrdiff_t count = min_(step, taps - k), from = (ptrdiff_t)piece * ZERO_RUN, run = min_(ZERO_RUN, w.in - from);
              const int first = k == 0 && piece == 0, last = k + count == taps && piece == pieces - 1;
              build_rows(&w, &t, k, count, g * w.in + from, table);
              tile(count, run, table, wk + (k * w.in + from) * nb, first ? bias : NULL, first ? add : c, ldc, c, ldc,
                   last ? &w.end : NULL);
            }
        }
        if (w.end.flags & EPILOGUE_SILU) silu_rows(c, ldc, t.rows, nb);
        if (!direct) {
          Pixel q = t.first;
          for (ptrdiff_t r = 0; r < t.rows; r++, step_pixel(&w, &q)) {
            to = place_of(&w, q) + channel;
            if (p.width == nb) UNROLL for (int v = 0; v < 2; v++) { if (v < p.vectors) st(to + v * VL, ld(lanes + r * nb + v * VL)); }
            else store_lanes(to, lanes + r * nb, p.width);
          }
        }
        builtGroup = g;
      }
    }
}
