import Numerics

/// A codec that spends its bits where the source's own output layer would notice an error.
///
/// A state becomes coefficients in a basis fitted on the corpus; each token gets the coarser a step the less
/// its next-token distribution depends on the state; each coefficient is rounded so that the errors together
/// cost little in the Fisher metric of the token's own distribution ("noise shaping"); and what was chosen is
/// entropy-coded. What a token decodes to depends on its state alone.
///
/// Payload: the count of bytes of the side stream (LEB128), the side stream, and an rANS stream. In the latter
/// a token has a symbol that says its step, or that it is a state known to the fit, or that it stands whole in
/// the side stream as float32; then its coefficients. Those beyond 15 steps are in the side stream (zigzag,
/// LEB128).
public struct TransformCodec: StateCodec {
  public let name = "transform"
  public let fit: TransformFit
  /// "transform:0.005:" and the first digits of the fit's SHA-256.
  public let identity: String

  private let starts: [UInt16]
  /// [levels, magnitudes]
  private let values: [Float]
  private let quantizer: TransformQuantizer

  /// The symbol of a token that stands whole in the side stream; recurring states follow it.
  private static let whole = UInt8(TransformFit.steps)

  public init(_ fit: TransformFit) {
    self.fit = fit
    identity = "\(TransformFamily.prefix)\(fit.allowance):\(fit.fingerprint)"
    starts = fit.tables.starts
    values = fit.tables.values
    quantizer = TransformQuantizer(fit)
  }

  public var parameters: [UInt8]? { fit.bytes }

  public var fitSummary: FitSummary? {
    FitSummary(allowance: fit.allowance, measurement: fit.measurement)
  }

  public func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, decoded: UnsafeMutablePointer<Float>?
  ) throws(CodecError) -> EncodedStates {
    var symbols = EntropyEncoder()
    symbols.reserve(tokens * (width + 1))
    var side: [UInt8] = []
    try quantize(states, tokens: tokens, width: width, into: decoded) { block in
      write(block, &symbols, &side)
    }
    var payload: [UInt8] = []
    payload.appendNumber(side.count)
    payload += side
    payload += symbols.finish(starts: starts)
    return EncodedStates(payload: payload, rawByteCount: payload.count)
  }

  public func roundTrip(
    _ states: UnsafeMutablePointer<Float>, tokens: Int, width: Int
  ) throws(CodecError) {
    try quantize(states, tokens: tokens, width: width, into: states) { _ in }
  }

  private func quantize(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int,
    into decoded: UnsafeMutablePointer<Float>?,
    _ use: (TransformBlock) -> Void
  ) throws(CodecError) {
    try requireWidth(width)
    try requireFinite(states, tokens: tokens, width: width)
    for first in stride(from: 0, to: tokens, by: TransformBlock.size) {
      let count = min(TransformBlock.size, tokens - first)
      let block = try quantizer.quantize(states + first * width, tokens: count)
      use(block)
      if let decoded { reconstruct(block, into: decoded + first * width) }
    }
  }

  private func requireWidth(_ width: Int) throws(CodecError) {
    guard width == fit.width else {
      throw .badPayload("states of \(width) channels; the codec was fitted on \(fit.width)")
    }
  }

  private func write(
    _ block: TransformBlock, _ symbols: inout EntropyEncoder, _ side: inout [UInt8]
  ) {
    var known = block.known[...]
    for (token, form) in block.forms.enumerated() {
      switch form {
      case .recurring(let index):
        symbols.append(Self.whole + 1 + UInt8(index), table: TransformTables.header)
        known = known.dropFirst(fit.width)
      case .whole:
        symbols.append(Self.whole, table: TransformTables.header)
        for value in known.prefix(fit.width) {
          withUnsafeBytes(of: value.bitPattern.littleEndian) { side.append(contentsOf: $0) }
        }
        known = known.dropFirst(fit.width)
      case .coefficients(let step):
        symbols.append(UInt8(step), table: TransformTables.header)
        let q = block.q[token * fit.width..<(token + 1) * fit.width]
        let coded = [UInt8](unsafeUninitializedCapacity: fit.width) { coded, count in
          for (index, q) in q.enumerated() {
            coded.initializeElement(
              at: index,
              to: TransformTables.hasSymbol(q)
                ? UInt8(truncatingIfNeeded: q &+ TransformTables.largest) : TransformTables.escape)
          }
          count = q.count
        }
        symbols.append(coded, tables: quantizer.levels[step], count: fit.width)
        for q in q where !TransformTables.hasSymbol(q) {
          side.appendNumber(q < 0 ? -2 * Int(q) - 1 : 2 * Int(q))
        }
      }
    }
  }

  // MARK: - Decoding

  public func decode(
    _ payload: UnsafeRawBufferPointer, tokens: Int, width: Int,
    into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    try requireWidth(width)
    var side = payload[...]
    guard let count = side.removeNumber(), count <= side.count,
      var symbols = EntropyDecoder(UnsafeRawBufferPointer(rebasing: side.dropFirst(count)))
    else { throw .badPayload("its streams are not as long as they say") }
    side = side.prefix(count)
    for first in stride(from: 0, to: tokens, by: TransformBlock.size) {
      let block = try read(&symbols, &side, tokens: min(TransformBlock.size, tokens - first))
      reconstruct(block, into: states + first * width)
    }
    guard symbols.isComplete, side.isEmpty else {
      throw .badPayload("its streams don't end where its tokens do")
    }
    // A fit or payload from outside may lead beyond what float32 can say.
    try requireFinite(states, tokens: tokens, width: width)
  }

  private func read(
    _ symbols: inout EntropyDecoder, _ side: inout Slice<UnsafeRawBufferPointer>, tokens: Int
  ) throws(CodecError) -> TransformBlock {
    let width = fit.width
    var block = TransformBlock(q: [Int32](repeating: 0, count: tokens * width))
    var coded = [UInt8](repeating: 0, count: width)
    for token in 0..<tokens {
      var header: UInt8 = 0
      guard
        symbols.read(&header, count: 1, tables: [TransformTables.header], starts: starts)
      else { throw .badPayload("it ends in token \(token)") }
      if header < Self.whole {
        let step = Int(header)
        block.forms.append(.coefficients(step: step))
        guard
          symbols.read(&coded, count: width, tables: quantizer.levels[step], starts: starts)
        else { throw .badPayload("it ends in token \(token)") }
        for index in 0..<width {
          var q = Int32(coded[index]) - TransformTables.largest
          if coded[index] == TransformTables.escape {
            guard let number = side.removeNumber(), number < 1 << 22 else {
              throw .badPayload("a coefficient of token \(token) is missing or too large")
            }
            q = Int32(number & 1 == 0 ? number / 2 : -(number + 1) / 2)
          }
          block.q[token * width + index] = q
        }
      } else if header == Self.whole {
        guard side.count >= 4 * width else { throw .badPayload("token \(token) is cut off") }
        block.forms.append(.whole)
        for channel in 0..<width {
          let bits = UnsafeRawBufferPointer(rebasing: side)
            .loadUnaligned(fromByteOffset: 4 * channel, as: UInt32.self)
          block.known.append(Float(bitPattern: UInt32(littleEndian: bits)))
        }
        side = side.dropFirst(4 * width)
      } else {
        let index = Int(header - Self.whole - 1)
        guard index < fit.recurring.count else {
          throw .badPayload("token \(token) is recurring state \(index), which there is not")
        }
        block.forms.append(.recurring(index))
        block.known += fit.recurring[index]
      }
    }
    return block
  }

  /// states[tokens, width]
  private func reconstruct(_ block: TransformBlock, into states: UnsafeMutablePointer<Float>) {
    let width = fit.width
    let tokens = block.forms.count
    let y = FloatBuffer(count: tokens * width)
    for (token, form) in block.forms.enumerated() {
      guard case .coefficients(let index) = form else { continue }
      let step = fit.step(index)
      let levels = quantizer.levels[index]
      for component in 0..<width {
        y[token * width + component] =
          step * value(block.q[token * width + component], level: levels[component])
      }
    }
    fit.basis.synthesize(y.base, tokens: tokens, into: states)
    var known = block.known[...]
    for (token, form) in block.forms.enumerated() {
      if case .coefficients = form { continue }
      for (channel, value) in known.prefix(width).enumerated() {
        states[token * width + channel] = value
      }
      known = known.dropFirst(width)
    }
  }

  /// In steps.
  @inline(__always)
  private func value(_ q: Int32, level: UInt8) -> Float {
    let magnitudes = CoefficientRounding.magnitudes
    let magnitude = Int(q.magnitude)
    let row = Int(level) * magnitudes
    let value =
      magnitude < magnitudes
      ? values[row + magnitude]
      : Float(magnitude - (magnitudes - 1)) + values[row + magnitudes - 1]
    return q < 0 ? -value : value
  }
}

/// Quantised states of consecutive tokens.
struct TransformBlock {
  /// Tokens that are transformed together, at most; no value depends on it.
  static let size = 64

  enum Form {
    /// Coefficients in steps of this index.
    case coefficients(step: Int)
    /// One of the fit's states.
    case recurring(Int)
    /// Kept as it is: beyond what coefficients can say.
    case whole
  }

  var forms: [Form] = []
  /// [tokens, width], zero where a token has no coefficients.
  var q: [Int32]
  /// The states of tokens without coefficients, one after the other.
  var known: [Float] = []
}

/// Chooses what a state is coded as.
struct TransformQuantizer: Sendable {
  private let fit: TransformFit
  /// [steps][width]: the tables that coefficients are coded with.
  let levels: [[UInt8]]
  private let shared: Shared

  /// What the token's own metric is joined by: so much of the mean one, against readers other than the output
  /// layer.
  private static let floor: Float = 3
  /// Nats a bit, in squared steps.
  private static let price: Float = 0.015
  private static let passes = 2

  private final class Shared: Sendable {
    let rounding: CoefficientRounding
    init(_ rounding: consuming CoefficientRounding) { self.rounding = rounding }
  }

  init(_ fit: TransformFit) {
    self.fit = fit
    levels = fit.levels
    let bit = Self.price * fit.step * fit.step
    shared = Shared(
      CoefficientRounding(
        weights: fit.basis.weights, prices: fit.tables.bits.map { $0 * bit },
        values: fit.tables.values, byte: 8 * bit, tables: levels))
  }

  /// - Parameter states: [tokens, width], finite; at most a block of them.
  func quantize(
    _ states: UnsafePointer<Float>, tokens: Int
  ) throws(CodecError) -> TransformBlock {
    try quantize(states, tokens: tokens) { _, _, _ in }
  }

  /// - Parameter note: gets each token's index, coefficients [width] before rounding, and step.
  func quantize(
    _ states: UnsafePointer<Float>, tokens: Int,
    note: (_ token: Int, _ y: UnsafePointer<Float>, _ step: Int) -> Void
  ) throws(CodecError) -> TransformBlock {
    let width = fit.width
    let analyzer = try fit.basis.analyzer()
    let y = FloatBuffer(count: tokens * width)
    analyzer.coefficients(states, tokens: tokens, into: y.base)
    let probabilities = analyzer.probabilities(y.base, tokens: tokens)
    var forms: [TransformBlock.Form] = []
    var known: [Float] = []
    var q = [Int32](repeating: 0, count: tokens * width)
    q.withUnsafeMutableBufferPointer { q in
      guard let q = q.baseAddress else { return }
      let metrics = LogitMetrics(width: width)
      var waiting: [CoefficientRounding.Coefficients] = []
      for token in 0..<tokens {
        let state = UnsafeBufferPointer(start: states + token * width, count: width)
        if let index = fit.recurring.firstIndex(where: { Self.areSame($0, state) }) {
          forms.append(.recurring(index))
          known += state
          continue
        }
        let index = waiting.count
        analyzer.fill(metrics, index, probabilities, token: token)
        let step = stepIndex(metrics, index)
        let coefficients = y.base + token * width
        guard Self.fits(coefficients, width, step: fit.step(step)) else {
          forms.append(.whole)
          known += state
          continue
        }
        forms.append(.coefficients(step: step))
        waiting.append(
          CoefficientRounding.Coefficients(
            y: coefficients, step: fit.step(step), kind: step,
            rest: 1 - metrics.mass[index] + Self.floor, into: q + token * width))
        if waiting.count == CoefficientRounding.together {
          shared.rounding.round(waiting, metrics, passes: Self.passes)
          waiting.removeAll()
        }
        note(token, coefficients, step)
      }
      shared.rounding.round(waiting, metrics, passes: Self.passes)
    }
    return TransformBlock(forms: forms, q: q, known: known)
  }

  /// The mean diagonal of a token's metric: what a squared error costs.
  static func sensitivity(_ metrics: LogitMetrics, _ index: Int, width: Int) -> Float {
    metrics.trace(index) / Float(width) + (1 - metrics.mass[index])
  }

  /// A step is as the power -0.35 of the sensitivity, in half octaves.
  private func stepIndex(_ metrics: LogitMetrics, _ token: Int) -> Int {
    let middle = TransformFit.steps / 2
    let ratio = Self.sensitivity(metrics, token, width: fit.width) / fit.sensitivity
    guard ratio > 0, ratio.isFinite else { return middle }
    let index = (-0.7 * logarithm2(Double(ratio))).rounded()
    return middle + Int(min(max(index, Double(-middle)), Double(middle)))
  }

  /// Bit for bit.
  private static func areSame(_ known: [Float], _ state: UnsafeBufferPointer<Float>) -> Bool {
    known.indices.allSatisfy { known[$0].bitPattern == state[$0].bitPattern }
  }

  private static func fits(_ y: UnsafePointer<Float>, _ width: Int, step: Float) -> Bool {
    let limit = CoefficientRounding.limit * step
    return (0..<width).allSatisfy { abs(y[$0]) < limit }
  }
}

extension [UInt8] {
  /// LEB128: 7 bits a byte, the lowest first.
  fileprivate mutating func appendNumber(_ number: Int) {
    var rest = number
    while rest > 127 {
      append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    append(UInt8(rest))
  }
}

extension Slice<UnsafeRawBufferPointer> {
  /// Takes a LEB128 number of 35 bits at most from the front.
  fileprivate mutating func removeNumber() -> Int? {
    var number = 0
    for shift in stride(from: 0, through: 28, by: 7) {
      guard let byte = popFirst() else { return nil }
      number |= Int(byte & 127) << shift
      if byte < 128 { return number }
    }
    return nil
  }
}
