// SIMD inner loops. Every function here exists once in the source and is compiled for three
// instruction sets (portable, AVX2+FMA, AVX-512); the best one this CPU has is picked at start.
//
// All three give the same bits. Two rules make it so:
//   1. a product is added with one fused multiply-add, written out; the compiler contracts nothing;
//   2. an output of the matrix product is one chain of additions over k, in order; any other
//      reduction runs in 16 lanes (element i belongs to lane i mod 16), folded 8, 4, 2, 1.
// So a row's result depends on that row alone: not on the batch, the thread count or the CPU.

#ifndef DENJU_CKERNELS_H
#define DENJU_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

/// Instruction sets, in the order of preference.
typedef enum { DENJU_PORTABLE = 0, DENJU_AVX2 = 1, DENJU_AVX512 = 2 } denju_level;

/// The best level of this CPU.
denju_level denju_best_level(void);

/// The best level of this CPU, or the lower one named by DENJU_SIMD=portable|avx2|avx512.
denju_level denju_detect_level(void);

/// Columns of a packed panel of B.
#define DENJU_PANEL 16

/// What a step of AdamW takes, the same for all parameters of a group.
typedef struct {
  /// What gradients are multiplied by first.
  float scale;
  float beta1, rest1, beta2, rest2;
  /// 1 - learning rate * weight decay.
  float decay;
  /// Learning rate / (1 - beta1^t).
  float rate;
  /// 1 / sqrt(1 - beta2^t).
  float root;
  float epsilon;
} denju_adamw;

/// The inner loops of one instruction set. Counts are elements. Pointers need no alignment.
typedef struct {
  denju_level level;
  /// Rows of a packed sliver of A.
  ptrdiff_t sliver;

  /// Packs op(A)[rows, depth] into slivers [rows/sliver][depth][sliver], zero-padded.
  /// Element (i, p) is a[i * row_stride + p * depth_stride].
  void (*pack_a)(const float *a, ptrdiff_t row_stride, ptrdiff_t depth_stride, ptrdiff_t rows,
                 ptrdiff_t depth, float *packed);

  /// Packs op(B)[depth, columns] into panels [columns/16][depth][16], zero-padded. Panels lie
  /// `panel_stride` floats apart. Element (p, j) is b[p * depth_stride + j * column_stride].
  void (*pack_b)(const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, ptrdiff_t depth,
                 ptrdiff_t columns, float *packed, ptrdiff_t panel_stride);

  /// C[rows, columns] = start + A B over `depth`, from packed operands. Where `load_c` is set the
  /// chains start from C; else from `bias` (one value a column), or from zero when it is null.
  void (*multiply_block)(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, const float *a,
                         const float *b, ptrdiff_t panel_stride, float *c, ptrdiff_t c_stride,
                         int load_c, const float *bias);

  float (*dot)(ptrdiff_t n, const float *x, const float *y);
  float (*sum)(ptrdiff_t n, const float *x);
  float (*sum_of_squares)(ptrdiff_t n, const float *x);
  /// y += alpha * x
  void (*axpy)(ptrdiff_t n, float alpha, const float *x, float *y);

  /// Element by element, y may be x. Errors below 2 units in the last place, but `erf` (2e-7).
  void (*exp)(ptrdiff_t n, const float *x, float *y);
  void (*tanh)(ptrdiff_t n, const float *x, float *y);
  void (*erf)(ptrdiff_t n, const float *x, float *y);
  void (*sigmoid)(ptrdiff_t n, const float *x, float *y);

  /// In place: x = exp(x - max x) / sum. Returns log(sum exp x), the row's log-normaliser.
  float (*softmax)(ptrdiff_t n, float *x);

  /// y = x * scale * weight, element by element; y is neither x nor weight.
  void (*scale_by)(ptrdiff_t n, const float *x, float scale, const float *weight, float *y);
  /// y = gate * sigmoid(gate) * up, `n` values of each. Gate and up come by turns, 16 values of the
  /// one and 16 of the other, the last of each filled up to 16.
  void (*swiglu)(ptrdiff_t n, const float *gate_and_up, float *y);
  /// The same with GELU's tanh form in place of gate * sigmoid(gate).
  void (*geglu)(ptrdiff_t n, const float *gate_and_up, float *y);
  /// Turns the pairs (head[i], head[i + pairs]), in place.
  void (*rotate)(ptrdiff_t pairs, float *head, const float *cosine, const float *sine);

  /// One step of AdamW: moments m and v, then the values.
  void (*adamw)(ptrdiff_t n, float *values, const float *gradients, float *m, float *v,
                const denju_adamw *step);
} denju_kernels;

/// The loops of `level`; a level the CPU lacks gives the best one it has.
const denju_kernels *denju_kernels_for(denju_level level);

/// The portable loops with products and sums rounded one by one: as fast as others on an x86-64 CPU
/// without fused multiply-add, where those of `denju_kernels_for` are a hundred times slower. They
/// give other bits, so only an engine with a numerics version of its own may use them.
const denju_kernels *denju_unfused_kernels(void);

/// Loops that stay in registers, of float32 multiply-adds and of 8-bit products summed in 32 bits
/// (`vpdpbusd` where there is VNNI). They return how many operations they did, 2 a multiply-add; one
/// round is some nanoseconds.
double denju_peak_fma(ptrdiff_t rounds);
double denju_peak_dot_int8(ptrdiff_t rounds);

#include "CInt8.h"
#include "CRounding.h"

#endif
