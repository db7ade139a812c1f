import Crypto
import Foundation
import Numerics

/// All that the transform codec's two sides have to agree on, as it was fitted on a sample of a corpus.
public struct TransformFit: Sendable {
  /// Nats a token that the codec may add to the source's loss, as it was asked for.
  public let allowance: Double
  /// What it was shown to do.
  public var measurement: FitMeasurement
  let basis: TransformBasis
  /// The middle one of seven steps.
  let step: Float
  /// [width]: 8 log2 of the coefficients' deviations.
  let deviations: [Int]
  /// The mean over tokens of a metric's mean diagonal.
  let sensitivity: Float
  /// States that many texts have, bit for bit, as those of a template's first tokens.
  let recurring: [[Float]]
  var tables: TransformTables
  /// Makes the fingerprint one that nobody can reckon who knows the sample: a secret's, in an encrypted cache;
  /// zeros otherwise.
  public var salt = noSalt

  public static let noSalt = [UInt8](repeating: 0, count: 16)

  /// Half an octave apart; a token's depends on how much its state matters.
  static let steps = 7
  static let mostRecurring = EntropyDecoder.symbols - steps - 1

  /// Channels of a state.
  public var width: Int { basis.width }

  /// Bytes of a fit in a cache, about.
  public static func usualBytes(width: Int) -> Int { width * (width + 2048) }

  /// Coarse where little depends on a state, fine where much does.
  func step(_ index: Int) -> Float {
    // Powers of the root of 2, as numbers so that they are the same everywhere.
    let factors: [Float] = [0.35355338, 0.5, 0.70710677, 1, 1.4142135, 2, 2.828427]
    return step * factors[index]
  }

  /// [steps][width]: the tables of coefficients under each step.
  var levels: [[UInt8]] {
    let middle = Int((8 * logarithm2(Double(step))).rounded())
    return (0..<Self.steps).map { index in
      deviations.map {
        TransformTables.level(deviation: $0, step: middle + 4 * (index - Self.steps / 2))
      }
    }
  }

  // MARK: - As bytes

  private static let mark = "denju transform 2\n"

  /// Integers of 4 bytes, the allowance and what was measured as 8, float32 numbers; all little-endian.
  public var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.add(Array(Self.mark.utf8))
    for number in [allowance, measurement.added, measurement.bound, measurement.divergence] {
      writer.add(number.bitPattern)
    }
    for count in [measurement.fittedTokens, measurement.heldOutTokens] { writer.add(UInt64(count)) }
    for count in [width, basis.output?.count ?? 0, recurring.count] {
      writer.add(UInt32(count))
    }
    writer.add([step, sensitivity])
    writer.add(deviations.map { UInt16(bitPattern: Int16($0)) })
    for values in [basis.mean, basis.scales, basis.weights] { writer.add(values) }
    writer.add(basis.codes.map { UInt8(bitPattern: $0) })
    if let output = basis.output {
      writer.add(output.scales)
      writer.add(output.offsets)
      writer.add(output.codes.map { UInt8(bitPattern: $0) })
    }
    for state in recurring { writer.add(state) }
    writer.add(tables.frequencies)
    writer.add(tables.points.map { UInt8(bitPattern: $0) })
    writer.add(salt)
    return writer.bytes
  }

  /// The first 16 hexadecimal digits of the SHA-256 of `bytes`: two fits with other bits have other states.
  var fingerprint: String { String(hexadecimal(SHA256.hash(data: bytes)).prefix(16)) }

  /// Reads what `bytes` wrote; whatever the bytes hold, they are not trusted.
  public init(bytes: [UInt8]) throws(CodecError) {
    var reader = ByteReader(bytes)
    guard try reader.bytes(Self.mark.utf8.count).elementsEqual(Self.mark.utf8) else {
      throw .badPayload("it is no fit of the transform codec")
    }
    let numbers = try reader.integers(UInt64.self, 6)
    allowance = Double(bitPattern: numbers[0])
    measurement = FitMeasurement(
      fittedTokens: Int(clamping: numbers[4]), heldOutTokens: Int(clamping: numbers[5]),
      added: Double(bitPattern: numbers[1]), bound: Double(bitPattern: numbers[2]),
      divergence: Double(bitPattern: numbers[3]))
    let width = Int(try reader.integer(UInt32.self))
    let count = Int(try reader.integer(UInt32.self))
    let states = Int(try reader.integer(UInt32.self))
    // The matrix alone has width * width bytes, so that no larger count is multiplied below.
    guard (1...1 << 20).contains(width), width * width <= bytes.count,
      count * width <= bytes.count, states <= Self.mostRecurring
    else {
      throw .badPayload("the fit's sizes are \(width), \(count) and \(states)")
    }
    let head = try reader.floats(2)
    (step, sensitivity) = (head[0], head[1])
    deviations = try reader.integers(UInt16.self, width).map { Int(Int16(bitPattern: $0)) }
    let mean = try reader.floats(width)
    let scales = try reader.floats(width)
    let weights = try reader.floats(width)
    let codes = try reader.bytes(width * width).map { Int8(bitPattern: $0) }
    var output: TransformBasis.OutputRows?
    if count > 0 {
      let scales = try reader.floats(count)
      let offsets = try reader.floats(count)
      output = TransformBasis.OutputRows(
        count: count, codes: try reader.bytes(count * width).map { Int8(bitPattern: $0) },
        scales: scales, offsets: offsets)
    }
    var recurring: [[Float]] = []
    for _ in 0..<states { recurring.append(try reader.floats(width)) }
    self.recurring = recurring
    let frequencies = try reader.integers(
      UInt16.self, (TransformTables.levels + 1) * EntropyDecoder.symbols)
    tables = TransformTables(
      frequencies: frequencies,
      points: try reader.bytes(TransformTables.levels * TransformTables.pointCount)
        .map { Int8(bitPattern: $0) })
    salt = Array(try reader.bytes(Self.noSalt.count))
    guard reader.isAtEnd, tables.isSound, allowance > 0, allowance.isFinite,
      measurement.added.isFinite, measurement.bound.isFinite,
      measurement.divergence.isFinite, step > 0,
      sensitivity >= 0, scales.allSatisfy({ $0 >= 0 }), weights.allSatisfy({ $0 >= 0 })
    else {
      throw .badPayload("the fit's numbers are not possible")
    }
    basis = TransformBasis(
      mean: mean, codes: codes, scales: scales, weights: weights, output: output)
  }

  init(
    allowance: Double, measurement: FitMeasurement, basis: TransformBasis, step: Float,
    deviations: [Int], sensitivity: Float,
    recurring: [[Float]], tables: TransformTables
  ) {
    self.allowance = allowance
    self.measurement = measurement
    self.basis = basis
    self.step = step
    self.deviations = deviations
    self.sensitivity = sensitivity
    self.recurring = recurring
    self.tables = tables
  }
}

private struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ values: [UInt8]) { bytes += values }

  mutating func add(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(_ values: [UInt16]) { for value in values { add(value) } }

  mutating func add(_ values: [Float]) { for value in values { add(value.bitPattern) } }
}

private struct ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func bytes(_ count: Int) throws(CodecError) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw .badPayload("the fit ends too early") }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func integers<Integer: FixedWidthInteger>(
    _: Integer.Type, _ count: Int
  ) throws(CodecError) -> [Integer] {
    let size = MemoryLayout<Integer>.size
    guard count <= rest.count / size else { throw .badPayload("the fit ends too early") }
    return try bytes(count * size).withUnsafeBytes { raw in
      (0..<count).map {
        Integer(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * size, as: Integer.self))
      }
    }
  }

  mutating func integer<Integer: FixedWidthInteger>(
    _ type: Integer.Type
  ) throws(CodecError) -> Integer {
    try integers(type, 1)[0]
  }

  /// Finite ones.
  mutating func floats(_ count: Int) throws(CodecError) -> [Float] {
    let values = try integers(UInt32.self, count).map { Float(bitPattern: $0) }
    guard values.allSatisfy(\.isFinite) else { throw .badPayload("the fit has infinite numbers") }
    return values
  }
}
