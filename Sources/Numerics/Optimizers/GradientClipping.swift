/// Clipping by the norm of all gradients together (Pascanu, Mikolov and Bengio, 2013).
public enum GradientClipping {
  /// Values that are summed in float32 before the sum goes on in float64.
  private static let chunk = 16384

  /// The Euclidean norm. Chunks are summed one by one in order, so threads do not change the bits.
  public static func norm(_ gradients: UnsafePointer<Float>, count: Int) -> Double {
    let chunks = (count + chunk - 1) / chunk
    let sums = FloatBuffer(count: chunks)
    let base = sums.base
    parallel(chunks) { index in
      let first = index * chunk
      base[index] = sumOfSquares(min(chunk, count - first), gradients + first)
    }
    var total = 0.0
    for index in 0..<chunks { total += Double(base[index]) }
    return total.squareRoot()
  }

  /// What gradients of `norm` are multiplied by so that their norm is at most `limit`; 1 without a
  /// limit.
  public static func scale(norm: Double, limit: Double?) -> Float {
    guard let limit else { return 1 }
    return Float(min(1, limit / (norm + 1e-6)))
  }
}
