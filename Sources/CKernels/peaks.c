// What the arithmetic units of one core give when nothing waits for memory: loops that stay in
// registers. Benchmarks state their rates as shares of these.

#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Chains side by side: more than latency (4 or 5) times units (2), fewer than registers.
#define CHAINS 12
#define EACH_CHAIN _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++)
// The compiler must take `x` for changed, or it would move what depends on it alone out of the loop.
#define UNKNOWN(x) __asm__ volatile("" : "+x"(x))
#define UNKNOWN_512(x) __asm__ volatile("" : "+v"(x))

static double portable_fma(ptrdiff_t rounds) {
  float sum[CHAINS] = {0};
  volatile float seed = 0.5f;
  float x = seed, y = seed;
  for (ptrdiff_t round = 0; round < rounds; round++)
    EACH_CHAIN sum[i] = sum[i] * x + y;
  EACH_CHAIN seed = sum[i];
  return 2.0 * CHAINS * (double)rounds;
}

static double portable_dot_int8(ptrdiff_t rounds) {
  int32_t sum[CHAINS] = {0};
  volatile int8_t seed = 3;
  volatile int32_t sink;
  for (ptrdiff_t round = 0; round < rounds; round++) {
    int32_t x = seed, y = seed;
    EACH_CHAIN sum[i] += x * y;
  }
  EACH_CHAIN sink = sum[i];
  (void)sink;
  return 2.0 * CHAINS * (double)rounds;
}

#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) static double avx2_fma(ptrdiff_t rounds) {
  __m256 sum[CHAINS], x = _mm256_set1_ps(0.5f), y = x;
  EACH_CHAIN sum[i] = _mm256_setzero_ps();
  for (ptrdiff_t round = 0; round < rounds; round++)
    EACH_CHAIN sum[i] = _mm256_fmadd_ps(sum[i], x, y);
  EACH_CHAIN UNKNOWN(sum[i]);
  return 2.0 * 8 * CHAINS * (double)rounds;
}

// Without VNNI bytes are widened first, since `vpmaddubsw` saturates: what counts is the product of
// 16-bit pairs and the addition after it.
__attribute__((target("avx2"))) static double avx2_dot_int8(ptrdiff_t rounds) {
  __m256i sum[CHAINS], x = _mm256_set1_epi16(3), y = x;
  EACH_CHAIN sum[i] = _mm256_setzero_si256();
  for (ptrdiff_t round = 0; round < rounds; round++) {
    EACH_CHAIN {
      UNKNOWN(x);
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(x, y));
    }
  }
  EACH_CHAIN UNKNOWN(sum[i]);
  return 2.0 * 16 * CHAINS * (double)rounds;
}

__attribute__((target("avx512f"))) static double avx512_fma(ptrdiff_t rounds) {
  __m512 sum[CHAINS], x = _mm512_set1_ps(0.5f), y = x;
  EACH_CHAIN sum[i] = _mm512_setzero_ps();
  for (ptrdiff_t round = 0; round < rounds; round++)
    EACH_CHAIN sum[i] = _mm512_fmadd_ps(sum[i], x, y);
  EACH_CHAIN UNKNOWN_512(sum[i]);
  return 2.0 * 16 * CHAINS * (double)rounds;
}

__attribute__((target("avx512f,avx512vnni"))) static double avx512_dot_int8(ptrdiff_t rounds) {
  __m512i sum[CHAINS], x = _mm512_set1_epi8(3), y = x;
  EACH_CHAIN sum[i] = _mm512_setzero_si512();
  for (ptrdiff_t round = 0; round < rounds; round++) {
    UNKNOWN_512(x);
    EACH_CHAIN sum[i] = _mm512_dpbusd_epi32(sum[i], x, y);
  }
  EACH_CHAIN UNKNOWN_512(sum[i]);
  return 2.0 * 64 * CHAINS * (double)rounds;
}

#endif

double denju_peak_fma(ptrdiff_t rounds) {
#if defined(__x86_64__)
  denju_level level = denju_detect_level();
  if (level == DENJU_AVX512) return avx512_fma(rounds);
  if (level == DENJU_AVX2) return avx2_fma(rounds);
#endif
  return portable_fma(rounds);
}

double denju_peak_dot_int8(ptrdiff_t rounds) {
#if defined(__x86_64__)
  denju_level level = denju_detect_level();
  if (level == DENJU_AVX512 && __builtin_cpu_supports("avx512vnni"))
    return avx512_dot_int8(rounds);
  if (level >= DENJU_AVX2) return avx2_dot_int8(rounds);
#endif
  return portable_dot_int8(rounds);
}
