// Gradient of conv2d with respect to its weights with vectors over input channels, for 16 of them and more, in two commands.
//
// dW[oc][ic][tap] = Σ over output pixels of dY[pixel][oc] · x[pixel·stride + tap][ic]. A tile is MR output channels × NV
// vectors of input channels and sums over a box of pixels (grad_boxes.h) in registers (sum_tile). Both operands are copied,
// so that tiles stream whole lines whatever the channel counts (in place, channels that are powers of two share a few sets of
// the caches): dY as [tile][pixel][lanes], which serves all taps and all input channels; x as [pixel][NB], once for all taps
// and output channels of a chunk. Where a copy would be used only a few times, with one tap and few channels, they stay in place.
// Loops: block of boxes → chunk of output channels → box → copy dY → panel of input channels → copy x → tap → tile. A tap's
// box is clipped to the pixels whose tap lies inside. Units of work are blocks × chunks × panels; the number of blocks is the
// host's and depends on the shape only. conv2d_weight_panels_reduce adds the blocks in order and writes OIHW; the sums of a
// single block and a single tap are dW as they are.
// Expected: 75–90 % of peak.
#include "grad_boxes.h"
#include "transpose.h"

#define GRAD_DY 65536     // floats of the copy of dY
#define GRAD_TAPS 32      // taps that are put in order at once
#define GRAD_TILES 64     // row tiles of a chunk
#define COPIED_PIXELS (VL == 4 ? 16 : 8) // of dY at once, so that their lines stay in L1 while all tiles take from them
#define TILE_GAP 16       // floats between the copies of two tiles, which else would share a few sets of the caches

// Row tiles [0, tiles) of a chunk: tile t has output channels [first[t], first[t + 1]) of the group.
typedef struct {
  ptrdiff_t tiles, lanes, first[GRAD_TILES + 1]; // floats that a pixel takes in the copy of a tile
} Chunk;

INLINE ptrdiff_t row_lanes(const WeightGrad *s) { return round_up(tile_rows(panel(s->in, 0).vectors), VL); }
INLINE ptrdiff_t row_tiles_of(const WeightGrad *s) { return ceil_div(s->out, tile_rows(panel(s->in, 0).vectors)); }
INLINE ptrdiff_t chunk_count(const WeightGrad *s) {
  return ceil_div(row_tiles_of(s), max_(1, min_(GRAD_TILES, GRAD_DY / (row_lanes(s) * s->boxPixels))));
}

static Chunk chunk_of(const WeightGrad *s, ptrdiff_t chunk, ptrdiff_t chunks) {
  const ptrdiff_t tiles = row_tiles_of(s), t0 = share(tiles, (int)chunk, (int)chunks);
  Chunk c = {.tiles = share(tiles, (int)chunk + 1, (int)chunks) - t0, .lanes = row_lanes(s)};
  for (ptrdiff_t t = 0; t <= c.tiles; t++) c.first[t] = tile_start(s->out, t0 + t, tiles);
  return c;
}

// Pixels of dY, the channels of a chunk, as [tile][pixel][lanes], `tileFloats` from one tile to the next. No vector passes the
// end of dY.
static void copy_rows(Pixels p, const float *end, const Chunk *c, float *to, ptrdiff_t tileFloats) {
  const ptrdiff_t lanes = c->lanes, width = c->first[c->tiles] - c->first[0], step = p.pixel;
  while (p.left > 0) {
    const Run run = next_run(&p, COPIED_PIXELS);
    const int near = end - run.at - (run.count - 1) * step < width + lanes;
    for (ptrdiff_t k = 0; k < run.count; k++) touch(run.at + k * step, width);
    float *tile = to;
    for (ptrdiff_t t = 0; t < c->tiles; t++, tile += tileFloats) {
      const ptrdiff_t first = c->first[t] - c->first[0], count = c->first[t + 1] - c->first[t];
      for (ptrdiff_t l = 0; l < count; l += VL) {
        const float *from = run.at + first + l;
        if (near) {
          for (ptrdiff_t k = 0; k < run.count; k++) st(tile + k * lanes + l, ld_tail(from + k * step, (int)min_(VL, count - l)));
        } else {
          for (ptrdiff_t k = 0; k < run.count; k++) st(tile + k * lanes + l, ld(from + k * step));
        }
      }
    }
    to += run.count * lanes;
  }
}

// Where the sums of a panel of input channels are: output channel o and a tap at to + tap·step + o·ld.
typedef struct {
  float *to;
  ptrdiff_t ld, step;
} Sums;

// What tiles fetch for those that follow: before copies the next panel of x and the next box of dY, else the next box.
typedef struct {
  Ahead x, dy;
  Stream stream;
} Next;

// Adds a box of pixels to the sums of a panel: all tiles of a chunk, all taps. tile: floats from one tile of dY to the next, if
// those are copied
static void add_box(const WeightGrad *s, const PixelBox *box, const View *x, const View *dy, ptrdiff_t tile, const Chunk *c, Panel q,
                    Sums sums, int flags, Next *coming) {
  for (ptrdiff_t tap = 0; tap < s->taps; tap++) {
    const ptrdiff_t offsetY = tap / s->w.kernel * s->h.dilation - s->h.pad, offsetX = tap % s->w.kernel * s->w.dilation - s->w.pad;
    ptrdiff_t y0, y1, x0, x1;
    clip_tap(&s->h, offsetY, box->y, &y0, &y1);
    clip_tap(&s->w, offsetX, box->x, &x0, &x1);
    const int empty = y1 <= y0 || x1 <= x0 || box->images == 0;
    if (empty && flags) continue;
    Box area = {
        .images = empty ? 0 : box->images, .rows = y1 - y0, .count = x1 - x0,
        .aImage = dy->image, .aRow = dy->row, .aPixel = dy->pixel,
        .bImage = x->image, .bRow = s->h.stride / x->y.step * x->row, .bPixel = s->w.stride / x->x.step * x->pixel,
    };
    const float *a = empty ? dy->at : view_at(dy, y0, x0);
    const float *b = empty ? x->at : view_at(x, y0 * s->h.stride + offsetY, x0 * s->w.stride + offsetX);
    for (ptrdiff_t t = 0, next; t < c->tiles; t = next) {
      const ptrdiff_t first = c->first[t], height = c->first[t + 1] - first, step = tile ? tile : height;
      next = t + 1; // fetching ahead goes from tile to tile
      while (!CAN_PREFETCH && next < c->tiles && c->first[next + 1] - c->first[next] == height) next++;
      stream_on(&coming->stream, &area);
      sum_strips[q.vectors - 1][height - 1](next - t, &area, a + (tile ? t * tile : first - c->first[0]), step, b,
                                            sums.to + tap * sums.step + first * sums.ld, sums.ld, flags);
      fetch(&coming->x);
      fetch(&coming->dy);
    }
  }
}

// buf: x [N, H, W, C], dY [N, OH, OW, OC], partial [blocks][group][panel][tap][out][NB]: roundUp(in, VL) · taps · OC floats each;
//    or dW, where p[17] says so: one block, one tap, whole vectors of input channels
// p: as conv2d_weight_grad
KERNEL(conv2d_weight_panels) {
  WeightGrad s = weight_grad(buf[0], buf[1], p);
  const int inPlace = s.plain && s.in % VL == 0 && (row_tiles_of(&s) < FEW_TILES || panel_count(s.in) < FEW_PANELS);
  cut_boxes(&s, inPlace ? in_place_pixels(&s) : GRAD_PIXELS, GRAD_ROOM, 0);
  const ptrdiff_t blocks = p[15], panels = panel_count(s.in), chunks = chunk_count(&s), perBlock = s.groups * chunks * panels;
  const ptrdiff_t u0 = begin_of(blocks * perBlock, part), u1 = end_of(blocks * perBlock, part);
  float x[GRAD_ROOM * BLOCK] __attribute__((aligned(64))), dy[GRAD_DY + GRAD_TILES * TILE_GAP] __attribute__((aligned(64)));
  for (ptrdiff_t u = u0, next; u < u1; u = next) {
    next = min_(u1, (u / panels + 1) * panels);
    const ptrdiff_t block = u / perBlock, g = u % perBlock / panels / chunks, p0 = u % panels, p1 = p0 + next - u;
    const Chunk c = chunk_of(&s, u / panels % chunks, chunks);
    const ptrdiff_t box0 = share(s.boxes, (int)block, (int)blocks), box1 = share(s.boxes, (int)block + 1, (int)blocks);
    const ptrdiff_t firstIn = g * s.in, firstOut = g * s.out + c.first[0];
    for (ptrdiff_t i = box0; i < max_(box1, box0 + 1); i++) { // a block without pixels still writes zeros
      const PixelBox box = pixel_box(&s, i, box1), following = pixel_box(&s, i + 1, box1);
      const ptrdiff_t calls = c.tiles * s.taps, tileFloats = inPlace ? 0 : box.images * box.y.count * box.x.count * c.lanes + TILE_GAP;
      const ptrdiff_t touched = max_(2, TOUCHED_FLOATS / (s.boxImages * box.inY.count * box.inX.count * BLOCK + 1)); // panels
      View dyView = map_view(s.dy + firstOut, s.h.out, s.w.out, s.outChannels, box.image);
      Next coming = {0};
      if (inPlace) {
        touch_run(box_x(&s, &box, 0));
        touch_run(box_dy(&s, &box, 0));
        coming.stream = stream_in(calls * (p1 - p0) * box.x.count, box_x(&s, &following, 0), box_dy(&s, &following, 0));
      } else {
        copy_rows(box_dy(&s, &box, firstOut), s.dyEnd, &c, dy, tileFloats);
        dyView = view_of(dy, box.y, box.x, c.lanes);
        coming.dy = fetch_in(calls * (p1 - p0), box_dy(&s, &following, firstOut), c.first[c.tiles] - c.first[0]);
      }
      for (ptrdiff_t b = p0; b < p1; b++) {
        const Panel q = panel(s.in, b);
        const ptrdiff_t first = firstIn + q.first;
        View xView = map_view(s.x + first, s.h.size, s.w.size, s.channels, box.image);
        if (!inPlace) {
          if ((b - p0) % touched == 0) touch_pixels(box_x(&s, &box, first), min_(touched * BLOCK, s.in - q.first));
          copy_panel(box_x(&s, &box, first), q, x);
          xView = view_of(x, box.inY, box.inX, q.vectors * VL);
          coming.x = fetch_in(calls, b + 1 < p1 ? box_x(&s, &box, first + BLOCK) : box_x(&s, &following, firstIn + p0 * BLOCK), BLOCK);
        }
        const ptrdiff_t nb = q.vectors * VL;
        const Sums partial = {(float *)buf[2] + ((block * s.groups + g) * round_up(s.in, VL) + q.first) * s.taps * s.out, nb, s.out * nb};
        const Sums weights = {(float *)buf[2] + g * s.out * s.in + q.first, s.in, 0};
        add_box(&s, &box, &xView, &dyView, tileFloats, &c, q, p[17] ? weights : partial, i > box0 ? TILE_ADD : 0, &coming);
      }
    }
  }
}

// Adds the blocks in order and writes dW as [OC][in][tap].
// buf: partial, dW. p: 0 OC, 1 IC/groups, 2 taps, 3 groups, 4 blocks
KERNEL(conv2d_weight_panels_reduce) {
  const ptrdiff_t in = p[1], taps = p[2], groups = p[3], blocks = p[4], out = p[0] / groups, panels = panel_count(in);
  const ptrdiff_t lanes = round_up(in, VL), blockSize = groups * lanes * taps * out, units = p[0] * panels;
  float sums[GRAD_TAPS * BLOCK];
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t o = u % out, g = u / out / panels;
    const Panel q = panel(in, u / out % panels);
    const ptrdiff_t nb = q.vectors * VL;
    float *to = (float *)buf[1] + ((g * out + o) * in + q.first) * taps;
    for (ptrdiff_t t0 = 0; t0 < taps; t0 += GRAD_TAPS) {
      const ptrdiff_t count = min_(GRAD_TAPS, taps - t0);
      for (ptrdiff_t t = 0; t < count; t++) {
        const float *from = (const float *)buf[0] + (g * lanes + q.first) * taps * out + ((t0 + t) * out + o) * nb;
        for (ptrdiff_t l = 0; l < nb; l += VL) {
          vf sum = ld(from + l);
          for (ptrdiff_t b = 1; b < blocks; b++) sum += ld(from + l + b * blockSize);
          st(sums + t * nb + l, sum);
        }
      }
      unpack_transposed(sums, nb, q.width, count, to + t0, taps);
    }
  }
}
