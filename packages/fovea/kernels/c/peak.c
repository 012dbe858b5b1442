// The multiply–add peak of one thread, for `fovea bench`: sums of x·a over numbers in L1, in as many independent chains as
// hide the latency of an addition. One load for each multiply–add; nothing else to wait for.
#include "vec.h"

#define CHAINS 10
#define NUMBERS (CHAINS * VL)

// buf: x [16][NUMBERS], y [parts][VL] (so that nothing is left out). p: 0 rounds (each 16·2·NUMBERS operations)
KERNEL(peak) {
  const float *x = buf[0];
  vf sums[CHAINS], a = ld(x);
  UNROLL for (int i = 0; i < CHAINS; i++) sums[i] = ld(x + i * VL);
  for (int32_t n = 0; n < p[0]; n++)
    for (const float *from = x; from < x + 16 * NUMBERS; from += 4 * NUMBERS) {
      UNROLL for (int k = 0; k < 4; k++) {
        UNROLL for (int i = 0; i < CHAINS; i++) sums[i] = madd(ld(from + k * NUMBERS + i * VL), a, sums[i]);
      }
    }
  vf sum = sums[0];
  UNROLL for (int i = 1; i < CHAINS; i++) sum += sums[i];
  st((float *)buf[1] + (ptrdiff_t)part * VL, sum);
  (void)parts;
}
