// The multiply–add peak, for `fovea bench`: on each thread twelve independent chains of x·a + b, which hide the latency of a
// multiplication and an addition that are not fused, and fit into 16 registers. Memory is not touched but for the result.
#include "vec.h"

#define CHAINS 12
#define STEPS 4 // of each chain in a round

// buf: y [VL], which nothing is written to. p: 0 rounds in all, each of 2·CHAINS·STEPS·VL operations
KERNEL(peak) {
  const vf a = splat(0.9999999f), b = splat(1e-7f);
  vf x[CHAINS];
  UNROLL for (int i = 0; i < CHAINS; i++) x[i] = splat((float)i);
  for (ptrdiff_t n = begin_of(p[0], part); n < end_of(p[0], part); n++) {
    UNROLL for (int k = 0; k < STEPS; k++) {
      UNROLL for (int i = 0; i < CHAINS; i++) x[i] = madd(x[i], a, b);
    }
  }
  vf sum = x[0];
  UNROLL for (int i = 1; i < CHAINS; i++) sum += x[i];
  if (sum[0] < 0) st(buf[0], sum); // never, but the compiler does not know and leaves nothing out
}
