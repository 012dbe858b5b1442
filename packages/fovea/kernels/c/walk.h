// Walks over memory for element-wise kernels: flat, or with broadcasting by strides.
#pragma once
#include "vec.h"

// Parts meet at multiples of this many elements: whole cache lines also of bytes, and small tensors stay on one part.
#define WALK_GRAIN 1024

typedef uint8_t vb __attribute__((vector_size(VL))); // as many bytes as a vector has lanes

INLINE ptrdiff_t min_of(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

INLINE ptrdiff_t walk_grains(ptrdiff_t n) { return (n + WALK_GRAIN - 1) / WALK_GRAIN; }

// The elements [*from, *to) of n that belong to this part.
INLINE void walk_share(ptrdiff_t n, Part part, ptrdiff_t *from, ptrdiff_t *to) {
  ptrdiff_t grains = walk_grains(n);
  *from = min_of(n, begin_of(grains, part) * WALK_GRAIN);
  *to = min_of(n, end_of(grains, part) * WALK_GRAIN);
}

// Bytes to lanes, and the low byte of each lane back. gcc takes __builtin_convertvector apart for these two ISAs.
INLINE vi ld_bytes(const uint8_t *p) {
#if defined(__AVX512F__) && VB == 64
  return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
#elif defined(__AVX2__) && VB == 32
  return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
#else
  vb bytes;
  __builtin_memcpy(&bytes, p, VL);
  return __builtin_convertvector(bytes, vi);
#endif
}
INLINE vb low_bytes(vi v) {
#if defined(__AVX2__) && VB == 32
  v &= 0xff;
  __m128i words = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
  uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  return (vb)bytes;
#else
  return __builtin_convertvector(v, vb);
#endif
}
INLINE vi ld_bytes_tail(const uint8_t *p, int n) {
  vb bytes = {0};
  for (int i = 0; i < n; i++) bytes[i] = p[i];
  return __builtin_convertvector(bytes, vi);
}
INLINE void st_bytes(uint8_t *p, vi v) {
  vb bytes = low_bytes(v);
  __builtin_memcpy(p, &bytes, VL);
}
INLINE void st_bytes_tail(uint8_t *p, vi v, int n) {
  vb bytes = low_bytes(v);
  for (int i = 0; i < n; i++) p[i] = bytes[i];
}
// A mask as bytes 0 and 1.
INLINE void st_mask(uint8_t *p, vi mask) { st_bytes(p, mask & 1); }
INLINE void st_mask_tail(uint8_t *p, vi mask, int n) { st_bytes_tail(p, mask & 1, n); }

#define LANE_LIST(F, h) F(0, h), F(1, h), F(2, h), F(3, h)
#if VB == 16
#define LANES(F, h) LANE_LIST(F, h)
#elif VB == 32
#define LANES(F, h) LANE_LIST(F, h), F(4, h), F(5, h), F(6, h), F(7, h)
#else
#define LANES(F, h)                                                                                               \
  LANE_LIST(F, h), F(4, h), F(5, h), F(6, h), F(7, h), F(8, h), F(9, h), F(10, h), F(11, h), F(12, h), F(13, h), \
      F(14, h), F(15, h)
#endif
#define LANE_ROTATED(i, h) (((i) + (h)) % VL)
#ifdef __clang__
#define ROTATE(v, h) __builtin_shufflevector(v, v, LANES(LANE_ROTATED, h))
#else
#define ROTATE(v, h) __builtin_shuffle(v, (vi){LANES(LANE_ROTATED, h)})
#endif

// Lane numbers 0 … VL − 1.
INLINE vi lane_numbers(void) { return (vi){LANES(LANE_ROTATED, 0)}; }

// v with the lanes from n on replaced.
INLINE vf with_rest(vf v, int n, vf rest) { return select(lane_numbers() < n, v, rest); }

// All lanes folded into one by a fixed tree.
typedef vf fold_fn(vf a, vf b);
INLINE float fold_lanes(vf v, fold_fn *f) {
#if VB == 64
  v = f(v, ROTATE(v, 8));
#endif
#if VB >= 32
  v = f(v, ROTATE(v, 4));
#endif
  v = f(v, ROTATE(v, 2));
  return f(v, ROTATE(v, 1))[0];
}

// VL (or the first n) elements at distance `stride`.
INLINE vf ld_strided(const float *p, ptrdiff_t stride, int n) {
  if (stride == 1) return n == VL ? ld(p) : ld_tail(p, n);
  float lanes[VL] = {0};
  for (int i = 0; i < n; i++) lanes[i] = p[i * stride];
  return ld(lanes);
}

// Operands read by a broadcasting walk. Dims are in the order of the output, which is dense.
#define MAX_OPERANDS 3
#define MAX_RANK 8

typedef struct {
  int rank, operands;
  const int32_t *dims, *strides[MAX_OPERANDS]; // strides in elements, 0 = broadcast
} walk_spec;

// p: rank, dims[rank], then strides[rank] per operand.
INLINE walk_spec walk_read(const int32_t *p, int operands) {
  walk_spec w = {p[0], operands, p + 1, {0}};
  for (int k = 0; k < operands; k++) w.strides[k] = p + 1 + w.rank * (k + 1);
  return w;
}

typedef struct {
  int index[MAX_RANK];
  ptrdiff_t offset[MAX_OPERANDS]; // of the current row's start
  ptrdiff_t column;               // within the row
} walk_state;

INLINE ptrdiff_t walk_size(const walk_spec *w) {
  ptrdiff_t n = 1;
  for (int d = 0; d < w->rank; d++) n *= w->dims[d];
  return n;
}

static __attribute__((noinline)) walk_state walk_seek(const walk_spec *w, ptrdiff_t element) {
  walk_state s = {{0}, {0}, 0};
  int last = w->rank - 1;
  s.column = element % w->dims[last];
  element /= w->dims[last];
  for (int d = last - 1; d >= 0; d--) {
    s.index[d] = (int)(element % w->dims[d]);
    element /= w->dims[d];
    for (int k = 0; k < w->operands; k++) s.offset[k] += (ptrdiff_t)s.index[d] * w->strides[k][d];
  }
  return s;
}

static __attribute__((noinline)) void walk_next_row(const walk_spec *w, walk_state *s) {
  s->column = 0;
  for (int d = w->rank - 2; d >= 0; d--) {
    for (int k = 0; k < w->operands; k++) s->offset[k] += w->strides[k][d];
    if (++s->index[d] < w->dims[d]) return;
    for (int k = 0; k < w->operands; k++) s->offset[k] -= (ptrdiff_t)w->dims[d] * w->strides[k][d];
    s->index[d] = 0;
  }
}
