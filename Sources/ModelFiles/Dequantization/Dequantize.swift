/// Writes `count` elements of a row, or of whole rows, as float32.
///
/// The arithmetic is ggml's reference: one rounding where it rounds once, no fused operations, so
/// every CPU gives the same bits. `count` is a multiple of the type's block, and `source` need not
/// be aligned.
///
/// - Precondition: `type.isFloatingPoint`; callers check it, other types leave `out` as it was.
func dequantize(
  _ type: ElementType, _ source: UnsafeRawPointer, into out: UnsafeMutablePointer<Float>,
  count: Int
) {
  switch type {
  case .f32: copyFloats(source, out, count)
  case .f16: widenHalves(source, out, count)
  case .bf16: widenBrainFloats(source, out, count)
  case .q4_0: dequantizeQ4_0(source, out, count / 32)
  case .q4_1: dequantizeQ4_1(source, out, count / 32)
  case .q5_0: dequantizeQ5_0(source, out, count / 32)
  case .q5_1: dequantizeQ5_1(source, out, count / 32)
  case .q8_0: dequantizeQ8_0(source, out, count / 32)
  case .q2_K: dequantizeQ2_K(source, out, count / 256)
  case .q3_K: dequantizeQ3_K(source, out, count / 256)
  case .q4_K: dequantizeQ4_K(source, out, count / 256)
  case .q5_K: dequantizeQ5_K(source, out, count / 256)
  case .q6_K: dequantizeQ6_K(source, out, count / 256)
  default: break
  }
}
