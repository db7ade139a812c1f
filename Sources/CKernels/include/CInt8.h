// Inner loops of products between 8-bit numbers in groups of 32, each group with a scale. Part of
// CKernels.h.
//
// Sums of a group are integers, so exact, and every level adds the groups in one order with the same
// roundings: all levels give the same bits.

#ifndef DENJU_CINT8_H
#define DENJU_CINT8_H

#include <stddef.h>
#include <stdint.h>

/// Values that share a scale.
#define DENJU_GROUP 32

/// The inner loops of one instruction set. Pointers need no alignment.
typedef struct {
  /// Whether groups are multiplied by `vpdpbusd`.
  int has_vnni;

  /// Codes rows x[rows, depth] in groups: codes [rows][groups][32], scales and sums of codes
  /// [rows][groups]. x is nearly code * scale; a short last group is filled up with zeros.
  void (*quantize)(ptrdiff_t rows, ptrdiff_t depth, const float *x, int8_t *codes, float *scales,
                   int32_t *sums);

  /// C[rows, columns] = start + sum over groups of scale * scale * (corrections + codes . weights).
  /// A's codes, scales and corrections are [rows][groups] as above. A panel of weights has 16
  /// columns: codes of `bits` 8 as [groups][8][16][4] bytes, of `bits` 4 as [groups][4][16][4], where
  /// the low nibbles are codes 0-15 of the group and the high ones 16-31; scales as [groups][16]
  /// floats. Chains start from C where `load_c` is set, else from `bias`, or from zero when that is
  /// null.
  void (*multiply_block)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t groups, const int8_t *a,
                         const float *a_scales, const int32_t *corrections, const uint8_t *b,
                         int bits, const float *b_scales, float *c, ptrdiff_t c_stride, int load_c,
                         const float *bias);
} denju_int8_kernels;

/// The loops of `level`; where the CPU has `vpdpbusd`, DENJU_AVX512 uses it.
const denju_int8_kernels *denju_int8_kernels_for(denju_level level);

#endif
