// Weights into the panels the tiles stream: [group][panel][depth][NB], zero-padded in the last vector of a group.
//
// A panel covers two vectors of output channels (NB = 2·VL), or one (NB = VL) when that is what is left, so a packed
// tensor has groups · roundUp(channels per group, VL) · depth floats, and panel b of a group starts at 2·VL·b·depth.
// Copies and 4×4 transposes; bound by memory.
#include "tiles.h"
#include "transpose.h"
#include "window_classes.h"

// buf: w [OC, IC/groups, taps], packed. p: 0 OC, 1 IC/groups, 2 taps, 3 groups
KERNEL(conv2d_pack) {
  const ptrdiff_t in = p[1], taps = p[2], groups = p[3], out = p[0] / groups, depth = in * taps;
  const ptrdiff_t panels = panel_count(out), chunks = ceil_div(depth, PACK_CHUNK), units = groups * panels * chunks;
  const float *w = buf[0];
  float *packed = buf[1];
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t g = u / chunks / panels, k0 = u % chunks * PACK_CHUNK;
    const Panel q = panel(out, u / chunks % panels);
    pack_transposed(w + (g * out + q.first) * depth, depth, q.width, k0, min_(depth, k0 + PACK_CHUNK), taps, in,
                    packed + (g * round_up(out, VL) + q.first) * depth, q.vectors * VL);
  }
}

// Rows of nb lanes: lane l of row r is src[r·row + l·lane], zero from lane `width` on.
INLINE void pack_rows(const float *src, ptrdiff_t row, ptrdiff_t lane, ptrdiff_t rows, ptrdiff_t width, float *dst, ptrdiff_t nb) {
  for (ptrdiff_t r = 0; r < rows; r++, src += row, dst += nb) {
    if (lane == 1) {
      load_lanes(dst, src, width);
    } else if (width == nb) {
      for (ptrdiff_t l = 0; l < nb; l += VL) {
        vf v;
        UNROLL for (int i = 0; i < VL; i++) v[i] = src[(l + i) * lane];
        st(dst + l, v);
      }
    } else {
      for (ptrdiff_t l = 0; l < nb; l++) dst[l] = l < width ? src[l * lane] : 0;
    }
  }
}

#define PACK_ROWS 32 // output channels of one piece of work: their weights stay in L1 while the taps take turns

// Panels over input channels, taps ordered by stride class and rotated (window_classes.h): [group][panel][tap][out][NB].
// buf: w [OC, IC/groups, kH, kW], packed. p: 0 OC, 1 IC/groups, 2 kH, 3 kW, 4 groups, 5 strideH, 6 strideW, 7 padTop,
//    8 padLeft, 9 dilationH, 10 dilationW
KERNEL(conv2d_input_grad_pack) {
  const ptrdiff_t in = p[1], kw = p[3], taps = (ptrdiff_t)p[2] * kw, groups = p[4], out = p[0] / groups;
  const ptrdiff_t panels = panel_count(in), chunks = ceil_div(out, PACK_ROWS), units = groups * chunks * panels;
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t g = u / panels / chunks, o = u / panels % chunks * PACK_ROWS; // panels innermost: w is read in one sweep
    const Panel q = panel(in, u % panels);
    const ptrdiff_t nb = q.vectors * VL;
    const float *src = (const float *)buf[0] + ((g * out + o) * in + q.first) * taps;
    float *dst = (float *)buf[1] + (g * round_up(in, VL) + q.first) * taps * out + o * nb;
    for (int cy = 0; cy < p[5]; cy++)
      for (int cx = 0; cx < p[6]; cx++) {
        const Taps y = class_taps(cy, p[2], p[5], p[7], p[9]), x = class_taps(cx, p[3], p[6], p[8], p[10]);
        for (ptrdiff_t ty = 0; ty < y.count; ty++)
          for (ptrdiff_t tx = 0; tx < x.count; tx++, dst += out * nb)
            pack_rows(src + (y.last - ty * y.period) * kw + x.last - tx * x.period, in * taps, taps, min_(PACK_ROWS, out - o),
                      q.width, dst, nb);
      }
  }
}

// Panels over the columns (kx, ic) of each kernel row (dilationW 1), or over ic for each tap: [run][panel][OC][NB].
// buf: w [OC, IC, kH, kW], packed. p: 0 OC, 1 IC, 2 kH, 3 kW, 4 dilationW
KERNEL(conv2d_input_scatter_pack) {
  const ptrdiff_t out = p[0], in = p[1], kw = p[3], taps = (ptrdiff_t)p[2] * kw, fold = p[4] == 1 ? kw : 1;
  const ptrdiff_t runs = taps / fold, length = fold * in, units = runs * panel_count(length);
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t run = u / panel_count(length);
    const Panel q = panel(length, u % panel_count(length));
    const ptrdiff_t nb = q.vectors * VL;
    float *dst = (float *)buf[1] + (run * round_up(length, VL) + q.first) * out;
    for (ptrdiff_t o = 0; o < out; o++, dst += nb) {
      const float *src = (const float *)buf[0] + o * in * taps + run * fold;
      for (ptrdiff_t l = 0; l < nb; l++) {
        const ptrdiff_t column = q.first + l;
        dst[l] = l < q.width ? src[column % in * taps + column / in] : 0;
      }
    }
  }
}

// Zero borders around every image, for windows that then never leave it.
// buf: x [N, H, W, C] (or [N, C, H, W], p[8]), y [N, top + H + bottom, left + W + right, C]
// p: 0 N, 1 H, 2 W, 3 C, 4 top, 5 bottom, 6 left, 7 right, 8 x has one plane per channel
KERNEL(pad_images) {
  const ptrdiff_t h = p[1], w = p[2], c = p[3], row = w * c, left = p[6] * c, right = p[7] * c;
  const ptrdiff_t height = p[4] + h + p[5], width = left + row + right, units = p[0] * height;
  for (ptrdiff_t u = begin_of(units, part); u < end_of(units, part); u++) {
    const ptrdiff_t n = u / height, y = u % height - p[4];
    float *to = (float *)buf[1] + u * width;
    if (y < 0 || y >= h) {
      __builtin_memset(to, 0, (size_t)width * 4);
      continue;
    }
    __builtin_memset(to, 0, (size_t)left * 4);
    if (p[8]) {
      const float *from = (const float *)buf[0] + (n * c * h + y) * w;
      for (ptrdiff_t k = 0; k < c; k++, from += h * w)
        for (ptrdiff_t x = 0; x < w; x++) to[left + x * c + k] = from[x];
    } else {
      __builtin_memcpy(to + left, (const float *)buf[0] + (n * h + y) * row, (size_t)row * 4);
    }
    __builtin_memset(to + left + row, 0, (size_t)right * 4);
  }
}
