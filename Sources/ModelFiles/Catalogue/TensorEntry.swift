/// The order in which a tensor's rows are stored.
enum RowOrder: Hashable, Sendable {
  /// As Hugging Face has them.
  case plain

  /// Within each of `heads` heads, row 2i is Hugging Face's row i and row 2i + 1 its row i + size/2:
  /// the order in which llama.cpp's converter stores query and key rows of the llama architecture,
  /// so that a rotary pair is two neighbours.
  case rotaryPairs(heads: Int)
}

/// One stored tensor: what it is called, what it holds, and where. The entry keeps its file mapped.
public struct TensorEntry: Sendable {
  /// The Hugging Face name.
  public private(set) var name: String

  /// The name in the file; differs from `name` in GGUF files.
  public let storedName: String

  /// Row-major, outermost dimension first; empty for a scalar.
  public let shape: [Int]

  public let elementType: ElementType

  /// Bytes the tensor takes in its file.
  public let byteCount: Int

  let rowOrder: RowOrder
  private let file: MappedFile
  let offset: Int

  /// Checks the shape against the element type and the place against the file.
  init(
    name: String, storedName: String, shape: [Int], elementType: ElementType,
    rowOrder: RowOrder = .plain, file: MappedFile, offset: Int
  ) throws(ModelFileError) {
    let byteCount = try Self.byteCount(
      of: storedName, shape: shape, elementType: elementType, file: file.path)
    guard offset >= 0, offset <= file.bytes.count, byteCount <= file.bytes.count - offset else {
      throw .malformed(
        file: file.path, item: "tensor \(storedName)",
        expected: "\(byteCount) bytes at offset \(offset)",
        found: "a file of \(file.bytes.count) bytes")
    }
    self.name = name
    self.storedName = storedName
    self.shape = shape
    self.elementType = elementType
    self.byteCount = byteCount
    self.rowOrder = rowOrder
    self.file = file
    self.offset = offset
  }

  /// The same tensor under another name.
  func renamed(_ name: String) -> TensorEntry {
    var entry = self
    entry.name = name
    return entry
  }

  /// The file that holds the tensor.
  public var path: String { file.path }

  /// The product of the dimensions; 1 for a scalar.
  public var elementCount: Int {
    byteCount / elementType.blockBytes * elementType.blockElements
  }

  /// Calls `body` with the bytes as stored, which are valid during the call alone.
  public func withBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withExtendedLifetime(file) { () throws(Failure) in
      try body(UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + byteCount]))
    }
  }

  /// Lets go of the tensor's pages; they are read again when they are touched again.
  func release() { file.release(offset..<offset + byteCount) }

  /// The bytes that a tensor takes, every product checked for overflow.
  static func byteCount(
    of name: String, shape: [Int], elementType: ElementType, file: String
  ) throws(ModelFileError) -> Int {
    var elements = 1
    for dimension in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow else {
        throw .malformed(
          file: file, item: "tensor \(name)", expected: "a shape that memory can hold",
          found: "\(shape)")
      }
      elements = product
    }
    let (blockElements, blockBytes) = elementType.block
    guard blockElements == 1 || (shape.last ?? 1) % blockElements == 0 else {
      throw .malformed(
        file: file, item: "tensor \(name)",
        expected:
          "rows of a multiple of \(blockElements) elements, as \(elementType.rawValue) needs",
        found: "shape \(shape)")
    }
    let (bytes, overflow) = (elements / blockElements).multipliedReportingOverflow(by: blockBytes)
    guard !overflow else {
      throw .malformed(
        file: file, item: "tensor \(name)", expected: "a shape that memory can hold",
        found: "\(shape)")
    }
    return bytes
  }
}
