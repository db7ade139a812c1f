// Inner loops of the transform codec: how a state's coefficients are rounded, and the entropy decoder.
// Part of CKernels.h; all levels give the same bits.

#ifndef DENJU_CROUNDING_H
#define DENJU_CROUNDING_H

#include <stddef.h>
#include <stdint.h>

/// The most of a state's likely next tokens that its metric is made of.
#define DENJU_LIKELY 32

/// Tokens that are rounded together: the lanes of a vector.
#define DENJU_TOGETHER 16

/// Symbols of a table of the entropy coder, and the sum of their frequencies in bits.
#define DENJU_SYMBOLS 32
#define DENJU_FREQUENCY_BITS 14

/// Magnitudes that a table names one by one, 0 to 15, and one entry for all beyond.
#define DENJU_MAGNITUDES 17

/// What a code is decoded to, in steps, and the price of its bits, in the metric's units.
typedef float denju_entry[2];

/// Codes with an entry: two beyond the magnitudes on either side, as a code's neighbours are read with it.
#define DENJU_CODES 37

/// What rounding weighs, the same for all tokens.
typedef struct {
  ptrdiff_t width;
  /// [width]: what a squared error costs where nothing is known of the token, besides `rest`.
  const float *weights;
  /// [tables][DENJU_CODES]: codes from -18 to 18. From 16 on they are escapes, and have the value of
  /// 16 and the price of the escape's symbol, without its `byte`s of 6 and then 7 bits.
  const denju_entry *entries;
  float byte;
} denju_rounding;

/// A decoder of rANS (Duda, arXiv 1311.2540) with 16-bit words and two states that take turns, so
/// that a symbol needn't wait for the one before it (Giesen, arXiv 1402.3392). At first `states` are
/// the stream's first 8 bytes, little-endian, and `next` is behind them.
typedef struct {
  /// Whose turn it is first.
  uint32_t states[2];
  const uint8_t *next, *end;
} denju_rans;

/// A token's coefficients.
typedef struct {
  /// Rows of its A that are not zero, the first ones; 0 where nothing is known of the token.
  ptrdiff_t likely;
  /// [width]: of Aᵀ A.
  const float *diagonal;
  float rest;
  float step;
  /// [width]: where the coefficients' entries begin.
  const int32_t *rows;
  /// [width]: prices of zeros.
  const float *zeros;
  /// [width], below 2^20 steps.
  const float *y;
  /// [width]: the outcome.
  int32_t *q;
} denju_coefficients;

/// Tokens that are rounded together.
typedef struct {
  /// 1 to DENJU_TOGETHER.
  ptrdiff_t count;
  const denju_coefficients *tokens;
  /// [width / 16, rounded up][DENJU_LIKELY][DENJU_TOGETHER][16]: sixteen columns of the tokens' A.
  /// Rounding turns each [DENJU_TOGETHER][16] into [16][DENJU_TOGETHER].
  float *a;
} denju_group;

typedef struct {
  /// The places of the `DENJU_LIKELY` largest of p[n], or of those of at least `least` where they
  /// are fewer; the largest first, of equal ones the first. Returns how many.
  ptrdiff_t (*likeliest)(ptrdiff_t n, const float *p, float least, int32_t *places);

  /// The metric Aᵀ A of a soft-max's logits: row j of A is sqrt(p_j) (w_j - mean of w under p), for
  /// the `count` w at `places` of rows [..][width] in units of their scales. Writes
  /// diagonal[width], and A, with rows of zeros behind it, as one token of a `denju_group`'s `a`,
  /// which is where the token's begin. `width` is a multiple of 16.
  void (*metric)(ptrdiff_t width, ptrdiff_t count, const int32_t *places, const float *p,
                 const int8_t *rows, const float *scales, float *a, float *diagonal);

  /// Rounds each token's y to magnitudes of its step: q minimises, one coefficient at a time, in
  /// `passes` rounds, 1/2 |A e|^2 + 1/2 rest sum(weights e^2) + prices; e = values - y. What a token
  /// gets depends on no other.
  void (*round)(const denju_rounding *rounding, const denju_group *group, int passes);

  /// Reads n symbols; the i-th by the row tables[i] of `starts` [..][DENJU_SYMBOLS], where a symbol's
  /// frequencies begin: the first at 0, none before the one before it, all below 2^15. Returns 0, or
  /// -1 where the stream ends too early.
  int (*rans_read)(denju_rans *stream, const uint16_t *starts, const uint8_t *tables, ptrdiff_t n,
                   uint8_t *symbols);
} denju_rounding_kernels;

/// The loops of `level`.
const denju_rounding_kernels *denju_rounding_kernels_for(denju_level level);

#endif
