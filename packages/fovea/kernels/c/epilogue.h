// The end of a sum of products: y = activation(sum + bias + residual), the same for convolutions and matrix products.
// Bias starts the sums, the residual ends them. ReLU and clip are done on registers, SiLU on lines that were just written.
#pragma once
#include "vmath.h"

enum {
  EPILOGUE_BIAS = 1,
  EPILOGUE_RELU = 2,
  EPILOGUE_RESIDUAL = 4,
  EPILOGUE_CLIP = 8,
  EPILOGUE_SILU = 16,
  EPILOGUE_CLAMP = EPILOGUE_RELU | EPILOGUE_CLIP, // max(lo, min(hi, x)); ReLU from 0 to infinity
};

typedef struct {
  const float *bias, *residual; // or null
  int flags;
  float lo, hi;
} Epilogue;

// range: the host's parameters lo and hi, read for clip only.
INLINE Epilogue epilogue(int flags, const int32_t *range, const float *bias, const float *residual) {
  const int clip = flags & EPILOGUE_CLIP;
  return (Epilogue){
      .bias = flags & EPILOGUE_BIAS ? bias : NULL, .residual = flags & EPILOGUE_RESIDUAL ? residual : NULL,
      .flags = flags, .lo = clip ? pf(range, 0) : 0, .hi = clip ? pf(range, 1) : INF,
  };
}

// In this order NaN stays NaN.
INLINE vf clamp_to(const Epilogue *e, vf x) { return vmin(splat(e->hi), vmax(splat(e->lo), x)); }

INLINE vf activate(const Epilogue *e, vf x) {
  if (e->flags & EPILOGUE_CLAMP) return clamp_to(e, x);
  return e->flags & EPILOGUE_SILU ? vsilu(x) : x;
}

// SiLU of rows that were just written: rows × width floats, ld apart.
static __attribute__((noinline)) void silu_rows(float *c, ptrdiff_t ld_, ptrdiff_t rows, ptrdiff_t width) {
  for (ptrdiff_t r = 0; r < rows; r++, c += ld_) {
    ptrdiff_t i = 0;
    for (; i + VL <= width; i += VL) st(c + i, vsilu(ld(c + i)));
    if (i < width) st_tail(c + i, vsilu(ld_tail(c + i, (int)(width - i))), (int)(width - i));
  }
}

// The whole epilogue on sums that were just written without bias and residual: n floats of one row; bias and residual
// are those of the first of them, or null.
static __attribute__((noinline)) void finish_row(const Epilogue *e, float *c, const float *bias, const float *residual, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i += VL) {
    const int width = (int)(n - i < VL ? n - i : VL);
    vf x = ld_tail(c + i, width);
    if (bias) x += ld_tail(bias + i, width);
    if (residual) x += ld_tail(residual + i, width);
    st_tail(c + i, activate(e, x), width);
  }
}
