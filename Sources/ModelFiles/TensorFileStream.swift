/// What a file says of a tensor before its elements.
public struct TensorLayout: Sendable {
  public let name: String
  public let shape: [Int]
  public let type: ElementType

  public init(_ name: String, shape: [Int], type: ElementType) {
    self.name = name
    self.shape = shape
    self.type = type
  }
}

/// A file of tensors that is written tensor by tensor, so that it may be larger than memory. A reader sees
/// the old file or the whole new one: nothing is in place before `commit`.
public protocol TensorFileStream: AnyObject {
  /// The tensors in the order in which their elements are to be appended.
  var order: [TensorLayout] { get }

  /// The next elements, little-endian; a tensor's may come in parts.
  func append(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError)

  /// Puts the file in its place, once all elements were appended.
  func commit() throws(ModelFileError)
}

/// The bytes of each tensor; throws `mismatch` when a shape is impossible or a name comes twice.
func byteCounts(_ layouts: [TensorLayout], path: String) throws(ModelFileError) -> [Int] {
  var names: Set<String> = []
  var sizes: [Int] = []
  for layout in layouts {
    sizes.append(
      try TensorEntry.byteCount(
        of: layout.name, shape: layout.shape, elementType: layout.type, file: path))
    guard names.insert(layout.name).inserted else {
      throw .mismatch(
        file: path, item: "tensor \(layout.name)", expected: "a name of its own",
        found: "one that is taken")
    }
  }
  return sizes
}
