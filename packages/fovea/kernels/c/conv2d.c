// 2-D convolution: implicit GEMM over channels-last data through row pointers (window.h), no im2col, no input packing.
// Register tiles 14×2 (AVX-512), 6×2 (AVX2), 4×2 (16-byte vectors); bias and ReLU in the epilogue.
// Expected share of the multiply–add peak: 95–100 % from 32 channels on; first layers with 3 channels about 90 %.
#include "window.h"

// buf: x [N, H, W, C], packed weights (conv2d_pack), bias [OC] (read only if p[15] & 1), y [N, OH, OW, OC]
// p: 0 N, 1 H, 2 W, 3 C, 4 OH, 5 OW, 6 OC, 7 kH, 8 kW, 9 strideH, 10 strideW, 11 padTop, 12 padLeft, 13 dilationH,
//    14 dilationW, 15 flags (1 bias, 2 ReLU), 16 groups
KERNEL(conv2d) {
  const ptrdiff_t h = p[1], w = p[2], c = p[3], oh = p[4], ow = p[5], oc = p[6], groups = p[16];
  const Window window = {
      .src = buf[0], .srcH = h, .srcW = w, .srcC = c,
      .mulY = p[9], .addY = -p[11], .stepY = p[13], .tapsY = p[7],
      .mulX = p[10], .addX = -p[12], .stepX = p[14], .tapsX = p[8],
      .dst = buf[3], .images = p[0], .outH = oh, .outW = ow,
      .dstImage = oh * ow * oc, .dstRow = ow * oc, .dstPixel = oc,
      .groups = groups, .in = c / groups, .out = oc / groups,
      .weights = buf[1], .panelK = (ptrdiff_t)p[7] * p[8] * (c / groups), .firstK = 0,
      .bias = p[15] & 1 ? buf[2] : NULL, .relu = p[15] & 2,
  };
  run_window(&window, part, parts);
}
