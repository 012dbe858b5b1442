// The kernel ABI: one function type for every kernel, on every engine.
#pragma once
#include <stddef.h>
#include <stdint.h>

// One call's part of a command: pieces [from, to) of `of`, done by one of several threads.
typedef struct {
  int from, to, of;
  int thread, threads; // for memory that each thread has to itself
} Part;
static const Part WHOLE = {0, 1, 1, 0, 1};

#define INLINE static inline __attribute__((always_inline))
#define RESTRICT __restrict__

// buf: addresses of inputs (in op order), output, then scratch and tables. p: int32 parameters.
// part: what to do of the outer loop. Results never depend on how that is cut.
typedef void kernel_fn(void *const *buf, const int32_t *p, Part part);
#define KERNEL(name) static void name(void *const *RESTRICT buf, const int32_t *RESTRICT p, Part part)

// Parameter k, written by the host as the bits of a float.
INLINE float pf(const int32_t *p, int k) {
  float f;
  __builtin_memcpy(&f, p + k, 4);
  return f;
}

// First item of share `i` when `n` items are cut into `of` even shares.
INLINE ptrdiff_t share(ptrdiff_t n, int i, int of) { return (ptrdiff_t)((int64_t)n * i / of); }
// The first of `n` items that a part does, and the first that it does not.
INLINE ptrdiff_t begin_of(ptrdiff_t n, Part part) { return share(n, part.from, part.of); }
INLINE ptrdiff_t end_of(ptrdiff_t n, Part part) { return share(n, part.to, part.of); }

// A thread's pieces are done in so many takes, or in more where those are long (pool.c).
#define TAKES 4
// Into how many parts a command is cut, for kernels that choose what to cut.
INLINE int usual_parts(Part part) { return part.threads == 1 ? 1 : TAKES * part.threads; }
