extension GGUFValue: CustomStringConvertible {
  /// The type as GGUF spells it, arrays with their element type and count.
  public var typeName: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .uint32: "uint32"
    case .int32: "int32"
    case .uint64: "uint64"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    case .bool: "bool"
    case .string: "string"
    case .array(let array): "\(array.elementTypeName)[\(array.count)]"
    }
  }

  /// The value on one line; long strings and arrays are cut.
  public var description: String {
    switch self {
    case .uint8(let value): String(value)
    case .int8(let value): String(value)
    case .uint16(let value): String(value)
    case .int16(let value): String(value)
    case .uint32(let value): String(value)
    case .int32(let value): String(value)
    case .uint64(let value): String(value)
    case .int64(let value): String(value)
    case .float32(let value): String(value)
    case .float64(let value): String(value)
    case .bool(let value): String(value)
    case .string(let bytes): text(bytes)
    case .array(let array): array.description
    }
  }
}

extension GGUFArray: CustomStringConvertible {
  var elementTypeName: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .uint32: "uint32"
    case .int32: "int32"
    case .uint64: "uint64"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    case .bool: "bool"
    case .strings: "string"
    case .arrays: "array"
    }
  }

  /// The first elements on one line.
  public var description: String {
    switch self {
    case .uint8(let values): list(values) { String($0) }
    case .int8(let values): list(values) { String($0) }
    case .uint16(let values): list(values) { String($0) }
    case .int16(let values): list(values) { String($0) }
    case .uint32(let values): list(values) { String($0) }
    case .int32(let values): list(values) { String($0) }
    case .uint64(let values): list(values) { String($0) }
    case .int64(let values): list(values) { String($0) }
    case .float32(let values): list(values) { String($0) }
    case .float64(let values): list(values) { String($0) }
    case .bool(let values): list(values) { String($0) }
    case .strings(let values): list(values) { "\"\(text($0))\"" }
    case .arrays(let values): list(values) { $0.description }
    }
  }
}

private func list<Element>(_ values: [Element], _ spell: (Element) -> String) -> String {
  let shown = values.prefix(6).map(spell).joined(separator: ", ")
  return values.count > 6 ? "[\(shown), …]" : "[\(shown)]"
}

private func text(_ bytes: [UInt8]) -> String {
  oneLine(String(decoding: bytes.prefix(400), as: UTF8.self), limit: 100)
}
