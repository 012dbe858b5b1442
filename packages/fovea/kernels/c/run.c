// The interpreter of programs. Everything the host wrote is checked before a kernel sees it.
#include "pool.h"
#include "run.h"

// The addresses of a command as an array of pointers. On a 64-bit little-endian machine they are one already.
static void *const *pointers(int32_t *words, int n) {
#if UINTPTR_MAX > 0xffffffffu
  (void)n;
  return (void *const *)(void *)words;
#else
  for (int i = 0; i < n; i++) words[i] = words[2 * i];
  return (void *const *)(void *)words;
#endif
}

static int outside(const run_engine *engine, const int32_t *words, int n) {
  for (int i = 0; i < n; i++) {
    uint64_t address = (uint64_t)(uint32_t)words[2 * i + 1] << 32 | (uint32_t)words[2 * i];
    if (address && (address < engine->base || address >= engine->limit)) return 1;
  }
  return 0;
}

int run_program(const run_engine *engine, int32_t *words, int count, int threads) {
  const int ready = pool_threads(threads);
  for (int at = 0; at < count;) {
    int32_t *c = words + at;
    if (count - at < 4) return RUN_MALFORMED + 8 * at;
    int id = c[0] & ((1 << RUN_THREADS) - 1), most = c[0] >> RUN_THREADS, buffers = c[1], params = c[2], total = c[3];
    if (buffers < 0 || params < 0 || total & 1 || total > count - at || 4 + 2 * (int64_t)buffers + params > total)
      return RUN_MALFORMED + 8 * at;
    if (id >= engine->kernels || most < 0) return RUN_NO_KERNEL + 8 * at;
    if (outside(engine, c + 4, buffers)) return RUN_OUTSIDE + 8 * at;
    kernel_fn *f = engine->table[id];
    void *const *buf = pointers(c + 4, buffers);
    const int32_t *p = c + 4 + 2 * buffers;
    const int sharing = most && most < ready ? most : ready;
    if (sharing > 1) {
      if (!pool_fork(f, buf, p, sharing)) return RUN_WORKER_FAILED + 8 * at;
    } else {
      f(buf, p, WHOLE);
    }
    at += total;
  }
  return RUN_OK;
}
