/// Builds GGUF files byte by byte, well formed or not.
package struct GGUFBuilder {
  package init() {}

  /// Codes of metadata value types.
  package enum Code {
    package static let uint8: UInt32 = 0
    package static let uint32: UInt32 = 4
    package static let int32: UInt32 = 5
    package static let float32: UInt32 = 6
    package static let bool: UInt32 = 7
    package static let string: UInt32 = 8
    package static let array: UInt32 = 9
    package static let uint64: UInt32 = 10
  }

  package var magic = Array("GGUF".utf8)
  package var version: UInt32 = 3
  package var alignment = 32
  package var keyCount: UInt64?
  package var tensorCount: UInt64?
  private var keys: [[UInt8]] = []
  private var tensors: [[UInt8]] = []
  private var data: [UInt8] = []

  package mutating func add(_ key: String, _ code: UInt32, _ value: [UInt8]) {
    keys.append(Self.string(key) + Self.bytes(code) + value)
  }

  package mutating func add(_ key: String, string value: String) {
    add(key, Code.string, Self.string(value))
  }

  package mutating func add(_ key: String, integer value: Int) {
    add(key, Code.uint32, Self.bytes(UInt32(value)))
  }

  package mutating func add(_ key: String, float value: Float) {
    add(key, Code.float32, Self.bytes(value.bitPattern))
  }

  package mutating func add(_ key: String, bool value: Bool) {
    add(key, Code.bool, [value ? 1 : 0])
  }

  /// Adds float32 zeros; `shape` is outermost first.
  package mutating func addTensor(_ name: String, _ shape: [Int]) {
    let count = shape.reduce(1, *)
    addTensor(
      name, dimensions: shape.reversed().map(UInt64.init), type: 0, offset: UInt64(data.count))
    data += [UInt8](repeating: 0, count: (count * 4 + alignment - 1) / alignment * alignment)
  }

  /// Adds a tensor's header as given; `dimensions` are in the file's order.
  package mutating func addTensor(
    _ name: String, dimensions: [UInt64], type: UInt32, offset: UInt64, rank: UInt32? = nil
  ) {
    tensors.append(
      Self.string(name) + Self.bytes(rank ?? UInt32(dimensions.count))
        + dimensions.flatMap(Self.bytes) + Self.bytes(type) + Self.bytes(offset))
  }

  package mutating func addData(_ bytes: [UInt8]) { data += bytes }

  package var bytes: [UInt8] {
    var bytes = magic + Self.bytes(version)
    bytes += Self.bytes(tensorCount ?? UInt64(tensors.count))
    bytes += Self.bytes(keyCount ?? UInt64(keys.count))
    bytes += keys.joined()
    bytes += tensors.joined()
    while bytes.count % alignment != 0 { bytes.append(0) }
    return bytes + data
  }

  package static func string(_ text: String) -> [UInt8] {
    bytes(UInt64(text.utf8.count)) + text.utf8
  }

  package static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// An array value: element type, count, elements.
  package static func array(_ code: UInt32, _ elements: [[UInt8]]) -> [UInt8] {
    bytes(code) + bytes(UInt64(elements.count)) + elements.joined()
  }

  /// A small model of `architecture`, ready to be spoilt.
  package static func model(_ architecture: String = "llama", layers: Int = 1) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("general.architecture", string: architecture)
    builder.add("\(architecture).block_count", integer: layers)
    builder.add("\(architecture).context_length", integer: 64)
    builder.add("\(architecture).embedding_length", integer: 16)
    builder.add("\(architecture).feed_forward_length", integer: 24)
    builder.add("\(architecture).attention.head_count", integer: 4)
    builder.add("\(architecture).attention.head_count_kv", integer: 2)
    builder.add("\(architecture).attention.layer_norm_rms_epsilon", float: 1e-6)
    builder.addTensor("token_embd.weight", [10, 16])
    return builder
  }
}
