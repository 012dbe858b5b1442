// The exports of the WebAssembly build. One instance per thread, all over one memory.
#include "pool.h"
#include "run.h"
#define EXPORT(name) __attribute__((export_name(#name))) name

#define PROGRAM_BYTES (1 << 20)
#define STACK_BYTES (384 << 10) // kernels keep copies of up to 300 KB there (conv2d_weight_panels.c)

extern kernel_fn *const kernels_table[];
extern const int kernels_table_count;
extern unsigned char __heap_base;

// After the data come the program, then one stack per worker, then the memory JavaScript gives out.
static uintptr_t program_base(void) { return ((uintptr_t)&__heap_base + 63) & ~(uintptr_t)63; }

double EXPORT(fv_hash)(void) { return FV_HASH; }
int EXPORT(fv_kernels)(void) { return kernels_table_count; }
// 1 in the build with relaxed SIMD.
int EXPORT(fv_relaxed)(void) {
#ifdef __wasm_relaxed_simd__
  return 1;
#else
  return 0;
#endif
}
uint32_t EXPORT(fv_program)(void) { return program_base(); }
int EXPORT(fv_program_bytes)(void) { return PROGRAM_BYTES; }

// First byte that JavaScript may give out when there are `workers` stacks.
uint32_t EXPORT(fv_memory_base)(int workers) { return program_base() + PROGRAM_BYTES + (uint32_t)workers * STACK_BYTES; }
// Where the stack of a worker starts (it grows down).
uint32_t EXPORT(fv_stack)(int worker) { return program_base() + PROGRAM_BYTES + (uint32_t)worker * STACK_BYTES; }

// Runs the first `words` words at fv_program(). Codes as in run.h; `base` and `limit` bound the buffers.
int EXPORT(fv_run)(int words, int threads, uint32_t base, uint32_t limit) {
  run_engine engine = {kernels_table, kernels_table_count, base, limit};
  return run_program(&engine, (int32_t *)program_base(), words, threads);
}

int EXPORT(fv_threads)(int limit) { return pool_threads(limit); }
void EXPORT(fv_worker)(int index) { pool_worker(index); }
void EXPORT(fv_fail)(int index) { pool_fail(index); }
void EXPORT(fv_may_block)(int yes) { pool_may_block(yes); }
