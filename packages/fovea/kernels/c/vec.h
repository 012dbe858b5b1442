// The vector vocabulary: one vector of VB bytes of floats (64 AVX-512, 32 AVX2, 16 SSE/NEON/wasm).
// Kernels contain no intrinsics; whatever an ISA needs by hand is a few #ifs here.
#pragma once
#include "kernel.h"
#ifndef VB
#define VB 16
#endif
#define VL (VB / 4)
#if defined(__AVX2__)
#define _MM_MALLOC_H_INCLUDED // gcc's and clang's guard: without _mm_malloc no libc names come in (stdlib.h has `select`)
#define __MM_MALLOC_H
#include <immintrin.h>
#endif

typedef float vf __attribute__((vector_size(VB)));
typedef float vf_unaligned __attribute__((vector_size(VB), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(VB)));
typedef int32_t vi_unaligned __attribute__((vector_size(VB), aligned(4), may_alias));

// On every tile loop: without it gcc keeps the accumulators in memory.
#define UNROLL _Pragma("GCC unroll 32")
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

INLINE vf ld(const float *p) { return *(const vf_unaligned *)p; }
INLINE void st(float *p, vf v) { *(vf_unaligned *)p = v; }
INLINE vi ldi(const int32_t *p) { return *(const vi_unaligned *)p; }
INLINE void sti(int32_t *p, vi v) { *(vi_unaligned *)p = v; }
INLINE vf splat(float x) { return x - (vf){0}; } // x + 0 would not be an identity (−0) and stays in the code
INLINE vi splati(int32_t x) { return x - (vi){0}; }
// madd: a·b + c, rounded once or twice, whichever is faster: for sums of products, where a bound and not a bit is promised.
// vmax, vmin: b where a or b is not a number.
#if defined(__wasm_relaxed_simd__)
// All by name: what clang finds in plain C it takes as leave to relax, also where NaN must come out. See build-wasm.mjs.
INLINE vf madd(vf a, vf b, vf c) { return __builtin_wasm_relaxed_madd_f32x4(a, b, c); }
INLINE vf select(vi mask, vf a, vf b) { return (vf)__builtin_wasm_bitselect((vi)a, (vi)b, mask); }
INLINE vf vmax(vf a, vf b) { return __builtin_wasm_pmax_f32x4(b, a); }
INLINE vf vmin(vf a, vf b) { return __builtin_wasm_pmin_f32x4(b, a); }
#else
INLINE vf madd(vf a, vf b, vf c) { return a * b + c; }
INLINE vf select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
#if defined(__AVX512F__) && VB == 64
INLINE vf vmax(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
#elif defined(__AVX2__) && VB == 32
INLINE vf vmax(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
#else
INLINE vf vmax(vf a, vf b) { return select(a > b, a, b); }
INLINE vf vmin(vf a, vf b) { return select(a < b, a, b); }
#endif
#endif

// The first n lanes (1 ≤ n ≤ VL); a tail touches no memory beyond them, the other lanes read as 0.
#if defined(__AVX512F__) && VB == 64
INLINE vf ld_tail(const float *p, int n) { return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
INLINE void st_tail(float *p, vf v, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v); }
#elif defined(__AVX2__) && VB == 32
INLINE vi tail_mask(int n) { return splati(n) > (vi){0, 1, 2, 3, 4, 5, 6, 7}; }
INLINE vf ld_tail(const float *p, int n) { return (vf)_mm256_maskload_ps(p, (__m256i)tail_mask(n)); }
// In up to three pieces: a masked store is microcode on AMD, dozens of cycles.
INLINE void st_tail(float *p, vf v, int n) {
  if (n == VL) {
    st(p, v);
    return;
  }
  __m128 rest = _mm256_castps256_ps128((__m256)v);
  if (n & 4) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps((__m256)v, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi((__m64 *)p, rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, rest);
}
#else
INLINE vf ld_tail(const float *p, int n) {
  vf v = {0};
  for (int i = 0; i < VL; i++) v[i] = i < n ? p[i] : 0;
  return v;
}
INLINE void st_tail(float *p, vf v, int n) {
  for (int i = 0; i < VL; i++)
    if (i < n) p[i] = v[i];
}
#endif
