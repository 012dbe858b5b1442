// 2-D convolution: implicit GEMM over channels-last data through row pointers (window.h), no im2col, no input packing.
// Register tiles 14×2 (AVX-512), 6×2 (AVX2), 4×2 (16-byte vectors); bias, residual and activation by epilogue.h.
// Expected share of the multiply–add peak (AVX2, core undisturbed): 3×3 from 32 channels on 84–98 %, 1×1 84–93 %; first layers
// with 3 channels 45–75 %: 27 multiply–adds a result leave their pointers and stores uncovered.
#include "window.h"

// buf: x [N, H, W, C], packed weights (conv2d_pack), bias [OC] (read only if p[15] & 1), residual as y (p[15] & 4),
//    y [N, OH, OW, OC]
// p: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 kH, 8 kW, 9 strideH, 10 strideW, 11 padTop, 12 padLeft, 13 dilationH,
//    14 dilationW, 15 flags of the epilogue, 16 groups, 17 lo, 18 hi
KERNEL(conv2d) {
  const ptrdiff_t h = p[1], w = p[2], c = p[3], oh = p[4], ow = p[5], oc = p[6], groups = p[16];
  const Window window = {
      .src = buf[0], .srcH = h, .srcW = w, .srcC = c,
      .mulY = p[9], .addY = -p[11], .stepY = p[13], .tapsY = p[7],
      .mulX = p[10], .addX = -p[12], .stepX = p[14], .tapsX = p[8],
      .dst = buf[4], .images = p[0], .outH = oh, .outW = ow,
      .dstImage = oh * ow * oc, .dstRow = ow * oc, .dstPixel = oc,
      .groups = groups, .in = c / groups, .out = oc / groups,
      .weights = buf[1], .panelK = (ptrdiff_t)p[7] * p[8] * (c / groups), .firstK = 0,
      .end = epilogue(p[15], p + 17, buf[2], buf[3]),
  };
  run_window(&window, part);
}
