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
typedef int32_t four_ints __attribute__((vector_size(16), aligned(4)));

#define NAME(x) portable_rounding_##x
#include "rounding.inc"

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) avx2_rounding_##x
#include "rounding.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
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

int denju_rans_read(denju_rans *stream, const uint16_t *starts, const uint8_t *tables, ptrdiff_t n,
                    uint8_t *symbols) {
  uint32_t x = stream->states[0], next_x = stream->states[1];
  const uint8_t *next = stream->next;
  for (ptrdiff_t i = 0; i < n; i++) {
    const uint16_t *row = starts + (size_t)tables[i] * DENJU_SYMBOLS;
    uint32_t slot = x & ((1 << DENJU_FREQUENCY_BITS) - 1);
    int symbol = 0;
    for (int half = DENJU_SYMBOLS / 2; half > 0; half /= 2)
      symbol += row[symbol + half] <= slot ? half : 0;
    uint32_t end = symbol + 1 < DENJU_SYMBOLS ? row[symbol + 1] : 1 << DENJU_FREQUENCY_BITS;
    x = (end - row[symbol]) * (x >> DENJU_FREQUENCY_BITS) + slot - row[symbol];
    if (x < 1 << 16) {
      if (stream->end - next < 2) return -1;
      x = x << 16 | next[0] | (uint32_t)next[1] << 8;
      next += 2;
    }
    symbols[i] = (uint8_t)symbol;
    uint32_t used = x;
    x = next_x;
    next_x = used;
  }
  stream->states[0] = x;
  stream->states[1] = next_x;
  stream->next = next;
  return 0;
}
