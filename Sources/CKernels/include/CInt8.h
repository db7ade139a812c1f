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

/// What a code of 8 bits is worth in units of the second one, where values have two.
#define DENJU_SECOND 128

/// Rows of codes for products: [rows][groups] each, the codes 32 to a group, or in two terms 32 codes
/// and then 32 finer ones. x is nearly code * scale, or (128 * code + finer code) * scale.
typedef struct {
  /// 1 or 2.
  int terms;
  const int8_t *codes;
  const float *scales;
  /// Of a group's codes, as scales multiply them.
  const int32_t *sums;
  /// Scale times the sum of codes: what a weight's minimum is multiplied by.
  const float *totals;
} denju_int8_rows;

/// Weights in panels of 16 columns: codes of `bits` 8 as [panels][groups][8][16][4] bytes, of `bits` 4
/// as [panels][groups][4][16][4], where the low nibbles are codes 0-15 of the group and the high ones
/// 16-31; scales and minimums as [panels][groups][16], minimums null where all are zero.
typedef struct {
  const uint8_t *codes;
  int bits;
  /// The code that stands for nothing.
  int32_t zero;
  const float *scales;
  const float *minimums;
} denju_int8_weights;

/// The inner loops of one instruction set. Pointers need no alignment.
typedef struct {
  /// Codes rows x[rows, depth] in groups, in one term or two, as `denju_int8_rows` has them; a short
  /// last group is filled up with zeros.
  void (*quantize)(ptrdiff_t rows, ptrdiff_t depth, int terms, const float *x, int8_t *codes,
                   float *scales, int32_t *sums);

  /// C[rows, columns] of the product's rows from `first_row` and columns from `first_column`, a
  /// multiple of 16, on: the bias (zero when null), plus group by group
  /// scale * scale * (codes . (weights - zero)), and total * minimum where there are minimums.
  void (*multiply_block)(ptrdiff_t first_row, ptrdiff_t rows, ptrdiff_t first_column,
                         ptrdiff_t columns, ptrdiff_t groups, denju_int8_rows a,
                         denju_int8_weights b, float *c, ptrdiff_t c_stride, const float *bias);
} denju_int8_kernels;

/// The loops of `level`; where the CPU has `vpdpbusd`, DENJU_AVX512 uses it.
const denju_int8_kernels *denju_int8_kernels_for(denju_level level);

#endif
