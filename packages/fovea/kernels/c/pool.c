// The thread pool. The caller publishes a job under a new ticket, cut into SHARES parts for each thread. Every thread
// takes its own parts one after the other, so that it finds in its cache what it wrote in the command before, and then
// what others have not begun: a worker that sleeps, or has lost its core to another process, delays little. Who runs a
// part never changes a result.
//
// Idle workers spin for about 0.1 ms (a wake-up costs 5 to 1,000 µs), then yield, then sleep.
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "pool.h"

#define SHARES 4

typedef uint64_t ticket; // generation · 256 + threads

typedef struct {
  _Alignas(128) uint64_t taken; // generation · 256 + how many of this thread's parts were taken, by whomever
  uint32_t ready;
  _Alignas(128) uint32_t asleep; // 1 while parked; the caller clears it to wake
} worker; // the first is the caller

// The fields of a job stand beside its ticket: one cache line carries all of it to a worker.
static struct {
  _Alignas(128) ticket now;
  kernel_fn *f;
  void *const *buf;
  const int32_t *p;
  _Alignas(128) int left; // parts that are not done
} job;
static worker workers[POOL_MAX_THREADS];

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)

// --- What differs between systems: pause, yield, sleep, wake -------------------------------------------------------

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

// --- The pool ------------------------------------------------------------------------------------------------------

int pool_threads(int limit) {
  int threads = 1;
  if (limit > POOL_MAX_THREADS) limit = POOL_MAX_THREADS;
  while (threads < limit && LOAD(workers[threads].ready)) threads++;
  return threads;
}

// Takes the next of a thread's parts in job `t`: 0 … SHARES − 1, or −1 if all are taken. No job ends with a part that
// nobody took and generations only grow, so who comes late with an earlier ticket gets none.
static int take(worker *w, ticket t) {
  for (uint64_t last = LOAD(w->taken);;) {
    const int next = last >> 8 == t >> 8 ? (int)(last & 255) : 0;
    if (last >> 8 > t >> 8 || next == SHARES) return -1;
    const uint64_t now = t >> 8 << 8 | (uint64_t)(next + 1);
    if (__atomic_compare_exchange_n(&w->taken, &last, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return next;
  }
}

// Does parts of job `t` as thread `index` until all are taken.
static void work(int index, ticket t) {
  const int threads = (int)(t & 255);
  for (int i = 0; i < threads; i++) {
    const int owner = (index + i) % threads;
    for (int next; (next = take(&workers[owner], t)) >= 0;) {
      job.f(job.buf, job.p, owner * SHARES + next, threads * SHARES);
      __atomic_fetch_sub(&job.left, 1, __ATOMIC_ACQ_REL);
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

// Waits for parts that workers are in the middle of.
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
  job.f = f, job.buf = buf, job.p = p, job.left = threads * SHARES;
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
  (void)index;
  STORE(failed, 1);
  __atomic_fetch_sub(&job.left, 1, __ATOMIC_ACQ_REL);
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
