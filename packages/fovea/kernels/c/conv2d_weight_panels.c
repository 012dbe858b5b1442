// Gradient of conv2d with respect to its weights from copied panels, for 16 input channels and more, in two commands.
//
// dW[oc][ic][tap] = Σ over output pixels of dY[pixel][oc] · x[pixel·stride + tap][ic]. A tile is MR output channels × NV
// vectors of input channels and sums over a box of pixels in registers (sum_tile). Both operands are copied first, a box of
// about 100 pixels at a time, so that tiles stream whole lines from L1 and L2 whatever the channel counts (in place, channels
// that are powers of two share a few sets of the caches): dY as [tile][pixel][MR], which serves all taps and all input
// channels; x as [pixel][NB], once for all taps and output channels.
// Loops: block of images → chunk of output channels → box → copy dY → panel of input channels → copy x → tap → tile. A tap's
// box is clipped to the pixels whose tap lies inside. Units of work are blocks × chunks × panels; the number of blocks is the
// host's and depends on the shape only. conv2d_weight_panels_reduce adds the blocks in order and writes OIHW.
// Expected: 75–95 % of peak with several taps, 50–70 % with one, where copying is most of what there is.
#include "transpose.h"

#define GRAD_PIXELS 100    // output pixels of a box, about
#define GRAD_X (1024 * BLOCK)  // floats of the copies; on a wasm worker's stack they are half of it
#define GRAD_DY (1024 * BLOCK)
#define GRAD_TAPS 32       // taps that are put in order at once
#define GRAD_TILES 64      // row tiles of a chunk

typedef struct {
  ptrdiff_t kernel, stride, pad, dilation, size, out; // of one axis
} Axis;

// Input positions [from, to) by `step` that output positions [o0, o1) read; a single tap reads every stride-th only.
typedef struct {
  ptrdiff_t from, to, step, count;
} Strip;

static Strip strip_of(const Axis *a, ptrdiff_t o0, ptrdiff_t o1) {
  ptrdiff_t from = o0 * a->stride - a->pad, to = (o1 - 1) * a->stride - a->pad + (a->kernel - 1) * a->dilation + 1;
  const ptrdiff_t step = a->kernel == 1 ? a->stride : 1;
  if (from < 0) from += ceil_div(-from, step) * step;
  to = min_(to, a->size);
  return (Strip){from, to, step, max_(0, ceil_div(to - from, step))};
}

typedef struct {
  const float *x, *dy, *dyEnd;
  Axis y, x_;
  ptrdiff_t images, channels, outChannels, groups, in, out, taps;
  ptrdiff_t boxImages, boxesY, boxesX, boxes;
  ptrdiff_t tiles, chunk, chunks, panels; // row tiles of a group; of a chunk at most
} Panels;

// What of an axis a box covers at most, and its share of the copy of x.
INLINE ptrdiff_t strip_most(const Axis *a, ptrdiff_t outputs) {
  return a->kernel == 1 ? outputs : min_(a->size, (outputs - 1) * a->stride + (a->kernel - 1) * a->dilation + 1);
}

// Floats of the copy of one row tile of dY. Whole vectors are copied: what they write too much is written again with the next
// pixel, or lies in the gap.
INLINE ptrdiff_t tile_floats(ptrdiff_t pixels, ptrdiff_t count) { return pixels * count + VL; }

static Panels grad_panels(void *const *buf, const int32_t *p) {
  Panels s = {.x = buf[0], .dy = buf[1], .images = p[0], .channels = p[3], .outChannels = p[6], .groups = p[16],
              .y = {p[7], p[9], p[11], p[13], p[1], p[4]}, .x_ = {p[8], p[10], p[12], p[14], p[2], p[5]}};
  s.dyEnd = s.dy + s.images * s.y.out * s.x_.out * s.outChannels;
  s.in = s.channels / s.groups;
  s.out = s.outChannels / s.groups;
  s.taps = s.y.kernel * s.x_.kernel;
  const ptrdiff_t room = GRAD_X / BLOCK;
  ptrdiff_t rows, columns;
  for (s.boxesX = 1;; s.boxesX++) {
    columns = ceil_div(s.x_.out, s.boxesX);
    rows = max_(1, min_(s.y.out, GRAD_PIXELS / columns));
    if (s.y.out <= rows + rows / 4 && s.y.out * columns <= 2 * GRAD_PIXELS) rows = s.y.out;
    while (rows > 1 && strip_most(&s.y, rows) * strip_most(&s.x_, columns) > room) rows--;
    if ((columns <= GRAD_PIXELS && strip_most(&s.y, rows) * strip_most(&s.x_, columns) <= room) || columns == 1) break;
  }
  s.boxesY = ceil_div(s.y.out, rows);
  const ptrdiff_t fitting = min_(GRAD_PIXELS / (s.y.out * s.x_.out), room / (strip_most(&s.y, s.y.out) * strip_most(&s.x_, s.x_.out)));
  s.boxImages = s.boxesY * s.boxesX > 1 ? 1 : max_(1, min_(s.images, fitting));
  s.boxes = ceil_div(s.images, s.boxImages) * s.boxesY * s.boxesX;
  const ptrdiff_t most = tile_rows(panel(s.in, 0).vectors), pixels = s.boxImages * ceil_div(s.y.out, s.boxesY) * columns;
  s.tiles = ceil_div(s.out, most);
  s.chunks = ceil_div(s.tiles, max_(1, min_(GRAD_TILES, GRAD_DY / tile_floats(pixels, most))));
  s.panels = panel_count(s.in);
  return s;
}

typedef struct {
  ptrdiff_t n0, images, y0, y1, x0, x1; // output pixels
} PixelBox;

// Row tiles [0, tiles) of a chunk: tile t has output channels [first[t], first[t + 1]) of the group.
typedef struct {
  ptrdiff_t tiles, first[GRAD_TILES + 1];
} Chunk;

static Chunk chunk_of(const Panels *s, ptrdiff_t chunk) {
  const ptrdiff_t t0 = share(s->tiles, (int)chunk, (int)s->chunks);
  Chunk c = {.tiles = share(s->tiles, (int)chunk + 1, (int)s->chunks) - t0};
  for (ptrdiff_t t = 0; t <= c.tiles; t++) c.first[t] = share(s->out, (int)(t0 + t), (int)s->tiles);
  return c;
}

// dY of a box, the channels of a chunk, as [tile][pixel][channels of the tile].
static void copy_dy(const Panels *s, const PixelBox *box, ptrdiff_t group, const Chunk *c, float *to) {
  const ptrdiff_t pixels = box->images * (box->y1 - box->y0) * (box->x1 - box->x0);
  float *tile[GRAD_TILES];
  for (ptrdiff_t t = 0; t < c->tiles; t++) {
    tile[t] = to;
    to += tile_floats(pixels, c->first[t + 1] - c->first[t]);
  }
  for (ptrdiff_t n = box->n0; n < box->n0 + box->images; n++)
    for (ptrdiff_t y = box->y0; y < box->y1; y++)
      for (ptrdiff_t x = box->x0; x < box->x1; x++) {
        const float *pixel = s->dy + ((n * s->y.out + y) * s->x_.out + x) * s->outChannels + group * s->out;
        const int near = s->dyEnd - pixel < s->out + VL; // the end, which vectors must not pass
        for (ptrdiff_t t = 0; t < c->tiles; t++) {
          const float *d = pixel + c->first[t];
          const ptrdiff_t count = c->first[t + 1] - c->first[t];
          if (near) {
            for (ptrdiff_t i = 0; i < count; i++) tile[t][i] = d[i];
          } else {
            for (ptrdiff_t i = 0; i < count; i += VL) st(tile[t] + i, ld(d + i));
          }
          tile[t] += count;
        }
      }
}

// A panel of x's channels, all that the box reads, as [pixel][NB], zeros behind the last channel.
static void copy_x(const Panels *s, const PixelBox *box, const Strip *rows, const Strip *columns, ptrdiff_t from, Panel q, float *to) {
  const ptrdiff_t nb = q.vectors * VL, step = columns->step * s->channels;
  for (ptrdiff_t n = box->n0; n < box->n0 + box->images; n++)
    for (ptrdiff_t y = rows->from; y < rows->to; y += rows->step) {
      const float *x = s->x + ((n * s->y.size + y) * s->x_.size + columns->from) * s->channels + from;
      for (ptrdiff_t i = 0; i < columns->count; i++, x += step, to += nb) {
        if (q.width == BLOCK) {
          st(to, ld(x));
          st(to + VL, ld(x + VL));
        } else load_lanes(to, x, q.width);
      }
    }
}

// Output positions [from, to) whose tap at `offset` lies inside.
INLINE void clip_tap(const Axis *a, ptrdiff_t offset, ptrdiff_t *from, ptrdiff_t *to) {
  if (offset < 0) *from = max_(*from, ceil_div(-offset, a->stride));
  *to = min_(*to, a->size > offset ? ceil_div(a->size - offset, a->stride) : 0);
}

// Adds a box of pixels to the sums of a panel of input channels: all tiles of a chunk, all taps. sums: [tap][out][NB]
static void add_box(const Panels *s, const PixelBox *box, const Strip *rows, const Strip *columns, const float *x, const float *dy,
                    const Chunk *c, Panel q, float *sums, int flags) {
  const ptrdiff_t nb = q.vectors * VL, wide = box->x1 - box->x0, pixels = box->images * (box->y1 - box->y0) * wide;
  for (ptrdiff_t tap = 0; tap < s->taps; tap++) {
    const ptrdiff_t offsetY = tap / s->x_.kernel * s->y.dilation - s->y.pad, offsetX = tap % s->x_.kernel * s->x_.dilation - s->x_.pad;
    PixelBox in = *box;
    clip_tap(&s->y, offsetY, &in.y0, &in.y1);
    clip_tap(&s->x_, offsetX, &in.x0, &in.x1);
    const int empty = in.y1 <= in.y0 || in.x1 <= in.x0;
    if (empty && flags) continue;
    const float *b = x, *a = dy;
    if (!empty)
      b += ((in.y0 * s->y.stride + offsetY - rows->from) / rows->step * columns->count +
            (in.x0 * s->x_.stride + offsetX - columns->from) / columns->step) * nb;
    for (ptrdiff_t t = 0; t < c->tiles; t++) {
      const ptrdiff_t first = c->first[t], count = c->first[t + 1] - first;
      const Box area = {
          .images = empty ? 0 : box->images, .rows = in.y1 - in.y0, .count = in.x1 - in.x0,
          .aImage = (box->y1 - box->y0) * wide * count, .aRow = wide * count, .aPixel = count,
          .bImage = rows->count * columns->count * nb, .bRow = s->y.stride / rows->step * columns->count * nb,
          .bPixel = s->x_.stride / columns->step * nb,
      };
      const float *from = a + (empty ? 0 : ((in.y0 - box->y0) * wide + in.x0 - box->x0) * count), *each[MAX_ROWS];
      for (ptrdiff_t i = 0; i < count; i++) each[i] = from + i;
      sum_tiles[q.vectors - 1][count - 1](&area, each, b, sums + (tap * s->out + first) * nb, nb, flags);
      a += tile_floats(pixels, count);
    }
  }
}

// The sums of a block without pixels.
static void clear_sums(const Panels *s, const Chunk *c, ptrdiff_t p0, ptrdiff_t p1, float *partial) {
  const ptrdiff_t first = c->first[0], count = c->first[c->tiles] - first;
  for (ptrdiff_t b = p0; b < p1; b++) {
    const Panel q = panel(s->in, b);
    float *sums = partial + q.first * s->taps * s->out;
    for (ptrdiff_t tap = 0; tap < s->taps; tap++)
      __builtin_memset(sums + (tap * s->out + first) * q.vectors * VL, 0, (size_t)(count * q.vectors * VL) * 4);
  }
}

// buf: x [N, H, W, C], dY [N, OH, OW, OC], partial [blocks][group][panel][tap][out][NB]: roundUp(in, VL) · taps · OC floats each
// p: as conv2d_weight_grad
KERNEL(conv2d_weight_panels) {
  const Panels s = grad_panels(buf, p);
  const ptrdiff_t blocks = p[15], lanes = round_up(s.in, VL), perBlock = s.groups * s.chunks * s.panels;
  const ptrdiff_t u0 = share(blocks * perBlock, part, parts), u1 = share(blocks * perBlock, part + 1, parts);
  float x[GRAD_X] __attribute__((aligned(64))), dy[GRAD_DY];
  for (ptrdiff_t u = u0, next; u < u1; u = next) {
    next = min_(u1, (u / s.panels + 1) * s.panels);
    const ptrdiff_t block = u / perBlock, g = u % perBlock / s.panels / s.chunks, chunk = u / s.panels % s.chunks;
    const ptrdiff_t p0 = u % s.panels, p1 = p0 + next - u;
    const Chunk c = chunk_of(&s, chunk);
    float *partial = (float *)buf[2] + (block * s.groups + g) * lanes * s.taps * s.out;
    const ptrdiff_t box0 = share(s.boxes, (int)block, (int)blocks), box1 = share(s.boxes, (int)block + 1, (int)blocks);
    if (box0 == box1) clear_sums(&s, &c, p0, p1, partial);
    for (ptrdiff_t i = box0; i < box1; i++) {
      const ptrdiff_t bx = i % s.boxesX, by = i / s.boxesX % s.boxesY, n0 = i / s.boxesX / s.boxesY * s.boxImages;
      const PixelBox box = {n0, min_(s.boxImages, s.images - n0),
                            share(s.y.out, (int)by, (int)s.boxesY), share(s.y.out, (int)by + 1, (int)s.boxesY),
                            share(s.x_.out, (int)bx, (int)s.boxesX), share(s.x_.out, (int)bx + 1, (int)s.boxesX)};
      const Strip rows = strip_of(&s.y, box.y0, box.y1), columns = strip_of(&s.x_, box.x0, box.x1);
      copy_dy(&s, &box, g, &c, dy);
      for (ptrdiff_t b = p0; b < p1; b++) {
        const Panel q = panel(s.in, b);
        copy_x(&s, &box, &rows, &columns, g * s.in + q.first, q, x);
        add_box(&s, &box, &rows, &columns, x, dy, &c, q, partial + q.first * s.taps * s.out, i > box0 ? TILE_ADD : 0);
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
  for (ptrdiff_t u = share(units, part, parts); u < share(units, part + 1, parts); u++) {
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
