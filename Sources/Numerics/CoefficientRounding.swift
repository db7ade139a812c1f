import CKernels

/// Rounds the coefficients of transformed states, each by what its error costs: in the metric of the
/// state's own logits, in the mean metric, and in bits.
public struct CoefficientRounding: ~Copyable, Sendable {
  /// Magnitudes with a price and a value of their own: 0 to 15, and one entry for all beyond.
  public static let magnitudes = Int(DENJU_MAGNITUDES)
  /// A coefficient is less than this many steps.
  public static let limit: Float = 1_048_576
  /// States that are best rounded in one call, since they wait for each other's arithmetic.
  public static let together = Int(DENJU_TOGETHER)

  /// One state's coefficients on their way to be rounded.
  public struct Coefficients {
    /// [width], below `limit` steps.
    public let y: UnsafePointer<Float>
    public let step: Float
    /// Which of the lists of tables they are priced by.
    public let kind: Int
    public let metric: LogitMetric
    /// How much of the mean metric is added to the state's own.
    public let rest: Float
    /// [width]: the outcome.
    public let q: UnsafeMutablePointer<Int32>

    public init(
      y: UnsafePointer<Float>, step: Float, kind: Int, metric: LogitMetric, rest: Float,
      into q: UnsafeMutablePointer<Int32>
    ) {
      self.y = y
      self.step = step
      self.kind = kind
      self.metric = metric
      self.rest = rest
      self.q = q
    }
  }

  private let weights: FloatBuffer
  private let prices: FloatBuffer
  private let values: FloatBuffer
  private let byte: Float
  private let tables: PlainBuffer<UInt8>

  /// - Parameters:
  ///   - weights: [width]: cost of a squared error where nothing else is known.
  ///   - prices: [tables, magnitudes]: cost of a magnitude's bits; the last one's without its bytes.
  ///   - values: [tables, magnitudes]: what a magnitude is decoded to, in steps.
  ///   - byte: cost of a byte of an escaped magnitude.
  ///   - tables: [kinds][width]: rows of the prices and values.
  public init(
    weights: [Float], prices: [Float], values: [Float], byte: Float, tables: [[UInt8]]
  ) {
    precondition(prices.count == values.count)
    precondition(tables.allSatisfy { $0.count == weights.count })
    self.weights = FloatBuffer(weights)
    self.prices = FloatBuffer(prices)
    self.values = FloatBuffer(values)
    self.byte = byte
    self.tables = PlainBuffer(count: tables.count * weights.count)
    for (index, table) in tables.joined().enumerated() { self.tables.base[index] = table }
  }

  /// Chooses every state's q[width], one after the other in some passes, such that
  /// 1/2 |A e|² + 1/2 rest Σ weights e² + prices gets small, e = decoded - y. What a state gets
  /// depends on no other.
  public borrowing func round(_ states: [Coefficients], passes: Int) {
    var rounding = denju_rounding(
      width: weights.count, weights: weights.base, prices: prices.base, values: values.base,
      byte: byte)
    let coefficients = states.map {
      denju_coefficients(
        a: $0.metric.isKnown ? $0.metric.factor.base : nil, diagonal: $0.metric.diagonal.base,
        rest: $0.rest, step: $0.step, tables: tables.base + $0.kind * weights.count, y: $0.y,
        q: $0.q)
    }
    roundingKernels.pointee.round(&rounding, states.count, coefficients, Int32(passes))
    withExtendedLifetime(states) {}
  }
}

/// How far a state may move unnoticed: the Fisher metric Aᵀ A of the soft-max over its likeliest next
/// tokens, A[j] = √p_j (w_j - Σ p w) with w_j the rows of the output layer.
public final class LogitMetric {
  /// Tokens that count at most.
  public static let tokens = Int(DENJU_LIKELY)
  /// Tokens less likely than this are left to the mean metric.
  private static let least: Float = 1e-4

  /// The states' width, rounded up to 16.
  private let stride: Int
  /// Whether anything is known of the state.
  public private(set) var isKnown = false
  /// [stride, tokens]
  fileprivate let factor: FloatBuffer
  fileprivate let diagonal: FloatBuffer
  /// Σ p of the tokens that count.
  public private(set) var mass: Float = 0

  public init(width: Int) {
    stride = Self.stride(width)
    factor = FloatBuffer(count: stride * Self.tokens)
    diagonal = FloatBuffer(count: stride)
  }

  fileprivate static func stride(_ width: Int) -> Int { (width + 15) & ~15 }

  /// The sum of the metric's diagonal.
  public var trace: Float { isKnown ? sum(stride, diagonal.base) : 0 }

  /// No metric: nothing is known of the state.
  public func clear() {
    isKnown = false
    mass = 0
  }

  /// - Parameter p: [rows], probabilities.
  public func fill(_ p: UnsafePointer<Float>, _ rows: borrowing LogitRows) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.tokens) { places in
      guard let places = places.baseAddress else { return }
      let found = roundingKernels.pointee.likeliest(rows.count, p, Self.least, places)
      mass = (0..<found).reduce(Float(0)) { $0 + p[Int(places[$1])] }
      isKnown = found > 0
      roundingKernels.pointee.metric(
        stride, found, places, p, rows.codes.base, rows.scales.base, factor.base, diagonal.base)
    }
  }
}

/// Rows of an output layer, as signed bytes in units of a scale each.
public struct LogitRows: ~Copyable, Sendable {
  public let count: Int
  /// [count, stride], with zeros behind the width.
  fileprivate let codes: PlainBuffer<Int8>
  fileprivate let scales: FloatBuffer

  /// - Parameter codes: [scales.count, width].
  public init(codes: [Int8], scales: [Float], width: Int) {
    count = scales.count
    let stride = LogitMetric.stride(width)
    self.codes = PlainBuffer(count: count * stride)
    self.scales = FloatBuffer(scales)
    for row in 0..<count {
      for column in 0..<width {
        self.codes.base[row * stride + column] = codes[row * width + column]
      }
    }
  }
}

/// The inner loops in use. A table of functions that never changes after the first read.
private nonisolated(unsafe) let roundingKernels: UnsafePointer<denju_rounding_kernels> =
  denju_rounding_kernels_for(denju_detect_level())
