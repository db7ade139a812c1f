/// Writes JSON in one way only: no white space, members in the order given, only what must be
/// escaped escaped.
struct CanonicalJSON {
  private(set) var bytes: [UInt8] = []
  /// Whether the next member or element is the first of its container.
  private var isFirst = true

  mutating func open(_ bracket: Unicode.Scalar) {
    bytes.append(UInt8(ascii: bracket))
    isFirst = true
  }

  mutating func close(_ bracket: Unicode.Scalar) {
    bytes.append(UInt8(ascii: bracket))
    isFirst = false
  }

  mutating func key(_ key: String) {
    separate()
    string(key.utf8)
    bytes.append(UInt8(ascii: ":"))
  }

  /// A member whose value is JSON already.
  mutating func member(_ key: String, json: String) {
    self.key(key)
    bytes += json.utf8
  }

  mutating func member(_ key: String, _ flag: Bool) {
    self.key(key)
    bytes += (flag ? "true" : "false").utf8
  }

  mutating func member(_ key: String, _ id: Int32?) {
    self.key(key)
    value(id)
  }

  mutating func member(_ key: String, _ text: String?) {
    member(key, text.map { Array($0.utf8) })
  }

  mutating func member(_ key: String, _ text: [UInt8]?) {
    self.key(key)
    value(text)
  }

  mutating func list<Element>(
    _ elements: [Element], _ write: (inout CanonicalJSON, Element) -> Void
  ) {
    open("[")
    for element in elements {
      separate()
      write(&self, element)
    }
    close("]")
  }

  mutating func value(_ id: Int32?) {
    bytes += (id.map { String($0) } ?? "null").utf8
  }

  /// The shortest spelling that reads as the same number.
  mutating func value(_ number: Double) { bytes += number.description.utf8 }

  mutating func element(_ text: [UInt8]) {
    separate()
    value(text)
  }

  mutating func element(_ number: Double) {
    separate()
    value(number)
  }

  mutating func value(_ text: [UInt8]?) {
    if let text { string(text) } else { bytes += "null".utf8 }
  }

  private mutating func separate() {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    isFirst = false
  }

  private mutating func string(_ text: some Sequence<UInt8>) {
    let digits = Array("0123456789abcdef".utf8)
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20:
        bytes += "\\u00".utf8
        bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default:
        bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
