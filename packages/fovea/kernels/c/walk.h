// Walks over memory for element-wise kernels: flat, or with broadcasting by strides.
#pragma once
#include "vec.h"

// Parts meet at multiples of this many elements: whole cache lines also of bytes, and small tensors stay on one part.
#define WALK_GRAIN 1024

typedef uint8_t vb __attribute__((vector_size(VL))); // as many bytes as a vector has lanes

INLINE ptrdiff_t min_of(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// The elements [*from, *to) of n that belong to this part.
INLINE void walk_share(ptrdiff_t n, int part, int parts, ptrdiff_t *from, ptrdiff_t *to) {
  ptrdiff_t grains = (n + WALK_GRAIN - 1) / WALK_GRAIN;
  *from = min_of(n, share(grains, part, parts) * WALK_GRAIN);
  *to = min_of(n, share(grains, part + 1, parts) * WALK_GRAIN);
}

// Lanes of 0/1 bytes from a mask, and back.
INLINE void st_mask(uint8_t *p, vi mask) {
  vb bytes = __builtin_convertvector(mask & 1, vb);
  __builtin_memcpy(p, &bytes, VL);
}
INLINE void st_mask_tail(uint8_t *p, vi mask, int n) {
  vb bytes = __builtin_convertvector(mask & 1, vb);
  for (int i = 0; i < n; i++) p[i] = bytes[i];
}
INLINE vi ld_bytes(const uint8_t *p) {
  vb bytes;
  __builtin_memcpy(&bytes, p, VL);
  return __builtin_convertvector(bytes, vi);
}
INLINE vi ld_bytes_tail(const uint8_t *p, int n) {
  vb bytes = {0};
  for (int i = 0; i < n; i++) bytes[i] = p[i];
  return __builtin_convertvector(bytes, vi);
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
