// What the two kernels for the gradient of conv2d's weights share: boxes of some hundred output pixels, in which their loops
// proceed, the operands of a box, in place or copied, and what is fetched while tiles compute. Tiles run at full speed from
// L1 and L2, also with a pixel's values far apart; what waits for memory is copies, and tiles in place, of lines that are not
// in the caches yet. So boxes are small enough for L2 and the next one's lines are asked for in advance, or, where nothing can
// be prefetched, a box's own at once. The limits are what was fastest on Zen 5, for 16-byte vectors in WebAssembly.
#pragma once
#include "tiles.h"

#define GRAD_PIXELS 256       // output pixels of a box, at most, whose operands are both copied
#define LONG_PIXELS 512       // of others: starting and ending a tile costs as much as some 5
#define GRAD_ROOM (VL == 4 ? 1024 : 512) // input pixels of a box in the copy of a panel of x: 32 or 64 KB
// Floats of a box whose operands are read where they lie. It stays in L2, and so does the next, if that is fetched meanwhile.
#define IN_PLACE_FLOATS (CAN_PREFETCH ? 24576 : 49152)
#define IN_PLACE_LEAST 64
#define FEW_TILES (VL == 4 ? 17 : 8)     // row tiles for which a copy of the other operand does not pay: fewer than so many
#define FEW_PANELS (VL == 4 ? 9 : 8)     // and panels
#define TOUCHED_FLOATS 32768             // of x at a time: they stay in L2 until they are copied

typedef struct {
  ptrdiff_t kernel, stride, pad, dilation, size, out; // of one axis
} Axis;

// Positions from, from + step, … of one axis.
typedef struct {
  ptrdiff_t from, step, count;
} Strip;

typedef struct {
  const float *x, *dy, *dyEnd;
  Axis h, w;
  ptrdiff_t images, channels, outChannels, groups, in, out, taps; // in, out: channels of a group
  int plain;                                                      // output pixel i reads input pixel i
  ptrdiff_t boxImages, boxesY, boxesX, boxes, boxPixels;          // pixels of a box at most
} WeightGrad;

// How many input positions `outputs` output positions read at most; a single tap reads every stride-th only.
INLINE ptrdiff_t strip_most(const Axis *a, ptrdiff_t outputs) {
  return a->kernel == 1 ? outputs : min_(a->size, (outputs - 1) * a->stride + (a->kernel - 1) * a->dilation + 1);
}
INLINE int is_plain(const Axis *a) { return a->kernel == 1 && a->stride == 1 && a->pad == 0 && a->out == a->size; }

// p: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 kH, 8 kW, 9 strideH, 10 strideW, 11 padTop, 12 padLeft, 13 dilationH, 14 dilationW,
//    16 groups
static WeightGrad weight_grad(const float *x, const float *dy, const int32_t *p) {
  WeightGrad s = {.x = x, .dy = dy, .h = {p[7], p[9], p[11], p[13], p[1], p[4]}, .w = {p[8], p[10], p[12], p[14], p[2], p[5]},
                  .images = p[0], .channels = p[3], .outChannels = p[6], .groups = p[16]};
  s.dyEnd = dy + s.images * s.h.out * s.w.out * s.outChannels;
  s.in = s.channels / s.groups;
  s.out = s.outChannels / s.groups;
  s.taps = s.h.kernel * s.w.kernel;
  s.plain = is_plain(&s.h) && is_plain(&s.w);
  if (s.plain) { // all pixels are one row
    s.w.size = s.w.out = s.images * s.h.out * s.w.out;
    s.h.size = s.h.out = s.images = 1;
  }
  return s;
}

// Into boxes of at most `most` output pixels that read at most `room` input pixels: full rows, or else, of boxes with about as
// many pixels, those that read the smallest part of x.
static void cut_boxes(WeightGrad *grad, ptrdiff_t most, ptrdiff_t room, int fullRows) {
  WeightGrad s = *grad;
  ptrdiff_t rows, columns, cost = 0, pixels = 0;
  for (ptrdiff_t boxesX = max_(1, ceil_div(s.w.out, most));; boxesX *= 2) {
    columns = max_(1, ceil_div(s.w.out, boxesX));
    rows = max_(1, min_(s.h.out, most / columns));
    while (rows > 1 && strip_most(&s.h, rows) * strip_most(&s.w, columns) > room) rows--;
    const ptrdiff_t boxesY = ceil_div(s.h.out, rows);
    rows = ceil_div(s.h.out, boxesY);
    const ptrdiff_t reads = strip_most(&s.h, rows) * strip_most(&s.w, columns), costs = reads + most / 4;
    if ((reads <= room || columns == 1) && (pixels == 0 || costs * pixels < cost * rows * columns)) {
      cost = costs, pixels = rows * columns;
      s.boxesX = boxesX, s.boxesY = boxesY;
    }
    if (columns == 1 || (pixels > 0 && (fullRows || s.taps == 1 || columns <= 32))) break;
  }
  const ptrdiff_t reads = strip_most(&s.h, ceil_div(s.h.out, s.boxesY)) * strip_most(&s.w, ceil_div(s.w.out, s.boxesX));
  s.boxImages = s.boxesY * s.boxesX > 1 ? 1 : max_(1, min_(s.images, min_(most / pixels, room / reads)));
  s.boxImages = ceil_div(max_(1, s.images), ceil_div(max_(1, s.images), s.boxImages)); // as many in each
  s.boxes = ceil_div(s.images, s.boxImages) * s.boxesY * s.boxesX;
  s.boxPixels = s.boxImages * pixels;
  *grad = s;
}

// Pixels of a box whose operands are read where they lie.
INLINE ptrdiff_t in_place_pixels(const WeightGrad *s) {
  return max_(IN_PLACE_LEAST, min_(LONG_PIXELS, IN_PLACE_FLOATS / (s->channels + s->outChannels)));
}

// Output pixels y × x of some images, and the input that they read.
typedef struct {
  ptrdiff_t image, images;
  Strip y, x, inY, inX;
} PixelBox;

static Strip input_strip(const Axis *a, Strip outputs) {
  const ptrdiff_t step = a->kernel == 1 ? a->stride : 1, last = outputs.from + outputs.count - 1;
  ptrdiff_t from = outputs.from * a->stride - a->pad, to = last * a->stride - a->pad + (a->kernel - 1) * a->dilation + 1;
  if (from < 0) from += ceil_div(-from, step) * step;
  return (Strip){from, step, max_(0, ceil_div(min_(to, a->size) - from, step))};
}

INLINE Strip strip_share(ptrdiff_t positions, ptrdiff_t i, ptrdiff_t of) {
  const ptrdiff_t from = share(positions, (int)i, (int)of);
  return (Strip){from, 1, share(positions, (int)i + 1, (int)of) - from};
}

// Box i; from `end` on they have no images.
static PixelBox pixel_box(const WeightGrad *s, ptrdiff_t i, ptrdiff_t end) {
  const ptrdiff_t image = i / s->boxesX / s->boxesY * s->boxImages;
  const Strip y = strip_share(s->h.out, i / s->boxesX % s->boxesY, s->boxesY), x = strip_share(s->w.out, i % s->boxesX, s->boxesX);
  return (PixelBox){image, i < end ? min_(s->boxImages, s->images - image) : 0, y, x, input_strip(&s->h, y), input_strip(&s->w, x)};
}

// Output positions [from, to) of a strip whose tap at `offset` lies inside.
INLINE void clip_tap(const Axis *a, ptrdiff_t offset, Strip outputs, ptrdiff_t *from, ptrdiff_t *to) {
  *from = offset < 0 ? max_(outputs.from, ceil_div(-offset, a->stride)) : outputs.from;
  *to = min_(outputs.from + outputs.count, a->size > offset ? ceil_div(a->size - offset, a->stride) : 0);
}

// Pixels of a channels-last map, one after the other.
typedef struct {
  const float *at;              // the next pixel's values
  ptrdiff_t left, rows, count;  // pixels to come, rows of an image, pixels of a row
  ptrdiff_t pixel, row, image;  // floats to the next pixel, and from the end of a row and of an image to the next
  ptrdiff_t y, x;
} Pixels;

INLINE Pixels pixels_of(const float *map, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels, const PixelBox *box, Strip y, Strip x) {
  const ptrdiff_t row = width * channels;
  return (Pixels){
      .at = map + (box->image * height + y.from) * row + x.from * channels,
      .left = box->images * y.count * x.count, .rows = y.count, .count = x.count,
      .pixel = x.step * channels, .row = y.step * row - x.count * x.step * channels, .image = (height - y.count * y.step) * row,
  };
}
// A box's pixels from channel `first` on.
INLINE Pixels box_dy(const WeightGrad *s, const PixelBox *box, ptrdiff_t first) {
  return pixels_of(s->dy + first, s->h.out, s->w.out, s->outChannels, box, box->y, box->x);
}
INLINE Pixels box_x(const WeightGrad *s, const PixelBox *box, ptrdiff_t first) {
  return pixels_of(s->x + first, s->h.size, s->w.size, s->channels, box, box->inY, box->inX);
}

// An operand of tiles: a map as it lies, from one image on, or the copy of a box.
typedef struct {
  const float *at;             // of the first position
  Strip y, x;                  // positions in it
  ptrdiff_t image, row, pixel; // strides, floats
} View;

INLINE View view_of(const float *at, Strip y, Strip x, ptrdiff_t pixel) {
  return (View){at, y, x, y.count * x.count * pixel, x.count * pixel, pixel};
}
INLINE View map_view(const float *map, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels, ptrdiff_t image) {
  return view_of(map + image * height * width * channels, (Strip){0, 1, height}, (Strip){0, 1, width}, channels);
}
INLINE const float *view_at(const View *v, ptrdiff_t y, ptrdiff_t x) {
  return v->at + (y - v->y.from) / v->y.step * v->row + (x - v->x.from) / v->x.step * v->pixel;
}

// Neighbours in a row, `pixel` floats apart.
typedef struct {
  const float *at;
  ptrdiff_t count;
} Run;

// The next ones, at most `most`.
INLINE Run next_run(Pixels *p, ptrdiff_t most) {
  const Run run = {p->at, min_(min_(most, p->left), p->count - p->x)};
  p->at += run.count * p->pixel;
  p->left -= run.count;
  p->x += run.count;
  if (p->x == p->count) {
    p->x = 0;
    p->at += p->row;
    if (++p->y == p->rows) {
      p->y = 0;
      p->at += p->image;
    }
  }
  return run;
}

// A panel of channels as [pixel][NB], zeros behind the last channel.
static void copy_panel(Pixels p, Panel q, float *to) {
  const ptrdiff_t nb = q.vectors * VL;
  while (p.left > 0) {
    const Run run = next_run(&p, p.left);
    const float *from = run.at;
    if (q.width == BLOCK) {
      for (ptrdiff_t k = 0; k < run.count; k++, from += p.pixel, to += BLOCK) {
        st(to, ld(from));
        st(to + VL, ld(from + VL));
      }
    } else {
      for (ptrdiff_t k = 0; k < run.count; k++, from += p.pixel, to += nb) load_lanes(to, from, q.width);
    }
  }
}

// The first `floats` of every pixel.
static void touch_pixels(Pixels p, ptrdiff_t floats) {
  while (p.left > 0) {
    const Run run = next_run(&p, p.left);
    for (ptrdiff_t k = 0; k < run.count; k++) touch(run.at + k * p.pixel, floats);
  }
}

// Floats from the first pixel to the end of the last.
INLINE ptrdiff_t run_floats(const Pixels *p) {
  if (p->left == 0) return 0;
  const ptrdiff_t row = p->count * p->pixel + p->row, images = p->left / (p->rows * p->count);
  return (images - 1) * (p->rows * row + p->image) + (p->rows - 1) * row + p->count * p->pixel;
}

INLINE void touch_run(Pixels p) { touch(p.at, run_floats(&p)); }

// The pixels of two maps, each one run of memory, fetched by the steps of tiles (Box.ahead): no bursts keep the tiles waiting.
typedef struct {
  const float *x, *dy;
  ptrdiff_t xFloats, at, perPixel; // where it has come to, floats with every pixel of a tile
} Stream;

INLINE Stream stream_in(ptrdiff_t steps, Pixels x, Pixels dy) {
  const ptrdiff_t floats = run_floats(&x);
  return (Stream){x.at, dy.at, floats, 0, ceil_div(floats + run_floats(&dy), max_(1, steps))};
}
INLINE void stream_on(Stream *s, Box *box) {
  if (!CAN_PREFETCH) return;
  box->ahead = s->at < s->xFloats ? s->x + s->at : s->dy + s->at - s->xFloats;
  box->aheadPixel = s->perPixel;
  s->at += box->images * box->rows * box->count * s->perPixel;
}

// Pixels to fetch, so many at a time, so many floats of each.
typedef struct {
  Pixels pixels;
  ptrdiff_t each, floats;
} Ahead;

INLINE Ahead fetch_in(ptrdiff_t times, Pixels pixels, ptrdiff_t floats) { return (Ahead){pixels, ceil_div(pixels.left, times), floats}; }

static void fetch(Ahead *a) {
  if (!CAN_PREFETCH) return;
  for (ptrdiff_t left = min_(a->each, a->pixels.left); left > 0;) {
    const Run run = next_run(&a->pixels, left);
    for (ptrdiff_t k = 0; k < run.count; k++)
      for (ptrdiff_t l = 0; l < a->floats; l += 16) __builtin_prefetch(run.at + k * a->pixels.pixel + l, 0, 2);
    left -= run.count;
  }
}
