// Expands the inner loops for each instruction set and picks among them.

#include "CKernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// 64-byte vectors pass between functions that are always inlined: no ABI is involved.
#pragma clang diagnostic ignored "-Wpsabi"

#define NAME(x) portable_##x
#define WIDTH 4
#define SLIVER 2
#define PANELS 1
#define FMA __builtin_elementwise_fma
#define LEVEL DENJU_PORTABLE
#include "kernels.inc"

#if defined(__x86_64__)

// Where the CPU has no fused multiply-add a library function stands in for it, which takes some
// hundred cycles. These round products and sums one by one, to other bits.
#define NAME(x) unfused_##x
#define WIDTH 4
#define SLIVER 2
#define PANELS 1
#define FMA(x, y, z) ((x) * (y) + (z))
#define LEVEL DENJU_PORTABLE
#include "kernels.inc"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) avx2_##x
#define WIDTH 8
#define SLIVER 6
#define PANELS 1
#define FMA __builtin_elementwise_fma
#define LEVEL DENJU_AVX2
#include "kernels.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#define NAME(x) avx512_##x
#define WIDTH 16
#define SLIVER 14
#define PANELS 2
#define FMA __builtin_elementwise_fma
#define LEVEL DENJU_AVX512
#include "kernels.inc"
#pragma clang attribute pop

denju_level denju_best_level(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return DENJU_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return DENJU_AVX2;
  return DENJU_PORTABLE;
}

#else
denju_level denju_best_level(void) { return DENJU_PORTABLE; }
#endif

denju_level denju_detect_level(void) {
  denju_level best = denju_best_level(), asked = best;
  const char *name = getenv("DENJU_SIMD");
  if (name && !strcmp(name, "portable")) asked = DENJU_PORTABLE;
  if (name && !strcmp(name, "avx2")) asked = DENJU_AVX2;
  return asked < best ? asked : best;
}

const denju_kernels *denju_kernels_for(denju_level level) {
  denju_level best = denju_best_level();
  if (level > best) level = best;
#if defined(__x86_64__)
  if (level == DENJU_AVX512) return &avx512_table;
  if (level == DENJU_AVX2) return &avx2_table;
#endif
  return &portable_table;
}

const denju_kernels *denju_unfused_kernels(void) {
#if defined(__x86_64__)
  return &unfused_table;
#else
  return &portable_table;
#endif
}
