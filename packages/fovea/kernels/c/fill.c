// Fills with one value. buf: y. p: n, the value's bits.
#include "walk.h"

KERNEL(fill_32) {
  float *y = buf[0];
  ptrdiff_t i, end;
  walk_share(p[0], part, &i, &end);
  vf v = (vf)splati(p[1]);
  for (; i + VL <= end; i += VL) st(y + i, v);
  if (i < end) st_tail(y + i, v, (int)(end - i));
}

KERNEL(fill_8) {
  ptrdiff_t from, to;
  walk_share(p[0], part, &from, &to);
  if (to > from) __builtin_memset((char *)buf[0] + from, p[1], (size_t)(to - from));
}
