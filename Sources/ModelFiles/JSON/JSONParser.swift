/// A strict JSON reader (RFC 8259) for input that may be hostile: bounded depth, no repeated keys,
/// no lone surrogates, numbers that fit. Time and memory are linear in the input.
struct JSONParser {
  /// Deeper than any model file goes, and shallow enough for every thread's stack.
  static let maximumDepth = 64

  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private var position = 0

  private init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// The one value that `bytes` holds, with nothing but white space around it.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(ModelFileError) -> JSONValue {
    var parser = JSONParser(bytes, file: file)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.error("the end of the text") }
    return value
  }

  private mutating func value(depth: Int) throws(ModelFileError) -> JSONValue {
    guard depth <= Self.maximumDepth else {
      throw error("at most \(Self.maximumDepth) levels of nesting", found: "more")
    }
    skipSpace()
    switch peek() {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"): return try number()
    case let byte? where isDigit(byte): return try number()
    default: throw error("a JSON value")
    }
  }

  private mutating func object(depth: Int) throws(ModelFileError) -> JSONObject {
    position += 1
    var object = JSONObject()
    skipSpace()
    if take(UInt8(ascii: "}")) { return object }
    while true {
      skipSpace()
      guard peek() == UInt8(ascii: "\"") else { throw error("a key in quotes") }
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw error("':' after a key") }
      guard object.append(key, try value(depth: depth + 1)) else {
        throw error("every key once", found: "\"\(key)\" twice")
      }
      skipSpace()
      if take(UInt8(ascii: "}")) { return object }
      guard take(UInt8(ascii: ",")) else { throw error("',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(ModelFileError) -> [JSONValue] {
    position += 1
    var values: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return values }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpace()
      if take(UInt8(ascii: "]")) { return values }
      guard take(UInt8(ascii: ",")) else { throw error("',' or ']'") }
    }
  }

  private mutating func literal(
    _ text: String, _ value: JSONValue
  ) throws(ModelFileError) -> JSONValue {
    guard bytes[position...].starts(with: text.utf8) else { throw error("a JSON value") }
    position += text.utf8.count
    return value
  }

  private mutating func number() throws(ModelFileError) -> JSONValue {
    let start = position
    var isInteger = true
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) {
      guard skipDigits() else { throw error("a digit") }
    }
    if take(UInt8(ascii: ".")) {
      isInteger = false
      guard skipDigits() else { throw error("a digit after '.'") }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isInteger = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard skipDigits() else { throw error("a digit in the exponent") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw error("a number that a double can hold", found: text)
    }
    return .number(value)
  }

  private mutating func string() throws(ModelFileError) -> String {
    position += 1
    let start = position
    while let byte = peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if peek() == UInt8(ascii: "\"") {
      defer { position += 1 }
      return try text(bytes[start..<position])
    }
    var unescaped = Array(bytes[start..<position])
    while let byte = peek(), byte >= 0x20 {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        return try text(unescaped)
      case UInt8(ascii: "\\"):
        unescaped.append(contentsOf: String(Character(try escape())).utf8)
      default:
        unescaped.append(byte)
      }
    }
    throw error(peek() == nil ? "'\"' at the end of a string" : "control characters escaped")
  }

  private func text(_ raw: some Sequence<UInt8>) throws(ModelFileError) -> String {
    guard let text = String(validating: raw, as: UTF8.self) else {
      throw error("UTF-8 in a string")
    }
    return text
  }

  /// The scalar that the escape after a backslash stands for.
  private mutating func escape() throws(ModelFileError) -> Unicode.Scalar {
    guard let byte = peek() else { throw error("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let high = try hexadecimalUnit()
      if let scalar = Unicode.Scalar(high) { return scalar }
      guard high < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
        throw error("a surrogate pair", found: "half of one")
      }
      let low = try hexadecimalUnit()
      guard (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
      else { throw error("a surrogate pair", found: "half of one") }
      return scalar
    default: throw error("an escape that JSON knows")
    }
  }

  private mutating func hexadecimalUnit() throws(ModelFileError) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("four hexadecimal digits after \\u")
      }
      unit = unit << 4 | UInt32(digit)
      position += 1
    }
    return unit
  }

  // MARK: - Bytes

  private func peek() -> UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipDigits() -> Bool {
    let start = position
    while let byte = peek(), isDigit(byte) { position += 1 }
    return position > start
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private mutating func skipSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private func error(_ expected: String, found: String? = nil) -> ModelFileError {
    let here = peek().map { byte in
      (0x21...0x7E).contains(byte)
        ? "'\(Character(Unicode.Scalar(byte)))'" : "the byte \(byte)"
    }
    return .malformed(
      file: file, item: "JSON at byte \(position)", expected: expected,
      found: found ?? here ?? "the end of the text")
  }
}

extension JSONValue {
  /// Parses UTF-8 text; `file` names it in errors.
  public init(parsing bytes: [UInt8], file: String) throws(ModelFileError) {
    self = try bytes.withUnsafeBytes { raw in
      Result { () throws(ModelFileError) in try JSONParser.parse(raw, file: file) }
    }.get()
  }

  /// Parses the file at `path`.
  public init(contentsOf path: String) throws(ModelFileError) {
    let file = try MappedFile(path: path)
    self = try withExtendedLifetime(file) { () throws(ModelFileError) in
      try JSONParser.parse(file.bytes, file: path)
    }
  }
}
