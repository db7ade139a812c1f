/// A value of a GGUF file's metadata. Strings are bytes: the format says UTF-8, but nothing holds a
/// writer to it.
public enum GGUFValue: Sendable, Equatable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case uint64(UInt64)
  case int64(Int64)
  case float32(Float)
  case float64(Double)
  case bool(Bool)
  case string([UInt8])
  case array(GGUFArray)
}

/// An array of a GGUF file's metadata: one Swift array of the element's own type, so that a
/// vocabulary is one allocation of offsets and not a hundred thousand boxed values.
public enum GGUFArray: Sendable, Equatable {
  case uint8([UInt8])
  case int8([Int8])
  case uint16([UInt16])
  case int16([Int16])
  case uint32([UInt32])
  case int32([Int32])
  case uint64([UInt64])
  case int64([Int64])
  case float32([Float])
  case float64([Double])
  case bool([Bool])
  case strings([[UInt8]])
  case arrays([GGUFArray])

  public var count: Int {
    switch self {
    case .uint8(let values): values.count
    case .int8(let values): values.count
    case .uint16(let values): values.count
    case .int16(let values): values.count
    case .uint32(let values): values.count
    case .int32(let values): values.count
    case .uint64(let values): values.count
    case .int64(let values): values.count
    case .float32(let values): values.count
    case .float64(let values): values.count
    case .bool(let values): values.count
    case .strings(let values): values.count
    case .arrays(let values): values.count
    }
  }
}

extension GGUFValue {
  /// The value as a 64-bit integer, when it is an integer that fits one.
  package var integer: Int64? {
    switch self {
    case .uint8(let value): Int64(value)
    case .int8(let value): Int64(value)
    case .uint16(let value): Int64(value)
    case .int16(let value): Int64(value)
    case .uint32(let value): Int64(value)
    case .int32(let value): Int64(value)
    case .uint64(let value): Int64(exactly: value)
    case .int64(let value): value
    default: nil
    }
  }

  /// The value as a double, when it is a floating-point number or an integer.
  package var number: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    default: integer.map(Double.init)
    }
  }
}

extension GGUFArray {
  /// The elements as 64-bit integers, when they are integers that fit.
  var integers: [Int64]? {
    switch self {
    case .uint8(let values): return values.map(Int64.init)
    case .int8(let values): return values.map(Int64.init)
    case .uint16(let values): return values.map(Int64.init)
    case .int16(let values): return values.map(Int64.init)
    case .uint32(let values): return values.map(Int64.init)
    case .int32(let values): return values.map(Int64.init)
    case .uint64(let values):
      let fitting = values.compactMap(Int64.init(exactly:))
      return fitting.count == values.count ? fitting : nil
    case .int64(let values): return values
    default: return nil
    }
  }

  /// The elements, when they are booleans.
  var bools: [Bool]? { if case .bool(let values) = self { values } else { nil } }

  /// The elements as floats, when they are floating-point numbers.
  var floats: [Float]? {
    switch self {
    case .float32(let values): values
    case .float64(let values): values.map(Float.init)
    default: nil
    }
  }
}
