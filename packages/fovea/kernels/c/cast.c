// Changes of element type, layout-blind. buf: x, y. p: n. `u8` is also bool.
// Floats become int32 by truncation: NaN → 0, what does not fit → the nearest that does, on every ISA alike. Bytes are
// the low byte of that.
#include "vmath.h"
#include "walk.h"

INLINE vi to_int(vf x) {
  vi fits = (x >= -0x1p31f) & (x < 0x1p31f);
  vi whole = __builtin_convertvector(select(fits, x, splat(0)), vi);
  vi beyond = (splati(INT32_MAX) & (x >= 0x1p31f)) | (splati(INT32_MIN) & (x < -0x1p31f));
  return whole | beyond;
}

#define CAST(name, from, to, load, result, store)                                    \
  KERNEL(name) {                                                                     \
    const from *x = buf[0];                                                          \
    to *y = buf[1];                                                                  \
    ptrdiff_t i, end;                                                                \
    walk_share(p[0], part, &i, &end);                                                \
    for (; i + VL <= end; i += VL) {                                                 \
      __auto_type v = load(x + i);                                                   \
      store(y + i, result);                                                          \
    }                                                                                \
    if (i < end) {                                                                   \
      int n = (int)(end - i);                                                        \
      __auto_type v = load##_tail(x + i, n);                                         \
      store##_tail(y + i, result, n);                                                \
    }                                                                                \
  }

INLINE vi ldi_tail(const int32_t *p, int n) { return (vi)ld_tail((const float *)(const void *)p, n); }
INLINE void sti_tail(int32_t *p, vi v, int n) { st_tail((float *)(void *)p, (vf)v, n); }

CAST(cast_f32_i32, float, int32_t, ld, to_int(v), sti)
CAST(cast_f32_u8, float, uint8_t, ld, to_int(v), st_bytes)
CAST(cast_f32_bool, float, uint8_t, ld, v != 0, st_mask)
CAST(cast_i32_f32, int32_t, float, ldi, __builtin_convertvector(v, vf), st)
CAST(cast_i32_u8, int32_t, uint8_t, ldi, v, st_bytes)
CAST(cast_i32_bool, int32_t, uint8_t, ldi, v != 0, st_mask)
CAST(cast_u8_f32, uint8_t, float, ld_bytes, __builtin_convertvector(v, vf), st)
CAST(cast_u8_i32, uint8_t, int32_t, ld_bytes, v, sti)
CAST(cast_u8_bool, uint8_t, uint8_t, ld_bytes, v != 0, st_mask)
