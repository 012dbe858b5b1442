// What one machine can do: multiply-adds per second of one instruction set, and bytes per second of its memory.
// Compiled by machine.mjs with -DVB=<vector bytes> for each instruction set: peaks <threads>, or peaks <threads> now for
// the multiply-adds alone, in a few milliseconds.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef float vec __attribute__((vector_size(VB)));
enum { LANES = VB / 4, MAX_THREADS = 64, MEMORY = 128 << 20 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

struct task {
  int kind;           // 0: multiply-adds, 1: read, 2: copy
  float *from, *to;   // this thread's part
  size_t vectors;
  long rounds;
  double work;        // operations or bytes done
};

// Twelve independent sums hide the latency of two multiply-add units. Each is a variable of its own: an array would
// live in memory.
#define TWELVE(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
static float multiply_adds(long rounds) {
  vec a = {0}, b = {0};
  for (int i = 0; i < LANES; i++) a[i] = 1.0f + 1e-7f * i, b[i] = 1e-7f;
#define DECLARE(i) vec s##i = a * (float)i; // all different, or the compiler computes one
  TWELVE(DECLARE)
  for (long r = 0; r < rounds; r++) {
#define STEP(i) s##i = s##i * a + b;
    TWELVE(STEP) TWELVE(STEP)
    __asm__ volatile(""); // the loop stays a loop
  }
#define TOTAL(i) +s##i[0]
  return 0.0f TWELVE(TOTAL);
}

static float read_memory(const float *from, size_t vectors) {
  const vec *p = (const vec *)from;
  vec s[8] = {{0}};
  for (size_t i = 0; i + 8 <= vectors; i += 8)
    for (int k = 0; k < 8; k++) s[k] += p[i + k];
  float sum = 0;
  for (int k = 0; k < 8; k++) sum += s[k][0];
  return sum;
}

static void copy_memory(float *to, const float *from, size_t vectors) {
  for (size_t i = 0; i < vectors; i++) ((vec *)to)[i] = ((const vec *)from)[i];
}

static volatile float sink;

static void *perform(void *p) {
  struct task *t = p;
  t->work = 0;
  for (long r = 0; r < t->rounds; r++) {
    if (t->kind == 0) {
      sink = multiply_adds(1000000);
      t->work += 1e6 * 24 * 2 * LANES;
    } else if (t->kind == 1) {
      sink = read_memory(t->from, t->vectors);
      t->work += (double)t->vectors * VB;
    } else {
      copy_memory(t->to, t->from, t->vectors);
      t->work += 2.0 * t->vectors * VB;
    }
  }
  return NULL;
}

// The best of several tries, in units of 1e9 per second.
static double best(int kind, int threads, int tries, long rounds, float *from, float *to) {
  double result = 0;
  for (int try = 0; try < tries; try++) {
    pthread_t id[MAX_THREADS];
    struct task tasks[MAX_THREADS];
    size_t vectors = MEMORY / VB / threads;
    double start = now();
    for (int i = 0; i < threads; i++) {
      size_t at = i * vectors * LANES;
      tasks[i] = (struct task){kind, from + at, to + at, vectors, rounds, 0};
      pthread_create(&id[i], NULL, perform, &tasks[i]);
    }
    double work = 0;
    for (int i = 0; i < threads; i++) pthread_join(id[i], NULL), work += tasks[i].work;
    double rate = work / (now() - start) / 1e9;
    if (rate > result) result = rate;
  }
  return result;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  if (argc > 2) {
    printf("%.1f\n", best(0, threads, 2, 1, NULL, NULL));
    return 0;
  }
  float *from = aligned_alloc(4096, MEMORY), *to = aligned_alloc(4096, MEMORY);
  for (size_t i = 0; i < MEMORY / 4; i++) from[i] = to[i] = 1;
  printf("{\"gflops\":%.1f,\"readGBs\":%.1f,\"copyGBs\":%.1f}\n", best(0, threads, 5, 3, from, to), best(1, threads, 5, 4, from, to),
         best(2, threads, 5, 4, from, to));
}
