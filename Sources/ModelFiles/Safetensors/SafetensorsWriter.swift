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

  /// Writes `tensors` in the order that `SafetensorsStream` says.
  ///
  /// Throws `mismatch` when a shape does not fit its elements or a name comes twice, `unwritable`
  /// when the file system refuses; the old file, if any, is then untouched.
  public static func write(
    path: String, tensors: [Tensor], metadata: [String: String] = [:]
  ) throws(ModelFileError) {
    for tensor in tensors {
      let bytes = try TensorEntry.byteCount(
        of: tensor.name, shape: tensor.shape, elementType: tensor.elements.type, file: path)
      guard bytes == tensor.elements.bytes.count else {
        throw .mismatch(
          file: path, item: "tensor \(tensor.name)", expected: "elements for shape \(tensor.shape)",
          found: "\(tensor.elements.count) elements")
      }
    }
    let file = try SafetensorsStream(
      path: path,
      layouts: tensors.map { TensorLayout($0.name, shape: $0.shape, type: $0.elements.type) },
      metadata: metadata)
    let elements = Dictionary(tensors.map { ($0.name, $0.elements) }) { first, _ in first }
    for layout in file.order {
      if let values = elements[layout.name] { try file.append(values.bytes) }
    }
    try file.commit()
  }
}
