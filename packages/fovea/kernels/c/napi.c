// The Node addon: memory, programs and threads for src/backend/cpu/native.ts. Node-API only, so one build serves every
// Node version. Errors go back as codes or null; the messages are written in TypeScript.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef FV_SANITIZE // build with -fsanitize=address: see scripts/sanitize.mjs
#include <sanitizer/asan_interface.h>
#endif
#include "pool.h"
#include "run.h"

// The kernels of each ISA this addon was built for, and whether this processor has it. Fastest first.
#define DECLARE(isa) \
  extern kernel_fn *const kernels_##isa[]; \
  extern const int kernels_##isa##_count;
#if defined(__x86_64__) && !defined(FV_SCALAR)
DECLARE(avx512) DECLARE(avx2) DECLARE(sse2)
#define HAS(feature) __builtin_cpu_supports(feature)
static int has_avx512(void) {
  return HAS("avx512f") && HAS("avx512bw") && HAS("avx512cd") && HAS("avx512dq") && HAS("avx512vl") && HAS("fma") && HAS("bmi2");
}
static int has_avx2(void) { return HAS("avx2") && HAS("fma") && HAS("bmi") && HAS("bmi2"); }
static int always(void) { return 1; }
#ifdef FV_HALVES // AVX-512's kernels of AVX2's instructions, for tests
#define ISAS ISA(avx512, 16, has_avx2)
#else
#define ISAS ISA(avx512, 16, has_avx512) ISA(avx2, 8, has_avx2) ISA(sse2, 4, always)
#endif
#elif defined(__aarch64__) && !defined(FV_SCALAR)
DECLARE(neon)
static int always(void) { return 1; }
#define ISAS ISA(neon, 4, always)
#else // the same C, its vectors taken apart by the compiler as the processor needs it
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "programs are words of a little-endian machine"
#endif
DECLARE(scalar)
static int always(void) { return 1; }
#define ISAS ISA(scalar, 4, always)
#endif

static const struct {
  const char *name;
  int lanes;
  int (*here)(void);
  kernel_fn *const *table;
  const int *count;
} isas[] = {
#define ISA(name, lanes, here) {#name, lanes, here, kernels_##name, &kernels_##name##_count},
  ISAS
};
enum { ISA_COUNT = sizeof isas / sizeof *isas };

// One per engine; only the thread pool is shared.
typedef struct {
  int references;
  run_engine engine;
  void *mapping;
  size_t mapping_bytes;
  int threads;
} state;

#define ARGS(n) \
  state *s; \
  size_t argc = n; \
  napi_value arg[n]; \
  if (napi_get_cb_info(env, info, &argc, arg, 0, (void **)&s) != napi_ok || argc < n) return 0;

static napi_value number(napi_env env, double x) {
  napi_value v = 0;
  napi_create_double(env, x, &v);
  return v;
}

static napi_value boolean(napi_env env, int x) {
  napi_value v = 0;
  napi_get_boolean(env, x, &v);
  return v;
}

// reserve(bytes): address space for all buffers, half as much while the system refuses; memory is taken on first
// touch. Returns [address, bytes], or null.
static napi_value reserve(napi_env env, napi_callback_info info) {
  ARGS(1)
  double wanted = 0;
  napi_get_value_double(env, arg[0], &wanted);
  const size_t huge = (size_t)2 << 20, least = (size_t)64 << 20;
  size_t bytes = wanted > 0 && wanted < 1e15 ? ((size_t)wanted + huge - 1) / huge * huge : 0;
#ifdef FV_SANITIZE
  const size_t most = (size_t)1 << 30; // the shadow of all that is poisoned is real memory
  bytes = bytes < most ? bytes : most;
#endif
  for (; !s->mapping && bytes >= least; bytes = bytes / 2 / huge * huge) {
    void *p = mmap(0, bytes + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) continue;
    s->mapping = p, s->mapping_bytes = bytes + huge;
    s->engine.base = ((uintptr_t)p + huge - 1) / huge * huge;
    s->engine.limit = s->engine.base + bytes;
#ifdef MADV_HUGEPAGE
    madvise((void *)s->engine.base, bytes, MADV_HUGEPAGE);
#endif
  }
  if (!s->mapping) return 0;
#ifdef FV_SANITIZE
  __asan_poison_memory_region((void *)s->engine.base, s->engine.limit - s->engine.base);
#endif
  napi_value pair;
  napi_create_array_with_length(env, 2, &pair);
  napi_set_element(env, pair, 0, number(env, (double)s->engine.base));
  napi_set_element(env, pair, 1, number(env, (double)(s->engine.limit - s->engine.base)));
  return pair;
}

#ifdef FV_SANITIZE
// open_memory(address, bytes), close_memory(address, bytes): whether kernels may touch it.
static napi_value guard(napi_env env, napi_callback_info info, int open) {
  ARGS(2)
  double address = 0, bytes = 0;
  napi_get_value_double(env, arg[0], &address);
  napi_get_value_double(env, arg[1], &bytes);
  if (!(address >= (double)s->engine.base && bytes >= 0 && address + bytes <= (double)s->engine.limit)) return boolean(env, 0);
  if (open) __asan_unpoison_memory_region((void *)(uintptr_t)address, (size_t)bytes);
  else __asan_poison_memory_region((void *)(uintptr_t)address, (size_t)bytes);
  return boolean(env, 1);
}
static napi_value open_memory(napi_env env, napi_callback_info info) { return guard(env, info, 1); }
static napi_value close_memory(napi_env env, napi_callback_info info) { return guard(env, info, 0); }
#endif

// The memory at address arg[0] and the typed array arg[1] that is to be copied from or to it; false if outside.
static int copy_ends(napi_env env, const state *s, const napi_value *arg, void **memory, void **data, size_t *bytes) {
  static const unsigned char sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  double address;
  napi_typedarray_type type;
  size_t length;
  if (napi_get_value_double(env, arg[0], &address) != napi_ok) return 0;
  if (napi_get_typedarray_info(env, arg[1], &type, &length, data, 0, 0) != napi_ok) return 0;
  if ((size_t)type >= sizeof sizes) return 0;
  *bytes = length * sizes[type];
  if (!(address >= (double)s->engine.base && address + (double)*bytes <= (double)s->engine.limit)) return 0;
  *memory = (void *)(uintptr_t)address;
  return 1;
}

static napi_value write_(napi_env env, napi_callback_info info) {
  ARGS(2)
  void *memory, *data;
  size_t bytes;
  int ok = copy_ends(env, s, arg, &memory, &data, &bytes);
  if (ok && bytes) memcpy(memory, data, bytes);
  return boolean(env, ok);
}

static napi_value read_(napi_env env, napi_callback_info info) {
  ARGS(2)
  void *memory, *data;
  size_t bytes;
  int ok = copy_ends(env, s, arg, &memory, &data, &bytes);
  if (ok && bytes) memcpy(data, memory, bytes);
  return boolean(env, ok);
}

// run(words, count): 0, or a code of run.h.
static napi_value run(napi_env env, napi_callback_info info) {
  ARGS(2)
  int32_t count = -1, code;
  napi_typedarray_type type;
  size_t length;
  void *words;
  if (napi_get_typedarray_info(env, arg[0], &type, &length, &words, 0, 0) != napi_ok || type != napi_int32_array ||
      napi_get_value_int32(env, arg[1], &count) != napi_ok || count < 0 || (size_t)count > length ||
      (uintptr_t)words % 8 || !s->engine.table) {
    return number(env, RUN_BAD_ARRAY);
  }
  if (s->threads > 1 && pool_try_lock()) {
    code = run_program(&s->engine, words, count, s->threads);
    pool_unlock();
  } else {
    code = run_program(&s->engine, words, count, 1);
  }
  return number(env, code);
}

// setThreads(n): how many can really be had, n at most.
static napi_value setThreads(napi_env env, napi_callback_info info) {
  ARGS(1)
  int32_t n = 1;
  napi_get_value_int32(env, arg[0], &n);
  n = n < 1 ? 1 : n > POOL_MAX_THREADS ? POOL_MAX_THREADS : n;
  int have = pool_start(n - 1) + 1;
  s->threads = n < have ? n : have;
  return number(env, s->threads);
}

// ready(): threads a program would run on now.
static napi_value ready(napi_env env, napi_callback_info info) {
  state *s;
  if (napi_get_cb_info(env, info, 0, 0, 0, (void **)&s) != napi_ok) return 0;
  return number(env, pool_threads(s->threads));
}

// isas(): [name, float32 lanes, name, lanes, ...] of those this processor has, fastest first.
static napi_value list_isas(napi_env env, napi_callback_info info) {
  napi_value list, name;
  napi_create_array(env, &list);
  uint32_t n = 0;
  for (int i = 0; i < ISA_COUNT; i++) {
    if (!isas[i].here()) continue;
    napi_create_string_utf8(env, isas[i].name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, list, n++, name);
    napi_set_element(env, list, n++, number(env, isas[i].lanes));
  }
  (void)info;
  return list;
}

// selectIsa(name): the number of its kernels, 0 when this processor does not have it.
static napi_value selectIsa(napi_env env, napi_callback_info info) {
  ARGS(1)
  char name[16] = "";
  size_t length;
  napi_get_value_string_utf8(env, arg[0], name, sizeof name, &length);
  for (int i = 0; i < ISA_COUNT; i++) {
    if (strcmp(name, isas[i].name) || !isas[i].here()) continue;
    s->engine.table = isas[i].table;
    s->engine.kernels = *isas[i].count;
    return number(env, s->engine.kernels);
  }
  return number(env, 0);
}

// Each function of an engine holds a reference, so that none can outlive the state.
static void drop_state(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  state *s = data;
  if (--s->references > 0) return;
#ifdef FV_SANITIZE
  if (s->mapping) __asan_unpoison_memory_region((void *)s->engine.base, s->engine.limit - s->engine.base);
#endif
  if (s->mapping) munmap(s->mapping, s->mapping_bytes);
  free(s);
}

// open(): an engine, with memory and an ISA of its own. It is freed with the last of its functions.
static napi_value open_engine(napi_env env, napi_callback_info info) {
  (void)info;
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"selectIsa", selectIsa}, {"reserve", reserve},       {"write", write_}, {"read", read_},
      {"run", run},             {"setThreads", setThreads}, {"ready", ready},
#ifdef FV_SANITIZE
      {"openMemory", open_memory}, {"closeMemory", close_memory},
#endif
  };
  state *s = calloc(1, sizeof *s);
  if (!s) return 0;
  s->threads = 1;
  s->references = 1;
  napi_value engine;
  napi_create_object(env, &engine);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value f;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, s, &f) != napi_ok) continue;
    if (napi_add_finalizer(env, f, s, drop_state, 0, 0) != napi_ok) continue;
    s->references++;
    napi_set_named_property(env, engine, functions[i].name, f);
  }
  drop_state(env, s, 0);
  return engine;
}

NAPI_MODULE_INIT() {
  // The pool's threads outlive a JavaScript thread that loaded the addon: its code must never be unloaded.
  static int kept;
  Dl_info self;
  if (!__atomic_exchange_n(&kept, 1, __ATOMIC_SEQ_CST) && dladdr(&kept, &self)) dlopen(self.dli_fname, RTLD_NOW);

  napi_value f;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open_engine, 0, &f);
  napi_set_named_property(env, exports, "open", f);
  napi_create_function(env, "isas", NAPI_AUTO_LENGTH, list_isas, 0, &f);
  napi_set_named_property(env, exports, "isas", f);
  napi_set_named_property(env, exports, "hash", number(env, FV_HASH));
  return exports;
}
