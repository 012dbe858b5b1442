// Gradient of conv2d with respect to its weights, in two commands, from x and dY where they lie: for few channels, and for
// 1×1 with few of them, where copies into panels (conv2d_weight_panels.c) would not be used often enough to pay.
//
// dW[tap][ic][oc] = Σ over output pixels of x[pixel·stride + tap][ic] · dY[pixel][oc]: channels-last rows of x and dY are the
// panels of a GEMM as they lie, nothing is packed. A tile is MR (tap, ic) rows × NV vectors of output channels and sums over
// a box of pixels in registers (sum_tile). Loops: block of images → box of up to 16 output rows (of several images when maps
// are small) → tiles, each adding into its place.
//  * Where windows never leave the input (no padding, or x padded before: worth it up to some 16 channels), the rows of a
//    tile may mix taps, so that 1 → 6 channels with a 5×5 kernel has tiles of 13 and 12 full rows.
//  * Otherwise a tile belongs to one tap and its box is clipped to the pixels whose tap lies inside.
// Work is cut into blocks × tiles; the number of blocks is the host's and must depend on the shape only. conv2d_weight_reduce
// then adds the blocks in order and writes OIHW. Expected: 75–100 % of peak with several taps.
#include "tiles.h"
#include "transpose.h"

#define BOX_ROWS 16       // output rows of a box; whole maps up to this height
#define BOX_PIXELS 128    // small maps are joined up to about this many pixels
#define STAGE_PIXELS 32   // pixels of dY copied at once where a vector would read past its end

typedef struct {
  const float *x, *dy;
  ptrdiff_t n, h, w, c, oh, ow, oc, kh, kw, sh, sw, pt, pl, dh, dw, groups, in, out;
  int mixed;               // tiles may mix taps
  ptrdiff_t tapGroups, tapRows; // tiles per group: tapGroups × panels × ceil(tapRows / MR)
  ptrdiff_t boxImages, boxesY, boxes;
} WeightGrad;

static WeightGrad weight_grad(void *const *buf, const int32_t *p) {
  WeightGrad s = {.x = buf[0], .dy = buf[1], .n = p[0], .h = p[1], .w = p[2], .c = p[3], .oh = p[4], .ow = p[5], .oc = p[6],
                  .kh = p[7], .kw = p[8], .sh = p[9], .sw = p[10], .pt = p[11], .pl = p[12], .dh = p[13], .dw = p[14],
                  .groups = p[16]};
  s.in = s.c / s.groups;
  s.out = s.oc / s.groups;
  s.mixed = s.pt == 0 && s.pl == 0 && (s.oh - 1) * s.sh + (s.kh - 1) * s.dh < s.h && (s.ow - 1) * s.sw + (s.kw - 1) * s.dw < s.w;
  s.tapGroups = s.mixed ? 1 : s.kh * s.kw;
  s.tapRows = s.mixed ? s.kh * s.kw * s.in : s.in;
  // A box reads x and dY of about 448 KB at most, so that both stay in L2 while all tiles pass.
  const ptrdiff_t rowBytes = 4 * s.ow * (s.c * min_(s.sh, s.kh) * s.sw + s.oc) + 1;
  const ptrdiff_t rows = s.oh <= BOX_ROWS ? s.oh : max_(4, min_(BOX_ROWS, 458752 / rowBytes));
  s.boxesY = ceil_div(s.oh, rows);
  s.boxImages = s.boxesY > 1 ? 1 : max_(1, min_(s.n, BOX_PIXELS / (s.oh * s.ow)));
  s.boxes = ceil_div(s.n, s.boxImages) * s.boxesY;
  return s;
}

// Calls the tile on a box, reading dY through a zero-padded copy so that no vector reads past the end of dY.
static void staged_tile(sum_tile_fn *tile, const Box *box, const float *const *a, const float *b, ptrdiff_t valid,
                        ptrdiff_t nb, ptrdiff_t rows, float *c, ptrdiff_t ldc, int flags) {
  float stage[STAGE_PIXELS * BLOCK];
  const float *from[MAX_ROWS];
  for (ptrdiff_t n = 0; n < box->images; n++)
    for (ptrdiff_t r = 0; r < box->rows; r++)
      for (ptrdiff_t q = 0; q < box->count; q += STAGE_PIXELS) {
        const ptrdiff_t count = min_(STAGE_PIXELS, box->count - q), at = n * box->aImage + r * box->aRow + q * box->aPixel;
        const Box piece = {1, 1, count, 0, 0, box->aPixel, 0, 0, nb};
        const float *d = b + n * box->bImage + r * box->bRow + q * box->bPixel;
        for (ptrdiff_t k = 0; k < count; k++) load_lanes(stage + k * nb, d + k * box->bPixel, valid);
        for (ptrdiff_t i = 0; i < rows; i++) from[i] = a[i] + at;
        tile(&piece, from, stage, c, ldc, flags);
        flags |= TILE_ADD;
      }
}

// buf: x [N, H, W, C], dY [N, OH, OW, OC], partial [blocks][group][tap][in][roundUp(out, VL)]
// p: as conv2d (0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 kH, 8 kW, 9 strideH, 10 strideW, 11 padTop, 12 padLeft,
//    13 dilationH, 14 dilationW, 15 blocks, 16 groups)
KERNEL(conv2d_weight_grad) {
  const WeightGrad s = weight_grad(buf, p);
  const int blocks = p[15];
  const ptrdiff_t ldc = round_up(s.out, VL), panels = panel_count(s.out), taps = s.kh * s.kw;
  const ptrdiff_t maxRows = tile_rows(panel(s.out, 0).vectors), rowTiles = ceil_div(s.tapRows, maxRows);
  const ptrdiff_t tiles = s.groups * s.tapGroups * panels * rowTiles;
  const ptrdiff_t u0 = share(tiles * blocks, part, parts), u1 = share(tiles * blocks, part + 1, parts);

  for (ptrdiff_t block = u0 / tiles; block * tiles < u1; block++) {
    const ptrdiff_t t0 = max_(0, u0 - block * tiles), t1 = min_(tiles, u1 - block * tiles);
    const ptrdiff_t box0 = share(s.boxes, (int)block, blocks), box1 = share(s.boxes, (int)block + 1, blocks);
    float *partial = (float *)buf[2] + block * s.groups * taps * s.in * ldc;
    for (ptrdiff_t box = box0; box < max_(box1, box0 + 1); box++) { // an empty block still writes zeros
      const ptrdiff_t n0 = box / s.boxesY * s.boxImages, by = box % s.boxesY;
      const ptrdiff_t images = box < box1 ? min_(s.boxImages, s.n - n0) : 0;
      const ptrdiff_t r0 = share(s.oh, (int)by, (int)s.boxesY), r1 = share(s.oh, (int)by + 1, (int)s.boxesY);
      for (ptrdiff_t tile = t0; tile < t1; tile++) {
        const ptrdiff_t row = tile % rowTiles, b = tile / rowTiles % panels, tapGroup = tile / rowTiles / panels % s.tapGroups;
        const ptrdiff_t g = tile / rowTiles / panels / s.tapGroups;
        const ptrdiff_t i0 = share(s.tapRows, (int)row, (int)rowTiles), rows = share(s.tapRows, (int)row + 1, (int)rowTiles) - i0;
        const Panel q = panel(s.out, b);
        // The output rectangle [y0, y1) × [x0, x1) whose tap lies inside x.
        const ptrdiff_t tapY = tapGroup / s.kw * s.dh - s.pt, tapX = tapGroup % s.kw * s.dw - s.pl;
        ptrdiff_t y0 = r0, y1 = r1, x0 = 0, x1 = s.ow;
        if (!s.mixed) {
          y0 = max_(r0, tapY < 0 ? ceil_div(-tapY, s.sh) : 0);
          x0 = tapX < 0 ? ceil_div(-tapX, s.sw) : 0;
          y1 = min_(r1, s.h > tapY ? ceil_div(s.h - tapY, s.sh) : 0);
          x1 = min_(s.ow, s.w > tapX ? ceil_div(s.w - tapX, s.sw) : 0);
        }
        float *c = partial + ((g * taps + tapGroup) * s.in + i0) * ldc + q.first;
        const int flags = box > box0 ? TILE_ADD : 0;
        const int empty = y1 <= y0 || x1 <= x0 || images == 0;
        if (empty && flags) continue;
        const float *pixel = empty ? s.x : s.x + ((n0 * s.h + y0 * s.sh + tapY) * s.w + x0 * s.sw + tapX) * s.c + g * s.in;
        const float *a[MAX_ROWS];
        for (ptrdiff_t r = 0, i = i0; r < rows; r++, i++) {
          const ptrdiff_t tap = i / s.in; // 0 unless taps are mixed
          a[r] = empty ? s.x : pixel + (tap / s.kw * s.dh * s.w + tap % s.kw * s.dw) * s.c + i % s.in;
        }
        const float *d = s.dy + (empty ? 0 : ((n0 * s.oh + y0) * s.ow + x0) * s.oc + g * s.out + q.first);
        const Box area = {
            .images = empty ? 0 : images, .rows = y1 - y0, .count = x1 - x0,
            .aImage = s.h * s.w * s.c, .aRow = s.sh * s.w * s.c, .aPixel = s.sw * s.c,
            .bImage = s.oh * s.ow * s.oc, .bRow = s.ow * s.oc, .bPixel = s.oc,
        };
        sum_tile_fn *sum = sum_tiles[q.vectors - 1][rows - 1];
        const ptrdiff_t lastRead = (((n0 + images - 1) * s.oh + y1 - 1) * s.ow + x1 - 1) * s.oc + g * s.out + q.first + q.vectors * VL;
        if (!empty && lastRead > s.n * s.oh * s.ow * s.oc)
          staged_tile(sum, &area, a, d, q.width, q.vectors * VL, rows, c, ldc, flags);
        else sum(&area, a, d, c, ldc, flags);
      }
    }
  }
}

#define REDUCE_DEPTH 32  // depth × lanes of one piece of work, summed in a buffer so that whole lines are read and written
#define REDUCE_LANES 64

// Adds the blocks in order and writes dW as [OC][in][tap].
// buf: partial, dW. p: 0 OC, 1 IC/groups, 2 taps, 3 groups, 4 blocks
KERNEL(conv2d_weight_reduce) {
  const ptrdiff_t in = p[1], taps = p[2], groups = p[3], blocks = p[4], out = p[0] / groups, depth = in * taps, ldc = round_up(out, VL);
  const ptrdiff_t lanePieces = ceil_div(ldc, REDUCE_LANES), depthPieces = ceil_div(depth, REDUCE_DEPTH);
  const ptrdiff_t units = groups * lanePieces * depthPieces, blockSize = groups * depth * ldc;
  float sums[REDUCE_DEPTH * REDUCE_LANES];
  for (ptrdiff_t u = share(units, part, parts); u < share(units, part + 1, parts); u++) {
    const ptrdiff_t k0 = u % depthPieces * REDUCE_DEPTH, n = min_(REDUCE_DEPTH, depth - k0);
    const ptrdiff_t l0 = u / depthPieces % lanePieces * REDUCE_LANES, lanes = min_(REDUCE_LANES, ldc - l0), g = u / depthPieces / lanePieces;
    const float *from = (const float *)buf[0] + g * depth * ldc + l0;
    for (ptrdiff_t k = 0, i = k0 / taps, t = k0 % taps; k < n; k++) {
      const float *row = from + (t * in + i) * ldc;
      for (ptrdiff_t l = 0; l < lanes; l += VL) {
        vf sum = ld(row + l);
        for (ptrdiff_t b = 1; b < blocks; b++) sum += ld(row + l + b * blockSize);
        st(sums + k * REDUCE_LANES + l, sum);
      }
      if (++t == taps) t = 0, i++;
    }
    float *to = (float *)buf[1] + (g * out + l0) * depth + k0;
    const ptrdiff_t width = min_(lanes, out - l0);
    ptrdiff_t l = 0;
    for (; l + 4 <= width; l += 4) {
      ptrdiff_t k = 0;
      for (; k + 4 <= n; k += 4) {
        v4 v[4];
        transpose4(sums + k * REDUCE_LANES + l, REDUCE_LANES, v);
        UNROLL for (int i = 0; i < 4; i++) st4(to + (l + i) * depth + k, v[i]);
      }
      for (; k < n; k++)
        for (ptrdiff_t i = 0; i < 4; i++) to[(l + i) * depth + k] = sums[k * REDUCE_LANES + l + i];
    }
    for (; l < width; l++)
      for (ptrdiff_t k = 0; k < n; k++) to[l * depth + k] = sums[k * REDUCE_LANES + l];
  }
}
