// The kernel ABI: one function type for every kernel, on every engine.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define RESTRICT __restrict__

// buf: addresses of inputs (in op order), output, then scratch and tables. p: int32 parameters.
// part/parts: the share of the outer loop to do. Results never depend on `parts`.
typedef void kernel_fn(void *const *buf, const int32_t *p, int part, int parts);
#define KERNEL(name) static void name(void *const *RESTRICT buf, const int32_t *RESTRICT p, int part, int parts)

// Parameter k, written by the host as the bits of a float.
INLINE float pf(const int32_t *p, int k) {
  float f;
  __builtin_memcpy(&f, p + k, 4);
  return f;
}

// First item of this part when `n` items are cut into `parts` even shares.
INLINE ptrdiff_t share(ptrdiff_t n, int part, int parts) { return (ptrdiff_t)((int64_t)n * part / parts); }
