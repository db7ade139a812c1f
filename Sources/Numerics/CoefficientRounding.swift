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
    /// How much of the mean metric is added to the state's own.
    public let rest: Float
    /// [width]: the outcome.
    public let q: UnsafeMutablePointer<Int32>

    public init(
      y: UnsafePointer<Float>, step: Float, kind: Int, rest: Float,
      into q: UnsafeMutablePointer<Int32>
    ) {
      self.y = y
      self.step = step
      self.kind = kind
      self.rest = rest
      self.q = q
    }
  }

  private let weights: FloatBuffer
  private let byte: Float
  /// [tables, codes]
  private let entries: PlainBuffer<denju_entry>
  /// [kinds, width]: where a coefficient's entries begin, and its zero's price.
  private let rows: PlainBuffer<Int32>
  private let zeros: FloatBuffer

  /// - Parameters:
  ///   - weights: [width]: cost of a squared error where nothing else is known.
  ///   - prices: [tables, magnitudes]: cost of a magnitude's bits; the last one's without its bytes.
  ///   - values: [tables, magnitudes]: what a magnitude is decoded to, in steps; zero is decoded to 0.
  ///   - byte: cost of a byte of an escaped magnitude.
  ///   - tables: [kinds][width]: rows of the prices and values.
  public init(
    weights: [Float], prices: [Float], values: [Float], byte: Float, tables: [[UInt8]]
  ) {
    precondition(prices.count == values.count)
    precondition(tables.allSatisfy { $0.count == weights.count })
    let (codes, last) = (Int(DENJU_CODES), Self.magnitudes - 1)
    self.weights = FloatBuffer(weights)
    self.byte = byte
    entries = PlainBuffer(count: prices.count / Self.magnitudes * codes)
    for index in 0..<entries.count {
      let (table, code) = (index / codes, index % codes - codes / 2)
      let place = table * Self.magnitudes + min(abs(code), last)
      entries.base[index] = (code < 0 ? -values[place] : values[place], prices[place])
    }
    rows = PlainBuffer(count: tables.count * weights.count)
    zeros = FloatBuffer(count: tables.count * weights.count)
    for (index, table) in tables.joined().enumerated() {
      rows.base[index] = Int32(table) * DENJU_CODES
      zeros[index] = prices[Int(table) * Self.magnitudes]
    }
  }

  /// Chooses every state's q[width], one after the other in some passes, such that
  /// 1/2 |A e|² + 1/2 rest Σ weights e² + prices gets small, e = decoded - y. What a state gets
  /// depends on no other.
  ///
  /// - Parameters:
  ///   - states: `together` of them at most.
  ///   - metrics: those of the states, in their order.
  public borrowing func round(_ states: [Coefficients], _ metrics: LogitMetrics, passes: Int) {
    guard !states.isEmpty else { return }
    precondition(states.count <= Self.together)
    let coefficients = states.enumerated().map { index, state in
      denju_coefficients(
        likely: metrics.likely[index], diagonal: metrics.diagonal(index), rest: state.rest,
        step: state.step, rows: rows.base + state.kind * weights.count,
        zeros: zeros.base + state.kind * weights.count, y: state.y, q: state.q)
    }
    var rounding = denju_rounding(
      width: weights.count, weights: weights.base, entries: entries.base, byte: byte)
    coefficients.withUnsafeBufferPointer { tokens in
      var group = denju_group(
        count: tokens.count, tokens: tokens.baseAddress, a: metrics.factors.base)
      roundingKernels.pointee.round(&rounding, &group, Int32(passes))
    }
    withExtendedLifetime(metrics) {}
  }
}

/// How far some states may move unnoticed, each in the Fisher metric Aᵀ A of the soft-max over its likeliest
/// next tokens, A[j] = √p_j (w_j - Σ p w) with w_j the rows of the output layer.
public final class LogitMetrics {
  /// Tokens that count at most.
  public static let tokens = Int(DENJU_LIKELY)
  /// Tokens less likely than this are left to the mean metric.
  private static let least: Float = 1e-4

  /// The states' width, rounded up to 16.
  private let stride: Int
  /// Tokens that count, of each state: none where nothing is known of it.
  fileprivate private(set) var likely: [Int]
  /// [stride / 16, tokens, states, 16]
  fileprivate let factors: FloatBuffer
  /// [states, stride]
  private let diagonals: FloatBuffer
  /// Σ p of the tokens that count, of each state.
  public private(set) var mass: [Float]

  /// Room for as many as are rounded together, with nothing known of them.
  public init(width: Int) {
    let count = CoefficientRounding.together
    stride = Self.stride(width)
    factors = FloatBuffer(count: stride * Self.tokens * count)
    diagonals = FloatBuffer(count: count * stride)
    likely = [Int](repeating: 0, count: count)
    mass = [Float](repeating: 0, count: count)
  }

  fileprivate static func stride(_ width: Int) -> Int { (width + 15) & ~15 }

  fileprivate func diagonal(_ index: Int) -> UnsafeMutablePointer<Float> {
    diagonals.base + index * stride
  }

  /// The sum of a metric's diagonal.
  public func trace(_ index: Int) -> Float {
    likely[index] > 0 ? sum(stride, diagonal(index)) : 0
  }

  /// No metric: nothing is known of the state.
  public func clear(_ index: Int) {
    likely[index] = 0
    mass[index] = 0
  }

  /// - Parameter p: [rows], probabilities.
  public func fill(
    _ index: Int, _ p: UnsafePointer<Float>, _ rows: borrowing LogitRows
  ) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.tokens) { places in
      guard let places = places.baseAddress else { return }
      let found = roundingKernels.pointee.likeliest(rows.count, p, Self.least, places)
      likely[index] = found
      mass[index] = (0..<found).reduce(Float(0)) { $0 + p[Int(places[$1])] }
      roundingKernels.pointee.metric(
        stride, found, places, p, rows.codes.base, rows.scales.base, factors.base + 16 * index,
        diagonal(index))
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
    let stride = LogitMetrics.stride(width)
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
nonisolated(unsafe) let roundingKernels: UnsafePointer<denju_rounding_kernels> =
  denju_rounding_kernels_for(denju_detect_level())
