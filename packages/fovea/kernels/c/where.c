// y = condition ? a : b with broadcasting, for elements of four bytes. buf: condition (bytes), a, b, y.
// p: rank, dims[rank], then strides[rank] of condition, a and b; dims in the output's memory order.
#include "rows.h"

KERNEL(where_32) {
  const uint8_t *c = buf[0];
  const float *a = buf[1], *b = buf[2];
  float *y = buf[3];
  walk_spec w = walk_read(p, 3);
  ptrdiff_t at, end;
  walk_share(walk_size(&w), part, &at, &end);
  if (at >= end) return;
  int last = w.rank - 1;
  ptrdiff_t columns = w.dims[last], sc = w.strides[0][last], sa = w.strides[1][last], sb = w.strides[2][last];
  walk_state s = walk_seek(&w, at);
  while (at < end) {
    ptrdiff_t n = min_of(columns - s.column, end - at), k = s.column;
    const uint8_t *pc = c + s.offset[0] + k * sc;
    const float *pa = a + s.offset[1] + k * sa, *pb = b + s.offset[2] + k * sb;
    if (sc == 1 && (sa | sb) <= 1) row_where_32(pc, pa, sa, pb, sb, y + at, n);
    else
      for (ptrdiff_t i = 0; i < n; i++) y[at + i] = pc[i * sc] ? pa[i * sa] : pb[i * sb];
    at += n;
    walk_next_row(&w, &s);
  }
}
