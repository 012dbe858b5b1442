// Dropout: y = kept ? x · scale : 0. buf: x, state, y. p: channels last?, images, channels, pixels, limit, scale (float).
// Element i (its logical row-major number, so that the layout does not matter) uses word i % 4 of the Philox block
// counter + i / 4 and is kept when the word's upper 24 bits ≥ limit. The state is int32[6]: key and counter.
#include "philox.h"
#include "walk.h"

INLINE vf drop(vf x, vu word, int32_t limit, vf scale) { return select((vi)(word >> 8) >= limit, x * scale, splat(0)); }

// Dense in logical order. Parts meet where blocks begin: WALK_GRAIN is a multiple of 4·VL.
INLINE void dropout_dense(const float *x, const uint32_t *state, float *y, ptrdiff_t n, int32_t limit, vf scale, Part part) {
  ptrdiff_t i, end;
  for (walk_share(n, part, &i, &end); i < end; i += 4 * VL) {
    vu words[4];
    philox_blocks(words, state, (vu)lane_numbers() + (uint32_t)(i / 4));
    uint32_t by_word[4][VL], in_order[4 * VL];
    UNROLL for (int w = 0; w < 4; w++) sti((int32_t *)by_word[w], (vi)words[w]);
    for (int b = 0; b < VL; b++)
      UNROLL for (int w = 0; w < 4; w++) in_order[4 * b + w] = by_word[w][b];
    for (ptrdiff_t j = 0; j < 4 * VL && i + j < end; j += VL) {
      int r = (int)min_of(VL, end - i - j);
      vu word = (vu)ldi((const int32_t *)in_order + j);
      st_tail(y + i + j, drop(ld_tail(x + i + j, r), word, limit, scale), r);
    }
  }
}

// Channels last, [n][pixels][channels] in memory: vectors run over channels, whose logical numbers lie `pixels` apart.
// With pixels % 4 = 0 the four words of a block are four neighbouring pixels; otherwise one word of each block is used.
INLINE void dropout_channels(const float *x, const uint32_t *state, float *y, const int32_t *p, int32_t limit, vf scale,
                             Part part) {
  ptrdiff_t images = p[1], channels = p[2], pixels = p[3], step = pixels % 4 ? 1 : 4;
  vu lane = (vu)lane_numbers();
  ptrdiff_t units = images * (pixels / step);
  for (ptrdiff_t u = begin_of(units, part), end = end_of(units, part); u < end; u++) {
    ptrdiff_t image = u / (pixels / step), pixel = u % (pixels / step) * step;
    for (ptrdiff_t c = 0; c < channels; c += VL) {
      int r = (int)min_of(VL, channels - c);
      vu number = (lane + (uint32_t)(image * channels + c)) * (uint32_t)pixels + (uint32_t)pixel, words[4];
      philox_blocks(words, state, number >> 2);
      ptrdiff_t at = (image * pixels + pixel) * channels + c;
      if (step == 4) {
        UNROLL for (int w = 0; w < 4; w++, at += channels) st_tail(y + at, drop(ld_tail(x + at, r), words[w], limit, scale), r);
      } else {
        vu word = words[0];
        UNROLL for (int w = 1; w < 4; w++) word = (vu)select((vi)((number & 3) == (uint32_t)w), (vf)words[w], (vf)word);
        st_tail(y + at, drop(ld_tail(x + at, r), word, limit, scale), r);
      }
    }
  }
}

KERNEL(dropout_f32) {
  vf scale = splat(pf(p, 5));
  if (p[0]) dropout_channels(buf[0], buf[1], buf[2], p, p[4], scale, part);
  else dropout_dense(buf[0], buf[1], buf[2], (ptrdiff_t)p[1] * p[2] * p[3], p[4], scale, part);
}
