// Which kernel taps reach an input row: the strided convolution's input gradient, decomposed.
//
// Input row y receives from output row oy through tap k when oy·stride = y + pad − k·dilation. So rows fall into `stride`
// classes (y mod stride); a class is reached by every period-th tap, and within a class the gradient is an ordinary
// convolution of dY with stride 1. Taps are taken from the last to the first, so that output rows ascend.
#pragma once
#include "kernel.h"

typedef struct {
  ptrdiff_t count;  // taps that reach the class; 0: the gradient is zero there
  ptrdiff_t last;   // the first one taken (largest index); the t-th is last − t·period
  ptrdiff_t period;
  ptrdiff_t add;    // output row of class row j through the first tap taken: j + add
  ptrdiff_t step;   // distance of the output rows of successive taps
} Taps;

static Taps class_taps(ptrdiff_t cls, ptrdiff_t kernel, ptrdiff_t stride, ptrdiff_t pad, ptrdiff_t dilation) {
  ptrdiff_t g = stride, r = dilation; // greatest common divisor
  while (r) {
    ptrdiff_t next = g % r;
    g = r;
    r = next;
  }
  const ptrdiff_t period = stride / g;
  for (ptrdiff_t k = 0; k < kernel && k < period; k++)
    if ((cls + pad - k * dilation) % stride == 0) {
      const ptrdiff_t count = (kernel - k + period - 1) / period, last = k + (count - 1) * period;
      return (Taps){count, last, period, (cls + pad - last * dilation) / stride, dilation / g};
    }
  return (Taps){0, 0, period, 0, dilation / g};
}
