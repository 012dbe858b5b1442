// The thread pool: one job at a time, cut into parts, joined before the call returns.
#pragma once
#include "kernel.h"

#define POOL_MAX_THREADS 64

// Threads that can share a job now: the caller and the workers that have reported ready, `limit` at most.
int pool_threads(int limit);
// Runs f(buf, p, part) for parts that make up the whole, on `threads` threads. False when a worker broke down (wasm only).
int pool_fork(kernel_fn *f, void *const *buf, const int32_t *p, int threads);
// The life of worker `index` (1 and up): never returns natively.
void pool_worker(int index);

#ifdef __wasm__
// The caller may sleep while it waits; false on a browser's main thread.
void pool_may_block(int yes);
// Called for a worker whose kernel trapped, so that the caller does not wait for it.
void pool_fail(int index);
#else
// Starts threads until there are `workers` of them. Returns how many there are.
int pool_start(int workers);
// The pool is shared by all JavaScript threads of the process; who does not get it computes alone.
int pool_try_lock(void);
void pool_unlock(void);
#endif
