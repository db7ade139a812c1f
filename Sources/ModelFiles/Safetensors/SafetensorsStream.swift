import Foundation

/// A safetensors file, written tensor by tensor.
public final class SafetensorsStream: TensorFileStream {
  /// It depends on names and types alone (wider elements first, so that all are aligned), so that equal
  /// contents make equal files.
  public let order: [TensorLayout]
  private let path: String
  private let replacement: FileReplacement
  private var missing: Int

  /// Throws `mismatch` when a shape is impossible or a name comes twice, `unwritable` when the file
  /// system refuses; the old file, if any, is then untouched.
  public init(
    path: String, layouts: [TensorLayout], metadata: [String: String] = [:],
    mode: mode_t = 0o666
  ) throws(ModelFileError) {
    order = layouts.sorted { first, second in
      first.type == second.type
        ? first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
        : first.type.blockBytes > second.type.blockBytes
    }
    self.path = path
    guard !layouts.contains(where: { $0.name == "__metadata__" }) else {
      throw .mismatch(
        file: path, item: "tensor __metadata__", expected: "a name of its own",
        found: "the format's own")
    }
    let sizes = try byteCounts(order, path: path)
    missing = sizes.reduce(0, +)
    var header = Self.headerText(order, sizes, metadata)
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    guard header.utf8.count <= SafetensorsFile.maximumHeaderSize else {
      throw .mismatch(
        file: path, item: "the header of \(layouts.count) tensors",
        expected: "at most \(SafetensorsFile.maximumHeaderSize) bytes, the format's limit",
        found: "\(header.utf8.count)")
    }
    replacement = try FileReplacement(path: path, mode: mode)
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    try replacement.append(length + header.utf8)
  }

  public func append(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    missing -= bytes.count
    try replacement.append(bytes)
  }

  public func commit() throws(ModelFileError) {
    guard missing == 0 else {
      throw .mismatch(
        file: path, item: "its tensors", expected: "all elements of their shapes",
        found: missing > 0 ? "\(missing) bytes fewer" : "\(-missing) bytes more")
    }
    try replacement.commit()
  }

  private static func headerText(
    _ layouts: [TensorLayout], _ sizes: [Int], _ metadata: [String: String]
  ) -> String {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for (layout, size) in zip(layouts, sizes) {
      let shape = layout.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(layout.name)):{\"dtype\":\"\(layout.type.rawValue)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(offset + size)]}")
      offset += size
    }
    return "{\(members.joined(separator: ","))}"
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
