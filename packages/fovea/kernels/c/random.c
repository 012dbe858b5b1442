// Random numbers that nobody but the generator decides: element i of a draw comes from word i % 4 of Philox block i / 4.
// buf: y. p: n, state (key and counter, 6 words), a, b (doubles, low word first).
//
// Everything is computed in double precision by the formulas and the order of base/math.ts and base/random.ts, each
// operation rounded by itself, so that the bits are those that JavaScript draws. About 6 ns for a normal number on AVX2.
#include "philox.h"
#include "vmath.h"
#include "walk.h"

// No a · b + c rounded once: gcc is told by function, clang by block.
#ifdef __clang__
#define ROUNDED_EACH
#define ROUND_EACH _Pragma("clang fp contract(off)")
#else
#define ROUNDED_EACH __attribute__((optimize("fp-contract=off")))
#define ROUND_EACH
#endif

typedef int64_t vlong __attribute__((vector_size(VB)));
typedef float vf_half __attribute__((vector_size(VB / 2)));

INLINE vdouble splat_double(double x) { return x - (vdouble){0}; }
INLINE vdouble select_double(vlong mask, vdouble a, vdouble b) { return (vdouble)((mask & (vlong)a) | (~mask & (vlong)b)); }
// Whole numbers below 2^52: they are put into the low bits of a double of that size.
INLINE vdouble to_double(vu64 whole) { return (vdouble)(whole | (vu64)splat_double(0x1p52)) - 0x1p52; }

INLINE double double_at(const int32_t *p, int k) {
  double x;
  __builtin_memcpy(&x, p + k, 8);
  return x;
}

// log x for 2^-32 ≤ x ≤ 1, as in base/math.ts.
INLINE vdouble log_of_unit(vdouble x) {
  ROUND_EACH
  vu64 bits = (vu64)x, mantissa = bits & 0x000fffffffffffffu;
  vu64 carry = (mantissa + 0x95f6400000000u) & 0x0010000000000000u;
  vdouble k = to_double((bits >> 52) + (carry >> 52)) - 1023;
  vdouble f = (vdouble)(mantissa | (carry ^ 0x3ff0000000000000u)) - 1;
  vdouble s = f / (2 + f), z = s * s, w = z * z;
  vdouble even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
  vdouble odd = z * (6.66666666666673513e-1 +
                w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  vdouble half_square = 0.5 * f * f;
  vdouble tail = s * (half_square + even + odd);
  // With k = 0 it is f − (half_square − tail), to the bit.
  return k * 6.9314718036912381649e-1 - (half_square - (tail + k * 1.90821492927058770002e-10) - f);
}

// cos and sin for 0 ≤ x ≤ 2π, as in base/math.ts.
INLINE vdouble cos_sin(vdouble x, vdouble *sine) {
  ROUND_EACH
  // floor(x · 2/π + ½), 0 to 4
  vdouble turns = x * 6.36619772367581382433e-1 + 0.5, n = {0};
  for (int i = 1; i <= 4; i++) n += (vdouble)((vu64)(turns >= (double)i) & (vu64)splat_double(1));
  vdouble first = x - n * 1.57079632673412561417, second = n * 6.0771005063039659766e-11;
  vdouble rest = first - second, lost = first - rest - second, third = n * 2.02226624879595063154e-21 - lost;
  vdouble high = rest - third, low = rest - high - third;
  vdouble z = high * high;
  vdouble r = 8.33333333332248946124e-3 +
         z * (-1.98412698298579493134e-4 +
              z * (2.75573137070700676789e-6 + z * (-2.50507602534068634195e-8 + z * 1.58969099521155010221e-10)));
  vdouble cube = z * high;
  vdouble s = high - (z * (0.5 * low - cube * r) - low - cube * -1.66666666666666324348e-1);
  vdouble q = z * (4.16666666666666019037e-2 +
              z * (-1.38888888888741095749e-3 +
                   z * (2.48015872894767294178e-5 +
                        z * (-2.75573143513906633035e-7 + z * (2.0875723212981748279e-9 + z * -1.13596475577881948265e-11)))));
  vdouble half = 0.5 * z, w = 1 - half;
  vdouble c = w + (1 - w - half + (z * q - high * low));
  vlong odd = (n == 1) | (n == 3), minus = (vlong)splat_double(-0.0);
  *sine = (vdouble)((vlong)select_double(odd, c, s) ^ (((n == 2) | (n == 3)) & minus));
  return (vdouble)((vlong)select_double(odd, s, c) ^ (((n == 1) | (n == 2)) & minus));
}

// The numbers of VL blocks, by word; of half of the blocks: those in even lanes of the words, then those in odd ones.
typedef void draw_fn(vf_half y[4], const vu64 words[4], double a, double b);

INLINE void uniform(vf_half y[4], const vu64 words[4], double a, double b) {
  ROUND_EACH
  for (int w = 0; w < 4; w++) y[w] = __builtin_convertvector(a + b * (to_double(words[w] >> 8) * 0x1p-24), vf_half);
}

// Box and Muller: a pair of words gives a pair of numbers.
INLINE void normal(vf_half y[4], const vu64 words[4], double a, double b) {
  ROUND_EACH
  for (int w = 0; w < 4; w += 2) {
    vdouble unit = (to_double(words[w]) + 1) * 0x1p-32;
    vdouble angle = to_double(words[w + 1]) * (6.283185307179586 * 0x1p-32);
    vdouble radius = b * vsqrt_double(-2 * log_of_unit(unit)), sine, cosine = cos_sin(angle, &sine);
    y[w] = __builtin_convertvector(a + radius * cosine, vf_half);
    y[w + 1] = __builtin_convertvector(a + radius * sine, vf_half);
  }
}

INLINE void draw_share(draw_fn *draw, float *y, const int32_t *p, Part part) {
  const uint32_t *state = (const uint32_t *)p + 1;
  double a = double_at(p, 7), b = double_at(p, 9);
  ptrdiff_t i, end;
  for (walk_share(p[0], part, &i, &end); i < end; i += 4 * VL) {
    vu words[4];
    vu64 some[4];
    vf_half by_word[2][4];
    float in_order[VL][4];
    philox_blocks(words, state, (vu)lane_numbers() + (uint32_t)(i / 4));
    for (int odd = 0; odd < 2; odd++) {
      UNROLL for (int w = 0; w < 4; w++) some[w] = (vu64)words[w] >> 32 * odd & 0xffffffffu;
      draw(by_word[odd], some, a, b);
    }
    for (int block = 0; block < VL; block++)
      UNROLL for (int w = 0; w < 4; w++) in_order[block][w] = by_word[block % 2][w][block / 2];
    __builtin_memcpy(y + i, in_order, (size_t)min_of(4 * VL, end - i) * 4);
  }
}

ROUNDED_EACH KERNEL(random_normal) { draw_share(normal, buf[0], p, part); }
ROUNDED_EACH KERNEL(random_uniform) { draw_share(uniform, buf[0], p, part); }
