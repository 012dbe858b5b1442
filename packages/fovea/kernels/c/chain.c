// A chain of element-wise steps in one pass over memory: blocks of at most 512 elements go through all steps while they
// are in the first-level cache, so that only operands and results travel. Each step is the row of a single kernel
// (rows.h), rounding included. Expected: memory speed for few and cheap steps, about 35 cycles per step and block.
//
// The same steps may be done on several lists of buffers: the update of all parameters is one command, whose elements
// are shared out as a whole.
//
// buf: the operands of every list, then the results of every list; a buffer that is updated in place is both.
// p: lists, elements[lists], elements of a block, operands and results of a list, slots, steps;
//    per buffer: bytes of an element, then its walk: rank, dims[rank], strides[rank]. Rank 0: element i is the i-th;
//    rank −1: one element for all. The first slots belong to the walked buffers, which are laid out there where they
//    have to;
//    per step: kernel id, target, three sources, parameters a and b (floats).
// Targets and sources: 0 … operands + results − 1 a buffer, from there on a slot.
#include "rows.h"

#define CHAIN_BLOCK 512
#define CHAIN_BUFFERS 16
#define CHAIN_SLOTS 12

enum {
#define K(name) ID_##name,
#include "kernels.def"
#undef K
};

typedef struct {
  char *base, *slot;
  int bytes, rank;
  ptrdiff_t phase, filled; // what the slot holds: so many elements, from there on in the period
  walk_spec walk;
} chain_buffer;

typedef struct {
  char *at;
  ptrdiff_t stride;
} chain_ref;

INLINE void chain_spread(const float *x, ptrdiff_t stride, float *y, ptrdiff_t n) {
  if (stride > 1) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i * stride];
    return;
  }
  ptrdiff_t i = 0;
  for (; i + VL <= n; i += VL) st(y + i, stride ? ld(x + i) : splat(*x));
  if (i < n) st_tail(y + i, stride ? ld_tail(x + i, (int)(n - i)) : splat(*x), (int)(n - i));
}

// The next n elements of a walk, dense.
INLINE void chain_expand(const chain_buffer *b, walk_state *s, ptrdiff_t n) {
  const walk_spec *w = &b->walk;
  int last = w->rank - 1;
  ptrdiff_t stride = w->strides[0][last];
  for (ptrdiff_t done = 0; done < n;) {
    ptrdiff_t m = min_of(w->dims[last] - s->column, n - done), from = s->offset[0] + s->column * stride;
    if (b->bytes == 4) chain_spread((const float *)(void *)b->base + from, stride, (float *)(void *)b->slot + done, m);
    else
      for (ptrdiff_t i = 0; i < m; i++) b->slot[done + i] = b->base[from + i * stride];
    done += m;
    walk_next_row(w, s);
  }
}

// Where the block of a buffer is: in its memory where it is dense or one element there, else in its slot.
static __attribute__((noinline)) chain_ref chain_walked(chain_buffer *b, ptrdiff_t at, ptrdiff_t n) {
  const walk_spec *w = &b->walk;
  int last = w->rank - 1;
  ptrdiff_t stride = w->strides[0][last], phase = w->rank == 2 && w->strides[0][0] == 0 ? at % w->dims[1] : at;
  if (b->phase == phase && b->filled >= n) return (chain_ref){b->slot, 1};
  walk_state s = walk_seek(w, at);
  if (s.column + n <= w->dims[last] && (stride == 1 || stride == 0))
    return (chain_ref){b->base + (s.offset[0] + s.column * stride) * b->bytes, stride};
  chain_expand(b, &s, n);
  b->phase = phase;
  b->filled = n;
  return (chain_ref){b->slot, 1};
}
INLINE chain_ref chain_block(chain_buffer *b, ptrdiff_t at, ptrdiff_t n) {
  if (b->rank > 0) return chain_walked(b, at, n);
  return b->rank == 0 ? (chain_ref){b->base + at * b->bytes, 1} : (chain_ref){b->base, 0};
}

static __attribute__((noinline)) void chain_take(chain_ref x, float *y, ptrdiff_t n) {
  chain_spread((const float *)(void *)x.at, x.stride, y, n);
}

INLINE void chain_step(const int32_t *step, const chain_ref *ref, ptrdiff_t n) {
  chain_ref y = ref[step[1]], u = ref[step[2]], v = ref[step[3]], w = ref[step[4]];
  float *out = (float *)(void *)y.at;
  const float *x = (const float *)(void *)u.at, *z = (const float *)(void *)v.at;
  switch (step[0]) {
#define U(name, result) \
  case ID_##name##_f32: row_##name##_f32(x, out, n, pf(step, 5), pf(step, 6)); return;
#include "unary.def"
#undef U
#define B(name, result) \
  case ID_##name##_f32: row_##name##_f32(x, u.stride, z, v.stride, out, 0, n); return;
#define I(name, result)
#define C(name, result) B(name, result)
#define L(name, result) \
  case ID_##name: row_##name((uint8_t *)u.at, u.stride, (uint8_t *)v.at, v.stride, (uint8_t *)y.at, n); return;
#include "binary.def"
#undef B
#undef I
#undef C
#undef L
  case ID_is_nan_f32: row_is_nan_f32(x, (uint8_t *)y.at, n); return;
  case ID_is_finite_f32: row_is_finite_f32(x, (uint8_t *)y.at, n); return;
  case ID_where_32:
    if (u.stride) row_where_32((uint8_t *)u.at, z, v.stride, (const float *)(void *)w.at, w.stride, out, n);
    else chain_take(*u.at ? v : w, out, n);
    return;
  case ID_copy_bytes: __builtin_memcpy(out, x, (size_t)n * 4); return;
  }
}

// What the buffers of every list have in common; returns what comes behind it.
static const int32_t *chain_read(const int32_t *p, chain_buffer *b, int buffers, float slot[][CHAIN_BLOCK]) {
  int walked = 0;
  for (int k = 0; k < buffers; k++) {
    b[k] = (chain_buffer){.bytes = p[0], .rank = p[1]};
    p += 2;
    if (b[k].rank <= 0) continue;
    b[k].slot = (char *)slot[walked++];
    b[k].walk = walk_read(p - 1, 1);
    p += 2 * b[k].rank;
  }
  return p;
}

KERNEL(chain) {
  const int lists = p[0];
  const int32_t *size = p + 1;
  ptrdiff_t grains = 0;
  for (int list = 0; list < lists; list++) grains += walk_grains(size[list]);
  // The share of this part, counted from the first grain of the list.
  ptrdiff_t from = begin_of(grains, part), to = end_of(grains, part);
  if (from >= to) return;
  p += 1 + lists;
  const ptrdiff_t block = p[0];
  const int operands = p[1], results = p[2], buffers = operands + results, slots = p[3], steps = p[4];
  chain_buffer b[CHAIN_BUFFERS];
  chain_ref ref[CHAIN_BUFFERS + CHAIN_SLOTS];
  float slot[CHAIN_SLOTS][CHAIN_BLOCK] __attribute__((aligned(64)));
  p = chain_read(p + 5, b, buffers, slot);
  for (int k = 0; k < slots; k++) ref[buffers + k] = (chain_ref){(char *)slot[k], 1};
  void *const *operand = buf, *const *result = buf + (ptrdiff_t)lists * operands;
  for (int list = 0; list < lists && to > 0; list++, operand += operands, result += results) {
    ptrdiff_t at = from > 0 ? from * WALK_GRAIN : 0, end = min_of(size[list], to * WALK_GRAIN);
    from -= walk_grains(size[list]), to -= walk_grains(size[list]);
    if (at >= end) continue;
    for (int k = 0; k < operands; k++) b[k].base = operand[k];
    for (int k = 0; k < results; k++) b[operands + k].base = result[k];
    for (int k = 0; k < buffers; k++) b[k].phase = -1;
    for (; at < end; at += block) {
      ptrdiff_t n = min_of(block, end - at);
      for (int k = 0; k < buffers; k++) ref[k] = chain_block(&b[k], at, n);
      for (int k = 0; k < steps; k++) chain_step(p + 7 * k, ref, n);
    }
  }
}
