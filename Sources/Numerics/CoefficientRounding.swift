import CKernels

/// Rounds the coefficients of a transformed state, each by what its error costs: in the metric of the
/// state's own logits, in the mean metric, and in bits.
public struct CoefficientRounding: ~Copyable, Sendable {
  /// Magnitudes with a price and a value of their own: 0 to 15, and one entry for all beyond.
  public static let magnitudes = Int(DENJU_MAGNITUDES)
  /// A coefficient is less than this many steps.
  public static let limit: Float = 1_048_576

  private let weights: FloatBuffer
  private let prices: FloatBuffer
  private let values: FloatBuffer
  private let byte: Float

  /// - Parameters:
  ///   - weights: [width]: cost of a squared error where nothing else is known.
  ///   - prices: [tables, magnitudes]: cost of a magnitude's bits; the last one's without its bytes.
  ///   - values: [tables, magnitudes]: what a magnitude is decoded to, in steps.
  ///   - byte: cost of a byte of an escaped magnitude.
  public init(weights: [Float], prices: [Float], values: [Float], byte: Float) {
    precondition(prices.count == values.count)
    self.weights = FloatBuffer(weights)
    self.prices = FloatBuffer(prices)
    self.values = FloatBuffer(values)
    self.byte = byte
  }

  /// Chooses q[width], one after the other in some passes, such that
  /// 1/2 |A e|² + 1/2 rest Σ weights e² + prices gets small, e = decoded - y.
  ///
  /// - Parameters:
  ///   - rest: how much of the mean metric is added to the state's own.
  ///   - tables: [width]: rows of the prices and values.
  ///   - y: [width], below `limit` steps.
  public borrowing func round(
    _ y: UnsafePointer<Float>, step: Float, tables: UnsafePointer<UInt8>,
    metric: borrowing LogitMetric, rest: Float, passes: Int, into q: UnsafeMutablePointer<Int32>
  ) {
    var rounding = denju_rounding(
      width: weights.count, weights: weights.base, prices: prices.base, values: values.base,
      byte: byte)
    roundingKernels.pointee.round(
      &rounding, metric.lanes, metric.factor.base, metric.diagonal.base, rest, step, tables,
      Int32(passes), y, q)
  }
}

/// How far a state may move unnoticed: the Fisher metric Aᵀ A of the soft-max over its likeliest next
/// tokens, A[j] = √p_j (w_j - Σ p w) with w_j the rows of the output layer.
public struct LogitMetric: ~Copyable, Sendable {
  /// Tokens that count at most.
  public static let tokens = Int(DENJU_LIKELY)
  /// Tokens less likely than this are left to the mean metric.
  private static let least: Float = 1e-4

  /// Columns of `rows`: the states' width, rounded up to 16.
  public let stride: Int
  fileprivate private(set) var lanes = 0
  fileprivate let factor: FloatBuffer
  fileprivate let diagonal: FloatBuffer
  /// Σ p of the tokens that count.
  public private(set) var mass: Float = 0

  public init(width: Int) {
    stride = Self.stride(width)
    factor = FloatBuffer(count: stride * Self.tokens)
    diagonal = FloatBuffer(count: stride)
  }

  public static func stride(_ width: Int) -> Int { (width + 15) & ~15 }

  /// The sum of the metric's diagonal.
  public var trace: Float { lanes == 0 ? 0 : sum(stride, diagonal.base) }

  /// No metric: nothing is known of the state.
  public mutating func clear() {
    lanes = 0
    mass = 0
  }

  /// - Parameters:
  ///   - p: [count], probabilities.
  ///   - rows: [count, stride], with zeros behind the width.
  public mutating func fill(
    _ p: UnsafePointer<Float>, count: Int, rows: UnsafePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.tokens) { places in
      guard let places = places.baseAddress else { return }
      let found = roundingKernels.pointee.likeliest(count, p, Self.least, places)
      mass = (0..<found).reduce(Float(0)) { $0 + p[Int(places[$1])] }
      lanes = found == 0 ? 0 : (found + 15) & ~15
      roundingKernels.pointee.metric(
        stride, found, places, p, rows, lanes, factor.base, diagonal.base)
    }
  }
}

/// The inner loops in use. A table of functions that never changes after the first read.
private nonisolated(unsafe) let roundingKernels: UnsafePointer<denju_rounding_kernels> =
  denju_rounding_kernels_for(denju_detect_level())
