// Philox4x32-10 (Salmon et al., 2011): random bits as a function of a counter and a key. base/random.ts gives the same bits.
#pragma once
#include "vmath.h"

typedef uint64_t vu64 __attribute__((vector_size(VB)));

// The products of the even lanes (as they lie) with m.
INLINE vu64 multiply_even(vu a, uint32_t m) {
#if defined(__AVX512F__) && VB == 64
  return (vu64)_mm512_mul_epu32((__m512i)a, (__m512i)splati((int32_t)m));
#elif defined(__AVX2__) && VB == 32
  return (vu64)_mm256_mul_epu32((__m256i)a, (__m256i)splati((int32_t)m));
#else
  return ((vu64)a & 0xffffffffu) * m;
#endif
}

// High and low words of a · m per lane.
INLINE vu multiply_wide(vu a, uint32_t m, vu *low) {
  vu64 even = multiply_even(a, m), odd = multiply_even((vu)((vu64)a >> 32), m);
  *low = (vu)((even & 0xffffffffu) | (odd << 32));
  return (vu)((even >> 32) | (odd & 0xffffffff00000000u));
}

// One block per lane: the counter on entry, the four words on return.
INLINE void philox(vu c[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    vu low0, low1, high0 = multiply_wide(c[0], 0xD2511F53u, &low0), high1 = multiply_wide(c[2], 0xCD9E8D57u, &low1);
    c[0] = high1 ^ c[1] ^ key0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ key1;
    c[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// state: the key (2 words) and the counter of block 0 (4 words). The words of the blocks counter + block[lane].
INLINE void philox_blocks(vu words[4], const uint32_t *state, vu block) {
  vu carry = block;
  UNROLL for (int w = 0; w < 4; w++) {
    words[w] = carry + state[2 + w];
    carry = (vu)((words[w] < carry) & 1);
  }
  philox(words, state[0], state[1]);
}
