/// Reads a GGUF header front to back. Nothing is trusted: a count or length is held against the
/// bytes that are left before anything is allocated for it.
struct GGUFCursor {
  /// Arrays within arrays; the format sets no limit, the stack does.
  static let maximumDepth = 8

  let bytes: UnsafeRawBufferPointer
  let file: String
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  private var remaining: Int { bytes.count - position }

  mutating func integer<Value: FixedWidthInteger>(
    _ item: @autoclosure () -> String
  ) throws(ModelFileError) -> Value {
    let size = MemoryLayout<Value>.size
    guard remaining >= size else { throw truncated(item(), needing: size) }
    defer { position += size }
    return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
  }

  /// A 64-bit count of things that take at least `size` bytes each.
  mutating func count(
    of item: @autoclosure () -> String, size: Int
  ) throws(ModelFileError) -> Int {
    let count: UInt64 = try integer(item())
    guard let value = Int(exactly: count), value <= remaining / size else {
      throw .malformed(
        file: file, item: "\(item()) at byte \(position - 8)",
        expected: "at most \(remaining / size), as the \(remaining) bytes left allow",
        found: "\(count)")
    }
    return value
  }

  mutating func string(_ item: @autoclosure () -> String) throws(ModelFileError) -> [UInt8] {
    let length = try count(of: "the length of \(item())", size: 1)
    defer { position += length }
    return Array(bytes[position..<position + length])
  }

  /// A key or tensor name: UTF-8, not empty.
  mutating func name(_ item: @autoclosure () -> String) throws(ModelFileError) -> String {
    let bytes = try string(item())
    guard !bytes.isEmpty, let name = String(validating: bytes, as: UTF8.self) else {
      throw .malformed(
        file: file, item: "\(item()) before byte \(position)", expected: "UTF-8 text",
        found: bytes.isEmpty ? "nothing" : String(decoding: bytes.prefix(100), as: UTF8.self))
    }
    return name
  }

  mutating func value(_ key: String) throws(ModelFileError) -> GGUFValue {
    let item = "metadata key \(key)"
    switch try integer("the type of \(item)") as UInt32 {
    case 0: return .uint8(try integer(item))
    case 1: return .int8(try integer(item))
    case 2: return .uint16(try integer(item))
    case 3: return .int16(try integer(item))
    case 4: return .uint32(try integer(item))
    case 5: return .int32(try integer(item))
    case 6: return .float32(Float(bitPattern: try integer(item)))
    case 7: return .bool(try bool(item))
    case 8: return .string(try string(item))
    case 9: return .array(try array(item, depth: 1))
    case 10: return .uint64(try integer(item))
    case 11: return .int64(try integer(item))
    case 12: return .float64(Double(bitPattern: try integer(item)))
    case let code: throw unknownType(item, code)
    }
  }

  private mutating func array(_ item: String, depth: Int) throws(ModelFileError) -> GGUFArray {
    guard depth <= Self.maximumDepth else {
      throw .malformed(
        file: file, item: item, expected: "at most \(Self.maximumDepth) levels of arrays",
        found: "more")
    }
    switch try integer("the element type of \(item)") as UInt32 {
    case 0: return .uint8(try elements(item))
    case 1: return .int8(try elements(item))
    case 2: return .uint16(try elements(item))
    case 3: return .int16(try elements(item))
    case 4: return .uint32(try elements(item))
    case 5: return .int32(try elements(item))
    case 6: return .float32(try (elements(item) as [UInt32]).map(Float.init(bitPattern:)))
    case 7:
      let count = try count(of: "the count of \(item)", size: 1)
      return .bool(try repeated(count) { (cursor) throws(ModelFileError) in try cursor.bool(item) })
    case 8:
      // A string takes at least its length, 8 bytes.
      let count = try count(of: "the count of \(item)", size: 8)
      return .strings(
        try repeated(count) { (cursor) throws(ModelFileError) in try cursor.string(item) })
    case 9:
      // An array takes at least its type and count, 12 bytes.
      let count = try count(of: "the count of \(item)", size: 12)
      return .arrays(
        try repeated(count) { (cursor) throws(ModelFileError) in
          try cursor.array(item, depth: depth + 1)
        })
    case 10: return .uint64(try elements(item))
    case 11: return .int64(try elements(item))
    case 12: return .float64(try (elements(item) as [UInt64]).map(Double.init(bitPattern:)))
    case let code: throw unknownType(item, code)
    }
  }

  private mutating func elements<Value: FixedWidthInteger>(
    _ item: String
  ) throws(ModelFileError) -> [Value] {
    let size = MemoryLayout<Value>.size
    let count = try count(of: "the count of \(item)", size: size)
    let start = position
    position += count * size
    return (0..<count).map {
      Value(littleEndian: bytes.loadUnaligned(fromByteOffset: start + $0 * size, as: Value.self))
    }
  }

  private mutating func repeated<Value>(
    _ count: Int, _ read: (inout GGUFCursor) throws(ModelFileError) -> Value
  ) throws(ModelFileError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try read(&self)) }
    return values
  }

  private mutating func bool(_ item: String) throws(ModelFileError) -> Bool {
    let byte: UInt8 = try integer(item)
    guard byte <= 1 else {
      throw .malformed(file: file, item: item, expected: "a boolean, 0 or 1", found: "\(byte)")
    }
    return byte == 1
  }

  private func truncated(_ item: String, needing size: Int) -> ModelFileError {
    .malformed(
      file: file, item: item, expected: "\(size) bytes at byte \(position)",
      found: "a file of \(bytes.count) bytes")
  }

  private func unknownType(_ item: String, _ code: UInt32) -> ModelFileError {
    .malformed(
      file: file, item: item, expected: "a value type from 0 to 12", found: "\(code)")
  }
}
