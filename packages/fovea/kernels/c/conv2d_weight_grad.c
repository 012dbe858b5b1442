// Gradient of conv2d with respect to its weights with vectors over output channels, for few input channels, of which vectors
// would not be full (else conv2d_weight_panels.c), in two commands.
//
// dW[tap][ic][oc] = Σ over output pixels of x[pixel·stride + tap][ic] · dY[pixel][oc]. A tile is MR (tap, ic) rows × NV
// vectors of output channels and sums over a box of pixels (grad_boxes.h) in registers (sum_tile): x where it lies, dY from
// a copy of a panel of it unless few tiles use that. Loops: block of boxes → box → panel of output channels → copy dY → tiles,
// each adding into its place.
//  * Where windows never leave the input (no padding, or x padded before: worth it up to some 16 channels), the rows of a
//    tile may mix taps, so that 1 → 6 channels with a 5×5 kernel has tiles of 13 and 12 full rows.
//  * Otherwise a tile belongs to one tap and its box is clipped to the pixels whose tap lies inside.
// Work is cut into blocks × tiles; the number of blocks is the host's and must depend on the shape only. conv2d_weight_reduce
// then adds the blocks in order and writes OIHW. Expected: 75–90 % of peak.
#include "grad_boxes.h"
#include "transpose.h"

INLINE int stays_inside(const Axis *a) { return a->pad == 0 && (a->out - 1) * a->stride + (a->kernel - 1) * a->dilation < a->size; }

// buf: x [N, H, W, C], dY [N, OH, OW, OC], partial [blocks][group][tap][in][roundUp(out, VL)]
// p: as weight_grad (grad_boxes.h), 15 blocks
KERNEL(conv2d_weight_grad) {
  WeightGrad s = weight_grad(buf[0], buf[1], p);
  const int blocks = p[15], mixed = stays_inside(&s.h) && stays_inside(&s.w);
  const ptrdiff_t tapGroups = mixed ? 1 : s.taps, tapRows = mixed ? s.taps * s.in : s.in;
  const ptrdiff_t ldc = round_up(s.out, VL), panels = panel_count(s.out), maxRows = tile_rows(panel(s.out, 0).vectors);
  const ptrdiff_t rowTiles = ceil_div(tapRows, maxRows), perPanel = tapGroups * rowTiles, tiles = s.groups * panels * perPanel;
  const ptrdiff_t u0 = begin_of(tiles * blocks, part), u1 = end_of(tiles * blocks, part);
  const int inPlace = s.out % VL == 0 && perPanel < FEW_TILES;
  cut_boxes(&s, inPlace ? in_place_pixels(&s) : LONG_PIXELS, 2 * GRAD_ROOM * BLOCK / s.in, 1);
  float dy[LONG_PIXELS * BLOCK] __attribute__((aligned(64)));

  for (ptrdiff_t block = u0 / tiles; block * tiles < u1; block++) {
    const ptrdiff_t t0 = max_(0, u0 - block * tiles), t1 = min_(tiles, u1 - block * tiles);
    const ptrdiff_t box0 = share(s.boxes, (int)block, blocks), box1 = share(s.boxes, (int)block + 1, blocks);
    float *partial = (float *)buf[2] + block * s.groups * s.taps * s.in * ldc;
    for (ptrdiff_t i = box0; i < max_(box1, box0 + 1); i++) { // a block without pixels still writes zeros
      const PixelBox box = pixel_box(&s, i, box1), following = pixel_box(&s, i + 1, box1);
      const ptrdiff_t steps = (t1 - t0) * box.images * box.y.count * box.x.count;
      Stream stream = stream_in(steps, box_x(&s, &following, 0), box_dy(&s, &following, 0));
      View view = {0};
      for (ptrdiff_t tile = t0; tile < t1; tile++) {
        const ptrdiff_t row = tile % rowTiles, tapGroup = tile / rowTiles % tapGroups, b = tile / perPanel % panels, g = tile / perPanel / panels;
        const ptrdiff_t i0 = share(tapRows, (int)row, (int)rowTiles), rows = share(tapRows, (int)row + 1, (int)rowTiles) - i0;
        const Panel q = panel(s.out, b);
        if (tile == t0 || tile % perPanel == 0) {
          const ptrdiff_t first = g * s.out + q.first;
          if (inPlace) {
            view = map_view(s.dy + first, s.h.out, s.w.out, s.outChannels, box.image);
          } else {
            copy_panel(box_dy(&s, &box, first), q, dy);
            view = view_of(dy, box.y, box.x, q.vectors * VL);
          }
        }
        const ptrdiff_t tapY = tapGroup / s.w.kernel * s.h.dilation - s.h.pad, tapX = tapGroup % s.w.kernel * s.w.dilation - s.w.pad;
        ptrdiff_t y0 = box.y.from, y1 = y0 + box.y.count, x0 = box.x.from, x1 = x0 + box.x.count;
        if (!mixed) {
          clip_tap(&s.h, tapY, box.y, &y0, &y1);
          clip_tap(&s.w, tapX, box.x, &x0, &x1);
        }
        const int empty = y1 <= y0 || x1 <= x0 || box.images == 0, flags = i > box0 ? TILE_ADD : 0;
        if (empty && flags) continue;
        const View x = map_view(s.x + g * s.in, s.h.size, s.w.size, s.channels, box.image);
        const float *pixel = empty ? s.x : view_at(&x, y0 * s.h.stride + tapY, x0 * s.w.stride + tapX), *a[MAX_ROWS];
        for (ptrdiff_t r = 0; r < rows; r++) {
          const ptrdiff_t tap = (i0 + r) / s.in; // 0 unless taps are mixed
          a[r] = pixel + tap / s.w.kernel * s.h.dilation * x.row + tap % s.w.kernel * s.w.dilation * x.pixel + (i0 + r) % s.in;
        }
        Box area = {
            .images = empty ? 0 : box.images, .rows = y1 - y0, .count = x1 - x0,
            .aImage = x.image, .aRow = s.h.stride * x.row, .aPixel = s.w.stride * x.pixel,
            .bImage = view.image, .bRow = view.row, .bPixel = view.pixel,
        };
        stream_on(&stream, &area);
        float *c = partial + ((g * s.taps + tapGroup) * s.in + i0) * ldc + q.first;
        sum_tiles[q.vectors - 1][rows - 1](&area, a, empty ? s.dy : view_at(&view, y0, x0), c, ldc, flags);
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
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
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
