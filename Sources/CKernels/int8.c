// Products of 8-bit codes in groups of 32: see CInt8.h. Expanded for each instruction set.

#include "CKernels.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// 64-byte vectors pass between functions that are always inlined: no ABI is involved.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float lanes __attribute__((vector_size(64), aligned(4)));
typedef int32_t integers __attribute__((vector_size(64), aligned(4)));
typedef int8_t bytes __attribute__((vector_size(16), aligned(1)));
#define L lanes

// Most groups of depth that a pair of panels is multiplied over at a time: with scales and minimums 26
// KB, in the first-level cache.
#define BLOCK_GROUPS 20

// ---- Any CPU ------------------------------------------------------------------------------------

#define NAME(x) portable_int8_##x
#define ROWS 1
#define PANELS 1
#define STATE int32_t
#define STATES 16
INLINE void NAME(clear)(STATE *sum, int32_t start) {
  for (int c = 0; c < 16; c++) sum[c] = start;
}
// The sums so far in the second term's units, and what they go on from.
INLINE void NAME(second)(STATE *sum, int32_t start) {
  for (int c = 0; c < 16; c++) sum[c] = sum[c] * DENJU_SECOND + start;
}
// sum[c] += four codes of A times four of each column.
INLINE void NAME(add)(STATE *sum, const uint8_t *w, int nibble, const int8_t *x) {
  for (int c = 0; c < 16; c++)
    for (int k = 0; k < 4; k++) {
      int code = w[4 * c + k];
      code = nibble < 0 ? code : nibble ? code >> 4 : code & 15;
      sum[c] += code * x[k];
    }
}
INLINE L NAME(value)(const STATE *sum) {
  return __builtin_convertvector(*(const integers *)sum, L);
}
#include "int8.inc"

#if defined(__x86_64__)
#include <immintrin.h>

// ---- AVX2: codes are widened to 16 bits, since vpmaddubsw would saturate ------------------------

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) avx2_int8_##x
#define ROWS 2
#define PANELS 1
#define STATE __m256i
#define STATES 4
// Each of the four states holds four columns' sums as neighbours to be added.
INLINE void NAME(clear)(STATE *sum, int32_t start) {
  for (int i = 0; i < 4; i++) sum[i] = _mm256_set1_epi64x((uint32_t)start);
}
INLINE void NAME(second)(STATE *sum, int32_t start) {
  for (int i = 0; i < 4; i++)
    sum[i] =
        _mm256_add_epi32(_mm256_slli_epi32(sum[i], 7), _mm256_set1_epi64x((uint32_t)start));
}
INLINE void NAME(add)(STATE *sum, const uint8_t *w, int nibble, const int8_t *x) {
  int32_t four;
  memcpy(&four, x, 4);
  __m256i left = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
  for (int i = 0; i < 4; i++) {
    __m128i codes = _mm_loadu_si128((const __m128i *)(w + 16 * i));
    if (nibble == 1) codes = _mm_srli_epi16(codes, 4);
    if (nibble >= 0) codes = _mm_and_si128(codes, _mm_set1_epi8(15));
    sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(_mm256_cvtepu8_epi16(codes), left));
  }
}
INLINE L NAME(value)(const STATE *sum) {
  __m256 part[2];
  for (int i = 0; i < 2; i++) {
    __m256i pairs = _mm256_hadd_epi32(sum[2 * i], sum[2 * i + 1]);
    part[i] = _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(pairs, 0xD8));
  }
  L value;
  memcpy(&value, part, sizeof value);
  return value;
}
#include "int8.inc"
#pragma clang attribute pop

// ---- AVX-512 with VNNI --------------------------------------------------------------------------

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vnni,avx2,fma"))), apply_to = function)
#define NAME(x) vnni_int8_##x
#define ROWS 6
#define PANELS 2
#define STATE __m512i
#define STATES 1
INLINE void NAME(clear)(STATE *sum, int32_t start) { sum[0] = _mm512_set1_epi32(start); }
INLINE void NAME(second)(STATE *sum, int32_t start) {
  sum[0] = _mm512_add_epi32(_mm512_slli_epi32(sum[0], 7), _mm512_set1_epi32(start));
}
INLINE void NAME(add)(STATE *sum, const uint8_t *w, int nibble, const int8_t *x) {
  int32_t four;
  memcpy(&four, x, 4);
  __m512i codes = _mm512_loadu_si512(w);
  if (nibble == 1) codes = _mm512_srli_epi16(codes, 4);
  if (nibble >= 0) codes = _mm512_and_si512(codes, _mm512_set1_epi8(15));
  sum[0] = _mm512_dpbusd_epi32(sum[0], codes, _mm512_set1_epi32(four));
}
INLINE L NAME(value)(const STATE *sum) { return (L)_mm512_cvtepi32_ps(sum[0]); }
#include "int8.inc"
#pragma clang attribute pop
#endif

const denju_int8_kernels *denju_int8_kernels_for(denju_level level) {
  level = denju_kernels_for(level)->level;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (level == DENJU_AVX512 && __builtin_cpu_supports("avx512vnni") &&
      __builtin_cpu_supports("avx512bw"))
    return &vnni_int8_table;
  if (level >= DENJU_AVX2) return &avx2_int8_table;
#endif
  return &portable_int8_table;
}
