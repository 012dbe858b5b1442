// Executes a program: a flat list of commands in int32 words, each starting at a multiple of 8 bytes:
//   [kernel id | threads << RUN_THREADS, buffers, parameters, words in all (even)] buffers × (low, high) parameters × int32
#pragma once
#include "kernel.h"

#define RUN_THREADS 16 // above the kernel's id: how many threads may share the command, 0 for any number

enum { RUN_OK, RUN_MALFORMED, RUN_NO_KERNEL, RUN_OUTSIDE, RUN_WORKER_FAILED, RUN_BAD_ARRAY };

typedef struct {
  kernel_fn *const *table;
  int kernels;
  uintptr_t base, limit; // every buffer lies in [base, limit), or is null
} run_engine;

// Runs `count` words on up to `threads` threads. In wasm the program is overwritten.
// Returns RUN_OK, or error + 8 · word offset of the command at fault.
int run_program(const run_engine *engine, int32_t *words, int count, int threads);
