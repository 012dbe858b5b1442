// A sparse matrix times x along one axis: resizing, adaptive averages. Tensors are dense [outer][size][inner].
// Parts share the output rows [o][k][:]; each is summed in the order of the matrix row, whatever the number of parts.
#include "vec.h"

// One output row of n floats from the matrix row t0 … t1.
INLINE void weighted_rows(const float *x, const int32_t *from, const float *weights, ptrdiff_t t0, ptrdiff_t t1,
                          ptrdiff_t inner, float *y) {
  ptrdiff_t i = 0;
  for (; i + VL <= inner; i += VL) {
    vf sum = {0};
    for (ptrdiff_t t = t0; t < t1; t++) sum += splat(weights[t]) * ld(x + from[t] * inner + i);
    st(y + i, sum);
  }
  if (i < inner) {
    const int n = (int)(inner - i);
    vf sum = {0};
    for (ptrdiff_t t = t0; t < t1; t++) sum += splat(weights[t]) * ld_tail(x + from[t] * inner + i, n);
    st_tail(y + i, sum, n);
  }
}

// buf: x, starts [out + 1], from, weights, y. p: 0 outer, 1 size, 2 out, 3 inner
KERNEL(along_axis) {
  const float *x = buf[0], *weights = buf[3];
  const int32_t *starts = buf[1], *from = buf[2];
  float *y = buf[4];
  const ptrdiff_t size = p[1], out = p[2], inner = p[3], rows = p[0] * out;
  ptrdiff_t u = begin_of(rows, part);
  const ptrdiff_t end = end_of(rows, part);
  while (u < end) {
    const ptrdiff_t o = u / out, k0 = u % out, k1 = k0 + end - u < out ? k0 + end - u : out;
    const float *map = x + o * size * inner;
    float *to = y + o * out * inner;
    for (ptrdiff_t k = k0; k < k1; k++) {
      // Single elements too: a scalar loop may round products that vectors contract, and layouts must agree to the bit.
      weighted_rows(map, from, weights, starts[k], starts[k + 1], inner, to + k * inner);
    }
    u += k1 - k0;
  }
}
