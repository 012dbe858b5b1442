// Elementary functions on vectors, built from the vocabulary of vec.h: no libm, the same source on every ISA.
//
// The largest errors on each ISA, measured over all exponents: docs/accuracy.md (npm run accuracy).
// ±inf, NaN, denormals and overflow follow IEEE 754 (pow: C99 Annex F). Nothing here flushes denormals.
#pragma once
#include "vec.h"

typedef uint32_t vu __attribute__((vector_size(VB)));
// As many lanes of twice the width; the compiler makes two vectors of each.
typedef double vd __attribute__((vector_size(2 * VB)));
typedef int64_t vl __attribute__((vector_size(2 * VB)));

#define INF __builtin_inff()
#define SIGN_BIT ((vi)(splat(-0.0f)))

INLINE vf vabs(vf x) { return (vf)((vi)x & ~SIGN_BIT); }
// The magnitude of a (whose sign bit is clear) with the sign of b.
INLINE vf vsign_of(vf a, vf b) { return (vf)((vi)a | ((vi)b & SIGN_BIT)); }
// 2^n, −126 ≤ n ≤ 127
static __attribute__((noinline)) vf vpow2(vi n) { return (vf)((n + 127) << 23); }

INLINE int any(vi mask) {
  int32_t some = 0;
  for (int i = 0; i < VL; i++) some |= mask[i];
  return some != 0;
}

INLINE vf vsqrt(vf x) {
#if defined(__AVX512F__) && VB == 64
  return (vf)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__) && VB == 32
  return (vf)_mm256_sqrt_ps((__m256)x);
#elif defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#else
  for (int i = 0; i < VL; i++) x[i] = __builtin_sqrtf(x[i]); // one instruction with -fno-math-errno
  return x;
#endif
}
typedef double vdouble __attribute__((vector_size(VB)));
INLINE vdouble vsqrt_double(vdouble x) {
#if defined(__AVX512F__) && VB == 64
  return (vdouble)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX2__) && VB == 32
  return (vdouble)_mm256_sqrt_pd((__m256d)x);
#elif defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#else
  for (int i = 0; i < VB / 8; i++) x[i] = __builtin_sqrt(x[i]);
  return x;
#endif
}

// To the nearest whole number, ties to even; keeps the sign of zero.
INLINE vf vround(vf x) {
  vf a = vabs(x), whole = a + 0x1p23f - 0x1p23f;
  return vsign_of(select(a < 0x1p23f, whole, a), x);
}
INLINE vf vfloor(vf x) {
  vf r = vround(x);
  return vsign_of(vabs(select(r > x, r - 1, r)), x);
}
INLINE vf vceil(vf x) {
  vf r = vround(x);
  return vsign_of(vabs(select(r < x, r + 1, r)), x);
}

// exp(x) = 2^n · (1 + hi + q): hi = x − n·(ten bits of ln 2), exactly; q is small. Polynomial: Cephes expf (Moshier).
INLINE vf exp_parts(vf x, vi *n, vf *hi) {
  vf t = x * 1.44269504088896341f + 0x1.8p23f; // the addition rounds
  *n = (vi)t - (vi)splat(0x1.8p23f);
  t -= 0x1.8p23f;
  *hi = x - t * 0.693359375f;
  vf lo = t * -2.12194440e-4f, r = *hi - lo; // |r| ≤ ln 2 / 2
  vf q = splat(1.9875691500e-4f);
  q = q * r + 1.3981999507e-3f;
  q = q * r + 8.3334519073e-3f;
  q = q * r + 4.1665795894e-2f;
  q = q * r + 1.6666665459e-1f;
  q = q * r + 5.0000001201e-1f;
  return q * (r * r) - lo;
}

// y + *tail = e^x / 2^n: the tail is what the rounding of y lost.
INLINE vf exp_head(vf x, vi *n, vf *tail) {
  vf hi, q = exp_parts(x, n, &hi);
  vf sum = 1 + hi, low = q + (hi - (sum - 1)), y = sum + low; // with what the first addition lost
  *tail = low - (y - sum);
  return y;
}

// x · 2^n, rounded once; in two steps, as n may lie beyond the exponents of a float
INLINE vf vscale(vf x, vi n) {
  vi half = n >> 1;
  return x * vpow2(half) * vpow2(n - half);
}

INLINE vf vexp(vf x) {
  vi n;
  vf tail, y = exp_head(vmin(splat(89), vmax(splat(-104), x)), &n, &tail); // NaN passes through both
  return vscale(y, n);
}

// For x ≤ 44; exact near 0.
INLINE vf vexpm1(vf x) {
  vi n;
  vf hi, q = exp_parts(vmax(splat(-30), x), &n, &hi), two_n = vpow2(n);
  return vsign_of(vabs(two_n * (q + hi) + (two_n - 1)), x); // −0 stays −0
}

// m·2^e = x, √½ ≤ m < √2, for positive finite x
INLINE vf log_parts(vf x, vi *e) {
  vi tiny = x < 0x1p-126f;
  x = select(tiny, x * 0x1p23f, x);
  vi bits = (vi)x - 0x3f3504f3;
  *e = (bits >> 23) - (tiny & 23);
  return (vf)((bits & 0x7fffff) + 0x3f3504f3);
}

// Polynomial: Cephes logf (Moshier).
INLINE vf vlog(vf x) {
  vi exponent;
  vf f = log_parts(x, &exponent) - 1, e = __builtin_convertvector(exponent, vf), z = f * f;
  vf q = splat(7.0376836292e-2f);
  q = q * f - 1.1514610310e-1f;
  q = q * f + 1.1676998740e-1f;
  q = q * f - 1.2420140846e-1f;
  q = q * f + 1.4249322787e-1f;
  q = q * f - 1.6668057665e-1f;
  q = q * f + 2.0000714765e-1f;
  q = q * f - 2.4999993993e-1f;
  q = q * f + 3.3333331174e-1f;
  vf y = f * z * q;
  y += e * -2.12194440e-4f;
  y -= 0.5f * z;
  y = f + y;
  y += e * 0.693359375f;
  y = select((x > 0) & (x < INF), y, x); // +inf, NaN and −… stay
  y = select(x == 0, splat(-INF), y);
  return select(x < 0, splat(__builtin_nanf("")), y);
}

// log(1 + x) for 0 ≤ x ≤ 1
INLINE vf vlog1p_unit(vf x) {
  vf u = 1 + x;
  return vlog(u) + (x - (u - 1)) / u; // what the addition lost, to first order
}

// Near 0 x·(1 + P(x²)), Cephes tanhf; elsewhere t / (t + 2) with t = exp(2|x|) − 1.
INLINE vf vtanh(vf x) {
  vf a = vabs(x), z = x * x;
  vf p = splat(-5.70498872745e-3f);
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  vf t = vexpm1(vmin(splat(19), 2 * a));
  return vsign_of(select(a < 0.55f, p * z * a + a, t / (t + 2)), x);
}

// Below −80, 1/(1 + exp −x) would overflow, and exp x is the same to the last bit.
#define FAR -80

// 1 / (1 + exp −x), corrected by what the rounding of exp and of the sum lost
INLINE vf vsigmoid(vf x) {
  vi n, far = x < FAR;
  vf tail, y = exp_head(vmax(splat(-104), select(far, x, -x)), &n, &tail), e = vscale(y, n);
  vf d = 1 + e, b = d - 1, lost = (1 - (d - b)) + (e - b) + vscale(tail, n), r = 1 / d;
  return select(far, e, r - r * (r * lost));
}

// x · sigmoid x; far out as one product, for the factors are subnormal long before it is.
INLINE vf vsilu(vf x) {
  vf t = vmax(splat(-120), vmin(splat(FAR), x));
  vi n;
  vf tail, y = exp_head(t, &n, &tail);
  return select(x < FAR, vscale(t * y, n), x * vsigmoid(x));
}

// x · tanh(log(1 + e)), e = exp x: tanh is w / (w + 2) with w = (1 + e)² − 1
INLINE vf vmish(vf x) {
  vi n;
  vf t = vmin(splat(20), vmax(splat(-120), x)), tail, y = exp_head(t, &n, &tail);
  vf e = vscale(y, n), w = e * e + 2 * e;
  return select(x < FAR, vscale(t * y, n), x * (w / (w + 2)));
}

// log(1 + exp x)
INLINE vf vsoftplus(vf x) { return vmax(splat(0), x) + vlog1p_unit(vexp(-vabs(x))); }

// Two ranges: x·(1 + P(x²)) and 1 − exp(−Q|x|). Polynomials: N. Juffa.
INLINE vf verf(vf x) {
  vf a = vabs(x), s = x * x, t = vmin(splat(4), a);
  vf p = splat(-5.96761703e-4f);
  p = p * s + 4.99119423e-3f;
  p = p * s - 2.67681349e-2f;
  p = p * s + 1.12819925e-1f;
  p = p * s - 3.76125336e-1f;
  p = p * s + 1.28379166e-1f;
  vf near = p * x + x;
  vf t2 = t * t, q = t * -1.72853470e-5f + 3.83197126e-4f, u = t * -3.88396438e-3f + 2.42546219e-2f;
  q = q * t2 + u;
  q = q * t - 1.06777877e-1f;
  q = q * t - 6.34846687e-1f;
  q = q * t - 1.28717512e-1f;
  q = q * t - t;
  return select(a > 0.921875f, vsign_of(1 - vexp(q), x), near);
}

// One huge angle: x·2/π from 192 bits of 2/π in integers (Payne and Hanek). Returns the rest in [−π/4, π/4].
static float reduce_huge(float x, int32_t *quadrant) {
  static const uint32_t two_over_pi[] = {0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770, 0x36d8a566, 0x4f10e410};
  uint32_t bits, mantissa, hi, mid, lo, next;
  __builtin_memcpy(&bits, &x, 4);
  mantissa = (bits & 0x7fffff) << 8 | 0x80000000u;
  int exponent = (int)(bits >> 23 & 0xff) - 126, word = exponent >> 5, shift = exponent & 31;
  hi = word ? two_over_pi[word - 1] : 0;
  mid = two_over_pi[word];
  lo = two_over_pi[word + 1];
  next = two_over_pi[word + 2];
  if (shift) {
    hi = hi << shift | mid >> (32 - shift);
    mid = mid << shift | lo >> (32 - shift);
    lo = lo << shift | next >> (32 - shift);
  }
  uint64_t product = (uint64_t)mantissa * lo;
  product = (uint64_t)mantissa * mid + (product >> 32);
  product += (uint64_t)(mantissa * hi) << 32;
  int q = (int)(product >> 62);
  int64_t fraction = (int64_t)(product & 0x3fffffffffffffffu);
  if (fraction >> 61) {
    fraction -= 0x4000000000000000;
    q++;
  }
  float r = (float)((double)fraction * 0x1.921fb54442d18p-62);
  *quadrant = bits >> 31 ? -q : q;
  return bits >> 31 ? -r : r;
}

// sin of x + turn·π/2
static __attribute__((noinline)) vf vsin_turned(vf x, int turn) {
  vd d = __builtin_convertvector(x, vd);
  vd n = d * 0.63661977236758134 + 0x1.8p52;
  vi quadrant = __builtin_convertvector((vl)n, vi);
  n -= 0x1.8p52;
  vf r = __builtin_convertvector(d - n * 0x1.921fb544p+0 - n * 0x1.0b4611a626331p-34, vf); // 33 bits of π/2, then the rest
  if (any(vabs(x) >= 0x1p19f)) {
    for (int i = 0; i < VL; i++) {
      int32_t q = 0;
      float a = x[i] < 0 ? -x[i] : x[i];
      if (a >= 0x1p19f && a < INF) {
        r[i] = reduce_huge(x[i], &q);
        quadrant[i] = q;
      }
    }
  }
  vf z = r * r;
  vf s = splat(2.86567956e-6f);
  s = s * z - 1.98559923e-4f;
  s = s * z + 8.33338592e-3f;
  s = s * z - 1.66666672e-1f;
  s = select(z > 0, s * (z * r) + r, r); // −0 stays −0
  vf c = splat(2.44677067e-5f);
  c = c * z - 1.38877297e-3f;
  c = c * z + 4.16666567e-2f;
  c = c * z - 0.5f;
  c = c * z + 1;
  quadrant += turn;
  vf y = select((quadrant & 1) != 0, c, s);
  y = (vf)((vi)y ^ ((quadrant & 2) << 30));
  return select(vabs(x) < INF, y, x - x); // NaN for ±inf and NaN
}

INLINE vf vsin(vf x) { return vsin_turned(x, 0); }
INLINE vf vcos(vf x) { return vsin_turned(x, 1); }

// 2^t in double precision, to about 1e-11
INLINE vd exp2_double(vd t) {
  vl below = (vl)(t < -1000.0), above = (vl)(t > 1000.0);
  t = (vd)(((vl)t & ~(below | above)) | ((vl)((vd){0} - 1000.0) & below) | ((vl)((vd){0} + 1000.0) & above));
  vd n = t + 0x1.8p52;
  vl scale = ((vl)n + 1023) << 52;
  vd f = (t - (n - 0x1.8p52)) * 0.69314718055994531;
  vd e = f * (1.0 / 362880) + 1.0 / 40320;
  e = e * f + 1.0 / 5040;
  e = e * f + 1.0 / 720;
  e = e * f + 1.0 / 120;
  e = e * f + 1.0 / 24;
  e = e * f + 1.0 / 6;
  e = e * f + 0.5;
  e = e * f + 1;
  e = e * f + 1;
  return e * (vd)scale;
}

// In double precision, so that y·log2 x keeps enough bits.
static __attribute__((noinline)) vf vpow(vf x, vf y) {
  vf a = vabs(x);
  vi exponent;
  vd m = __builtin_convertvector(log_parts(a, &exponent), vd), s = (m - 1) / (m + 1), z = s * s;
  vd l = z * (2.8853900817779268 / 13) + 2.8853900817779268 / 11; // 2/ln 2 · artanh(s) / s
  l = l * z + 2.8853900817779268 / 9;
  l = l * z + 2.8853900817779268 / 7;
  l = l * z + 2.8853900817779268 / 5;
  l = l * z + 2.8853900817779268 / 3;
  l = l * z + 2.8853900817779268;
  l = l * s + __builtin_convertvector(__builtin_convertvector(exponent, vf), vd);
  vi is_zero = a == 0, is_inf = a == INF;
  vf edge = select(is_zero, splat(-INF), select(is_inf, splat(INF), a - a)); // a − a: NaN stays NaN
  l += __builtin_convertvector(edge, vd);

  vd t = __builtin_convertvector(y, vd) * l;
  vf r = __builtin_convertvector(exp2_double(t), vf);

  vf whole = vround(y), half = y * 0.5f;
  vi is_whole = whole == y, is_odd = is_whole & (vround(half) != half) & (vabs(y) < INF);
  vi negative = (vi)x < 0;
  r = (vf)((vi)r | (negative & is_odd & SIGN_BIT));
  r = select((x < 0) & ~is_whole & ~is_inf, splat(__builtin_nanf("")), r);
  r = select((a == 1) & (~negative | (vabs(y) == INF)), splat(1), r);
  return select(y == 0, splat(1), r);
}

// x · Φ(x), Φ being the normal distribution function, in double precision: in the tail
// Φ(−a) = exp(−a²/2) · P(u) / (a + 7/2), u = 7/2 / (a + 7/2). P: fitted at Chebyshev points, relative error below 2.1e-10.
static __attribute__((noinline)) vf vgelu(vf x) {
  vf clipped = vmax(splat(-16), x); // there the result is −0
  vd d = __builtin_convertvector(clipped, vd), a = __builtin_convertvector(vmin(splat(16), vabs(clipped)), vd);
  vd over = 1 / (a + 3.5), u = 3.5 * over;
  vd p = u * 0.04121150458759366 - 0.2923009419137292;
  p = p * u + 0.8575510688135658;
  p = p * u - 1.299648176345375;
  p = p * u + 1.0725141409842698;
  p = p * u - 0.6231496684321042;
  p = p * u + 0.38018727145399667;
  p = p * u + 0.1348359299794771;
  p = p * u + 0.31633586504975425;
  p = p * u + 0.3644373548541607;
  p = p * u + 0.39908824964811007;
  p = p * u + 0.3989374013484098;
  vd tail = exp2_double(a * a * -0.72134752044448170) * p * over;
  vl negative = (vl)(d < 0);
  vd phi = (vd)((negative & (vl)tail) | (~negative & (vl)(1 - tail)));
  return __builtin_convertvector(d * phi, vf);
}
