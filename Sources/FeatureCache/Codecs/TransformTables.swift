import Foundation
import Numerics

/// What the transform codec's symbols are coded with: a table of frequencies for every level that a
/// coefficient's deviation has beside the step, and one for what stands before a token's coefficients.
struct TransformTables: Equatable, Sendable {
  /// Eight an octave; a deviation of one step is in the middle.
  static let levels = 112
  /// The table of what stands before a token's coefficients.
  static let header = UInt8(levels)
  /// A coefficient of -15 to 15 steps is the symbol q + 15.
  static let largest: Int32 = 15
  static let escape = UInt8(EntropyDecoder.symbols - 1)

  /// Without a branch on the sign, which nothing foretells.
  @inline(__always)
  static func hasSymbol(_ q: Int32) -> Bool { q.magnitude <= UInt32(largest) }

  /// Magnitudes with a reconstruction point of their own: 1, 2, and all others.
  static let pointCount = 3
  /// Reconstruction points are this fine, in steps.
  static let pointUnit: Float = 1 / 256

  /// [levels + 1, symbols]: at least 1 each, 2^14 a table.
  var frequencies: [UInt16]
  /// [levels, pointCount]: how far the values of magnitudes 1, 2 and the others lie from them.
  var points: [Int8]

  /// What is known before anything was counted: Laplace's distribution.
  init() {
    frequencies = []
    for level in 0..<Self.levels { frequencies += Self.frequencies(Self.laplace(level)) }
    frequencies += Self.scaled([Double](repeating: 1, count: EntropyDecoder.symbols))
    points = [Int8](repeating: 0, count: Self.levels * Self.pointCount)
  }

  init(frequencies: [UInt16], points: [Int8]) {
    self.frequencies = frequencies
    self.points = points
  }

  static func level(deviation: Int, step: Int) -> UInt8 {
    UInt8(min(max(deviation - step + levels / 2, 0), levels - 1))
  }

  /// [levels + 1, symbols]: the frequencies before each symbol's.
  var starts: [UInt16] {
    var starts: [UInt16] = []
    starts.reserveCapacity(frequencies.count)
    for table in 0...Self.levels {
      var sum: UInt16 = 0
      for symbol in 0..<EntropyDecoder.symbols {
        starts.append(sum)
        sum += frequencies[table * EntropyDecoder.symbols + symbol]
      }
    }
    return starts
  }

  /// Every frequency is one at least, and a table's come to 2^14.
  var isSound: Bool {
    guard frequencies.count == (Self.levels + 1) * EntropyDecoder.symbols,
      points.count == Self.levels * Self.pointCount
    else { return false }
    return (0...Self.levels).allSatisfy { table in
      let row = frequencies[
        table * EntropyDecoder.symbols..<(table + 1) * EntropyDecoder.symbols]
      return row.allSatisfy { $0 > 0 }
        && row.reduce(0) { $0 + Int($1) } == 1 << EntropyDecoder.frequencyBits
    }
  }

  /// [levels, `CoefficientRounding.magnitudes`]: what a magnitude is decoded to, in steps.
  var values: [Float] {
    (0..<Self.levels).flatMap { level in
      (0..<CoefficientRounding.magnitudes).map { magnitude in
        guard magnitude > 0 else { return Float(0) }
        let point = points[level * Self.pointCount + min(magnitude, Self.pointCount) - 1]
        return Float(magnitude) + Float(point) * Self.pointUnit
      }
    }
  }

  /// [levels, `CoefficientRounding.magnitudes`]: bits that a magnitude takes, the last entry an escape.
  var bits: [Float] {
    (0..<Self.levels).flatMap { level in
      (0..<CoefficientRounding.magnitudes).map { magnitude in
        let symbol =
          magnitude <= Int(Self.largest) ? magnitude + Int(Self.largest) : Int(Self.escape)
        let frequency = frequencies[level * EntropyDecoder.symbols + symbol]
        return Float(EntropyDecoder.frequencyBits) - Float(logarithm2(Double(frequency)))
      }
    }
  }
}

/// Counts what rounding gives, for the tables that it is to be coded with.
struct TransformCounts {
  private static let magnitudes = CoefficientRounding.magnitudes
  private var counts = [Double](repeating: 0, count: TransformTables.levels * magnitudes)
  /// Sums of |y| / step - magnitude.
  private var distances = [Double](repeating: 0, count: TransformTables.levels * magnitudes)
  private var headers = [Double](repeating: 0, count: EntropyDecoder.symbols)

  /// - Parameter y: in steps.
  mutating func add(_ q: Int32, y: Float, level: UInt8) {
    let magnitude = min(Int(abs(q)), Self.magnitudes - 1)
    let index = Int(level) * Self.magnitudes + magnitude
    counts[index] += 1
    if q != 0 { distances[index] += Double(q < 0 ? -y : y) - Double(abs(q)) }
  }

  mutating func add(header: UInt8) { headers[Int(header)] += 1 }

  /// A level's counts are joined by 30 of its neighbours' and Laplace's together, so that what was not seen
  /// keeps a probability.
  func tables() -> TransformTables {
    let prior = 30.0
    var tables = TransformTables(frequencies: [], points: [])
    for level in 0..<TransformTables.levels {
      let laplace = TransformTables.laplace(level)
      var wide = (0..<Self.magnitudes).map { magnitude in
        sum(counts, around: level, by: 1, magnitude) + prior * laplace[magnitude]
      }
      let total = wide.reduce(0, +)
      for magnitude in wide.indices {
        wide[magnitude] =
          counts[level * Self.magnitudes + magnitude] + prior * wide[magnitude] / total
      }
      tables.frequencies += TransformTables.frequencies(wide)
      tables.points += points(level)
    }
    tables.frequencies += TransformTables.scaled(headers.map { $0 + 0.5 })
    return tables
  }

  private func points(_ level: Int) -> [Int8] {
    (1...TransformTables.pointCount).map { point in
      let magnitudes =
        point < TransformTables.pointCount ? point...point : point...Self.magnitudes - 1
      var (distance, count) = (0.0, 50.0)
      for magnitude in magnitudes {
        distance += sum(distances, around: level, by: 3, magnitude)
        count += sum(counts, around: level, by: 3, magnitude)
      }
      let bounded = min(max(distance / count, -0.3), 0.3)
      return Int8((bounded / Double(TransformTables.pointUnit)).rounded())
    }
  }

  private func sum(_ values: [Double], around level: Int, by reach: Int, _ magnitude: Int) -> Double
  {
    (max(level - reach, 0)...min(level + reach, TransformTables.levels - 1))
      .reduce(0) { $0 + values[$1 * Self.magnitudes + magnitude] }
  }
}

extension TransformTables {
  /// Of magnitudes, for a deviation of `level`, rounded so that small values go to zero; sums to 1.
  fileprivate static func laplace(_ level: Int) -> [Double] {
    let scale = Foundation.exp2(Double(level - levels / 2) / 8) / 2.0.squareRoot()
    let last = CoefficientRounding.magnitudes - 1
    func above(_ value: Double) -> Double { Foundation.exp(-value / scale) }
    return (0...last).map { magnitude in
      let low = magnitude == 0 ? 1 : above(Double(magnitude) - 0.4)
      return low - (magnitude == last ? 0 : above(Double(magnitude) + 0.6))
    }
  }

  /// A table for signed values from the weights of magnitudes.
  fileprivate static func frequencies(_ magnitudes: [Double]) -> [UInt16] {
    scaled(
      (0..<EntropyDecoder.symbols).map { symbol in
        if symbol == Int(escape) { return magnitudes[CoefficientRounding.magnitudes - 1] }
        let magnitude = abs(symbol - Int(largest))
        return magnitude == 0 ? magnitudes[0] : magnitudes[magnitude] / 2
      })
  }

  /// Frequencies in proportion to weights, one at least; the largest makes up for rounding.
  fileprivate static func scaled(_ weights: [Double]) -> [UInt16] {
    let room = (1 << EntropyDecoder.frequencyBits) - weights.count
    let total = weights.reduce(0, +)
    var frequencies = weights.map { 1 + Int(($0 / total * Double(room)).rounded(.down)) }
    let largest = weights.indices.max { weights[$0] < weights[$1] } ?? 0
    frequencies[largest] += (1 << EntropyDecoder.frequencyBits) - frequencies.reduce(0, +)
    return frequencies.map { UInt16($0) }
  }
}

/// log2 of a positive finite number, with the same bits on every machine, which a library's is not: the series
/// of the inverse hyperbolic tangent for the significand.
func logarithm2(_ value: Double) -> Double {
  var significand = value.significand
  var exponent = Double(value.exponent)
  if significand > 1.4 {
    significand /= 2
    exponent += 1
  }
  let x = (significand - 1) / (significand + 1)
  var (term, sum) = (x, 0.0)
  for odd in stride(from: 1.0, through: 25, by: 2) {
    sum += term / odd
    term *= x * x
  }
  return exponent + sum * 2 * 1.4426950408889634
}
