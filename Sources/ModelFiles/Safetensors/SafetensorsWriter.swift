import Foundation

/// Writes safetensors files so that a reader sees the old file or the whole new one, whatever
/// happens in between: to a temporary file beside it, synchronised to disk, then renamed.
public struct SafetensorsWriter {
  /// Elements to write, borrowed for the duration of the call.
  public enum Elements {
    case float32(UnsafeBufferPointer<Float>)
    case int64(UnsafeBufferPointer<Int64>)

    var bytes: UnsafeRawBufferPointer {
      switch self {
      case .float32(let values): UnsafeRawBufferPointer(values)
      case .int64(let values): UnsafeRawBufferPointer(values)
      }
    }

    var count: Int {
      switch self {
      case .float32(let values): values.count
      case .int64(let values): values.count
      }
    }

    var type: ElementType {
      switch self {
      case .float32: .f32
      case .int64: .i64
      }
    }
  }

  public typealias Tensor = (name: String, shape: [Int], elements: Elements)

  /// Writes float32 tensors.
  public static func write(
    path: String, tensors: [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)],
    metadata: [String: String] = [:]
  ) throws(ModelFileError) {
    try write(
      path: path, tensors: tensors.map { ($0.name, $0.shape, .float32($0.values)) },
      metadata: metadata)
  }

  /// Writes `tensors` in an order that depends on their names and types alone (wider elements
  /// first, so that all are aligned), so that equal contents make equal files.
  ///
  /// Throws `mismatch` when a shape does not fit its elements or a name comes twice, `unwritable`
  /// when the file system refuses; the old file, if any, is then untouched.
  public static func write(
    path: String, tensors: [Tensor], metadata: [String: String] = [:]
  ) throws(ModelFileError) {
    let ordered = tensors.sorted { first, second in
      first.elements.type == second.elements.type
        ? first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
        : first.elements.type.blockBytes > second.elements.type.blockBytes
    }
    try check(ordered, path: path)
    var header = headerText(ordered, metadata)
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    let replacement = try FileReplacement(path: path)
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    try replacement.append(length + header.utf8)
    for tensor in ordered { try replacement.append(tensor.elements.bytes) }
    try replacement.commit()
  }

  private static func check(_ tensors: [Tensor], path: String) throws(ModelFileError) {
    var names: Set<String> = []
    for tensor in tensors {
      let bytes = try TensorEntry.byteCount(
        of: tensor.name, shape: tensor.shape, elementType: tensor.elements.type, file: path)
      guard bytes == tensor.elements.bytes.count else {
        throw .mismatch(
          file: path, item: "tensor \(tensor.name)", expected: "elements for shape \(tensor.shape)",
          found: "\(tensor.elements.count) elements")
      }
      guard tensor.name != "__metadata__", names.insert(tensor.name).inserted else {
        throw .mismatch(
          file: path, item: "tensor \(tensor.name)", expected: "a name of its own",
          found: "one that is taken")
      }
    }
  }

  private static func headerText(_ tensors: [Tensor], _ metadata: [String: String]) -> String {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.elements.bytes.count
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.elements.type.rawValue)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
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
