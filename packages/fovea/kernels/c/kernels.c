// The unity file: every kernel compiled for one ISA, and the table of them in the order of kernels.def.
#include "kernel.h"
#include "vec.h"

#include "along_axis.c"
#include "argreduce.c"
#include "batch_norm.c"
#include "binary.c"
#include "cast.c"
#include "chain.c"
#include "conv2d.c"
#include "conv2d_bands.c"
#include "conv2d_input_grad.c"
#include "conv2d_weight_grad.c"
#include "conv2d_weight_panels.c"
#include "copy.c"
#include "copy_bytes.c"
#include "cumsum.c"
#include "depthwise.c"
#include "dropout.c"
#include "fill.c"
#include "gather.c"
#include "matmul.c"
#include "pack.c"
#include "peak.c"
#include "pool2d.c"
#include "random.c"
#include "reduce.c"
#include "scatter.c"
#include "softmax.c"
#include "sort.c"
#include "unary.c"
#include "where.c"
#include "winograd.c"
#include "winograd_line.c"
#include "winograd_weight_grad.c"

#ifndef FV_TABLE
#define FV_TABLE kernels_table
#endif
kernel_fn *const FV_TABLE[] = {
#define K(name) name,
#include "kernels.def"
#undef K
};
const int CAT(FV_TABLE, _count) = sizeof FV_TABLE / sizeof *FV_TABLE;
