// The transform codec's inner loops: see CRounding.h. Expanded for each instruction set.

#include "CKernels.h"

#include <math.h>
#include <string.h>

// 64-byte vectors pass between functions that are always inlined: no ABI is involved.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

typedef float lanes16 __attribute__((vector_size(64), aligned(4)));
typedef int32_t ints16 __attribute__((vector_size(64), aligned(4)));
typedef int8_t bytes16 __attribute__((vector_size(16), aligned(1)));
typedef float four __attribute__((vector_size(16), aligned(4)));
typedef int16_t shorts32 __attribute__((vector_size(64), aligned(2)));
typedef _Bool bits32 __attribute__((ext_vector_type(32)));

#define NAME(x) portable_rounding_##x
#include "rounding.inc"

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,popcnt"))), apply_to = function)
#define NAME(x) avx2_rounding_##x
#include "rounding.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma,popcnt"))), apply_to = function)
#define NAME(x) avx512_rounding_##x
#include "rounding.inc"
#pragma clang attribute pop

#endif

const denju_rounding_kernels *denju_rounding_kernels_for(denju_level level) {
#if defined(__x86_64__)
  denju_level best = denju_kernels_for(level)->level;
  if (best == DENJU_AVX512) return &avx512_rounding_table;
  if (best == DENJU_AVX2) return &avx2_rounding_table;
#endif
  return &portable_rounding_table;
}
