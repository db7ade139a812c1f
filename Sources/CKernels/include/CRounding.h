// Inner loops of the transform codec: how a state's coefficients are rounded, and the entropy decoder.
// Part of CKernels.h; all levels give the same bits.

#ifndef DENJU_CROUNDING_H
#define DENJU_CROUNDING_H

#include <stddef.h>
#include <stdint.h>

/// The most of a state's likely next tokens that its metric is made of: two vectors.
#define DENJU_LIKELY 32

/// Tokens that are rounded beside each other.
#define DENJU_TOGETHER 4

/// Symbols of a table of the entropy coder, and the sum of their frequencies in bits.
#define DENJU_SYMBOLS 32
#define DENJU_FREQUENCY_BITS 14

/// Magnitudes that a table names one by one, 0 to 15, and one entry for all beyond.
#define DENJU_MAGNITUDES 17

/// What rounding weighs, the same for all tokens.
typedef struct {
  ptrdiff_t width;
  /// [width]: what a squared error costs where nothing is known of the token, besides `rest`.
  const float *weights;
  /// [tables][DENJU_MAGNITUDES]: the price of a magnitude's bits, in the metric's units. The last
  /// entry is that of an escape, without its `byte`s of 6 and then 7 bits.
  const float *prices;
  /// [tables][DENJU_MAGNITUDES]: what a magnitude is decoded to, in steps. Those beyond have the
  /// last entry's distance from 16.
  const float *values;
  float byte;
} denju_rounding;

/// A token's coefficients.
typedef struct {
  /// [width][DENJU_LIKELY], the columns of A; null where nothing is known of the token.
  const float *a;
  /// [width]: of Aᵀ A.
  const float *diagonal;
  float rest;
  float step;
  /// [width]: rows of the prices and values.
  const uint8_t *tables;
  /// [width], below 2^20 steps.
  const float *y;
  /// [width]: the outcome.
  int32_t *q;
} denju_coefficients;

typedef struct {
  /// The places of the `DENJU_LIKELY` largest of p[n], or of those of at least `least` where they
  /// are fewer; the largest first, of equal ones the first. Returns how many.
  ptrdiff_t (*likeliest)(ptrdiff_t n, const float *p, float least, int32_t *places);

  /// The metric Aᵀ A of a soft-max's logits: row j of A is sqrt(p_j) (w_j - mean of w under p), for
  /// the `count` w at `places` of rows [..][width] in units of their scales. Writes
  /// a[width][DENJU_LIKELY], columns of A with zeros behind them, and diagonal[width]. `width` is a
  /// multiple of 16.
  void (*metric)(ptrdiff_t width, ptrdiff_t count, const int32_t *places, const float *p,
                 const int8_t *rows, const float *scales, float *a, float *diagonal);

  /// Rounds each token's y to magnitudes of its step: q minimises, one coefficient at a time, in
  /// `passes` rounds, 1/2 |A e|^2 + 1/2 rest sum(weights e^2) + prices; e = values - y. What a token
  /// gets depends on no other.
  void (*round)(const denju_rounding *rounding, ptrdiff_t count, const denju_coefficients *tokens,
                int passes);
} denju_rounding_kernels;

/// The loops of `level`.
const denju_rounding_kernels *denju_rounding_kernels_for(denju_level level);

/// A decoder of rANS (Duda, arXiv 1311.2540) with 16-bit words and two states that take turns, so
/// that a symbol needn't wait for the one before it (Giesen, arXiv 1402.3392). At first `states` are
/// the stream's first 8 bytes, little-endian, and `next` is behind them.
typedef struct {
  /// Whose turn it is first.
  uint32_t states[2];
  const uint8_t *next, *end;
} denju_rans;

/// Reads n symbols; the i-th by the row tables[i] of `starts` [..][DENJU_SYMBOLS], where a symbol's
/// frequencies begin. Returns 0, or -1 where the stream ends too early.
int denju_rans_read(denju_rans *stream, const uint16_t *starts, const uint8_t *tables, ptrdiff_t n,
                    uint8_t *symbols);

#endif
