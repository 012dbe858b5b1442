// The thread pool. The caller publishes a job under a new ticket, cut into PIECES for each thread. Every thread takes its
// own pieces first, so that it finds in its cache what it wrote in the command before, and then what others have not
// begun: a worker that sleeps, or has lost its core to another process, delays little. At first a quarter of a thread's
// pieces is taken at once, then half of what is left, down to what takes some 50 µs: threads end a long command together,
// and a short one is not cut finely. Who does a piece never changes a result.
//
// Idle workers spin for about 0.1 ms (a wake-up costs 5 to 1,000 µs), then yield, then sleep.
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "pool.h"

#define PIECES 64             // of each thread; as little as one may be taken at a time
#define MOST (PIECES / TAKES) // and never more than this

typedef uint64_t ticket; // generation · 256 + threads

typedef struct {
  _Alignas(128) uint64_t taken; // generation · 256 + how many of this thread's pieces were taken, by whomever
  uint32_t ready;
  int doing; // the pieces that this thread took last
  _Alignas(128) uint32_t asleep; // 1 while parked; the caller clears it to wake
} worker; // the first is the caller

// The fields of a job stand beside its ticket: one cache line carries all of it to a worker.
static struct {
  _Alignas(128) ticket now;
  kernel_fn *f;
  void *const *buf;
  const int32_t *p;
  _Alignas(128) int left; // pieces that are not done
} job;
static worker workers[POOL_MAX_THREADS];

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)

// --- What differs between systems: pause, yield, sleep, wake, the time ---------------------------------------------

#ifdef __wasm__
#define SPINS 200000
#define YIELDS 0
static uint32_t failed, blocking, caller_asleep;
static void pause_cpu(void) {}
static void yield_cpu(void) {}
static void park(uint32_t *word, int64_t nanoseconds) { __builtin_wasm_memory_atomic_wait32((int *)word, 1, nanoseconds); }
static void unpark(uint32_t *word) { __builtin_wasm_memory_atomic_notify((int *)word, 1); }
#else
#define SPINS 3000
#define YIELDS 1000
#include <pthread.h>
#include <sched.h>
#if defined(__x86_64__)
static void pause_cpu(void) { __builtin_ia32_pause(); }
#elif defined(__aarch64__)
static void pause_cpu(void) { __asm__ volatile("isb" ::: "memory"); }
#else
static void pause_cpu(void) {}
#endif
static void yield_cpu(void) { sched_yield(); }

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
static void park(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0); }
static void unpark(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0); }
#else
static pthread_mutex_t park_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t park_bell = PTHREAD_COND_INITIALIZER;
static void park(uint32_t *word) {
  pthread_mutex_lock(&park_mutex);
  while (LOAD(*word) == 1) pthread_cond_wait(&park_bell, &park_mutex);
  pthread_mutex_unlock(&park_mutex);
}
static void unpark(uint32_t *word) {
  (void)word;
  pthread_mutex_lock(&park_mutex);
  pthread_cond_broadcast(&park_bell);
  pthread_mutex_unlock(&park_mutex);
}
#endif
#endif

// A clock that costs a few cycles, and the ticks that a take should last: some 50 µs. Of 20, 50 and 150 µs (Zen 5, two threads)
// the shorter made predictions 1.5 % slower, the longer training up to 5 %.
#if defined(__x86_64__)
static int64_t ticks(void) { return (int64_t)__builtin_ia32_rdtsc(); }
static int64_t least_ticks(void) { return 150000; } // 30 to 75 µs at 2 to 5 GHz
#elif defined(__aarch64__)
static int64_t ticks(void) {
  int64_t now;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
}
static int64_t least_ticks(void) {
  int64_t perSecond;
  __asm__("mrs %0, cntfrq_el0" : "=r"(perSecond));
  return perSecond / 20000; // 50 µs
}
#else
static int64_t ticks(void) { return 0; } // none is known: no take is cut finer
static int64_t least_ticks(void) { return 1; }
#endif

// --- The pool ------------------------------------------------------------------------------------------------------

int pool_threads(int limit) {
  int threads = 1;
  if (limit > POOL_MAX_THREADS) limit = POOL_MAX_THREADS;
  while (threads < limit && LOAD(workers[threads].ready)) threads++;
  return threads;
}

// Takes the next of a thread's pieces in job `t`, half of what is left but `least` or more. Returns how many, 0 if all are
// taken, and the first. No job ends with a piece that nobody took and generations only grow, so who comes late with an
// earlier ticket gets none.
static int take(worker *w, ticket t, int least, int *first) {
  for (uint64_t last = LOAD(w->taken);;) {
    const int taken = last >> 8 == t >> 8 ? (int)(last & 255) : 0, left = PIECES - taken, half = left / 2;
    if (last >> 8 > t >> 8 || left == 0) return 0;
    const int wanted = half > MOST ? MOST : half > least ? half : least, count = wanted < left ? wanted : left;
    const uint64_t now = t >> 8 << 8 | (uint64_t)(taken + count);
    if (__atomic_compare_exchange_n(&w->taken, &last, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      *first = taken;
      return count;
    }
  }
}

// The pieces that take least_ticks() when `count` took that long.
static int enough(int count, int64_t time) {
  const int64_t pieces = time > 0 ? count * least_ticks() / time : MOST;
  return pieces < 1 ? 1 : pieces > MOST ? MOST : (int)pieces;
}

// Does pieces of job `t` as thread `index` until all are taken.
static void work(int index, ticket t) {
  const int threads = (int)(t & 255);
  int least = MOST;
  int64_t start = ticks();
  for (int i = 0; i < threads; i++) {
    const int owner = (index + i) % threads;
    for (int first, count; (count = take(&workers[owner], t, least, &first)) > 0;) {
      const int from = owner * PIECES + first;
      workers[index].doing = count;
      job.f(job.buf, job.p, (Part){from, from + count, threads * PIECES, index, threads});
      __atomic_fetch_sub(&job.left, count, __ATOMIC_ACQ_REL);
      const int64_t end = ticks();
      least = enough(count, end - start);
      start = end;
    }
  }
}

static void sleep_until_called(worker *w, ticket seen) {
  __atomic_store_n(&w->asleep, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&w->asleep, __ATOMIC_SEQ_CST) && __atomic_load_n(&job.now, __ATOMIC_SEQ_CST) == seen)
#ifdef __wasm__
    park(&w->asleep, -1);
#else
    park(&w->asleep);
#endif
  STORE(w->asleep, 0);
}

void pool_worker(int index) {
  worker *w = &workers[index];
  ticket seen = LOAD(job.now);
  int idle = 0;
  STORE(w->ready, 1);
  for (;;) {
    ticket t = LOAD(job.now);
    if (t == seen) {
      if (++idle < SPINS) pause_cpu();
      else if (idle < SPINS + YIELDS) yield_cpu();
      else sleep_until_called(w, seen), idle = 0;
      continue;
    }
    seen = t;
    if (index >= (int)(t & 255)) continue;
    work(index, t);
    idle = 0;
#ifdef __wasm__
    if (__atomic_exchange_n(&caller_asleep, 0, __ATOMIC_SEQ_CST)) unpark(&caller_asleep);
#endif
  }
}

// Waits for pieces that workers are in the middle of.
static void wait_for_others(void) {
  for (int n = 0; LOAD(job.left) != 0; n++) {
    if (n < SPINS) pause_cpu();
#ifdef __wasm__
    else if (blocking) {
      __atomic_store_n(&caller_asleep, 1, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(&job.left, __ATOMIC_SEQ_CST) != 0) park(&caller_asleep, 1000000);
      STORE(caller_asleep, 0);
    }
#endif
    else yield_cpu();
  }
}

int pool_fork(kernel_fn *f, void *const *buf, const int32_t *p, int threads) {
  ticket t = ((job.now >> 8) + 1) << 8 | (ticket)threads;
  job.f = f, job.buf = buf, job.p = p, job.left = threads * PIECES;
  __atomic_store_n(&job.now, t, __ATOMIC_SEQ_CST);
  for (int i = 1; i < threads; i++)
    if (__atomic_load_n(&workers[i].asleep, __ATOMIC_SEQ_CST)) {
      STORE(workers[i].asleep, 0);
      unpark(&workers[i].asleep);
    }
  work(0, t);
  wait_for_others();
#ifdef __wasm__
  return !LOAD(failed);
#else
  return 1;
#endif
}

#ifdef __wasm__
void pool_may_block(int yes) { blocking = yes; }
void pool_fail(int index) {
  STORE(failed, 1);
  __atomic_fetch_sub(&job.left, workers[index].doing, __ATOMIC_ACQ_REL);
  STORE(caller_asleep, 0);
  unpark(&caller_asleep);
}
#else
#define POOL_STACK (1 << 20) // kernels keep copies of up to 320 KB there, and some systems would give 128 KB
static pthread_mutex_t start_mutex = PTHREAD_MUTEX_INITIALIZER;
static int started = 0, busy = 0;

static void *thread_main(void *index) {
  pool_worker((int)(intptr_t)index);
  return 0;
}

int pool_start(int count) {
  pthread_mutex_lock(&start_mutex);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, POOL_STACK);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  while (started < count && started + 1 < POOL_MAX_THREADS) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, thread_main, (void *)(intptr_t)(started + 1))) break;
    started++;
  }
  pthread_attr_destroy(&attributes);
  count = started;
  pthread_mutex_unlock(&start_mutex);
  return count;
}

int pool_try_lock(void) { return !__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE); }
void pool_unlock(void) { STORE(busy, 0); }
#endif
