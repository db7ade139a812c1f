/// A tensor of a GGUF file under the name it has there.
package struct GGUFTensor: Sendable {
  /// The name's length, one byte of name, the dimension count, the type and the offset.
  static let minimumHeaderSize = 25

  package let name: String

  /// Outermost dimension first: the file's order turned around.
  package let shape: [Int]

  let elementType: ElementType

  /// From the start of the data section in a header just read, of the file once placed.
  private(set) var offset: Int

  init(reading cursor: inout GGUFCursor) throws(ModelFileError) {
    let file = cursor.file
    let name = try cursor.name("a tensor name")
    let dimensionCount: UInt32 = try cursor.integer("the dimension count of tensor \(name)")
    guard dimensionCount <= 4 else {
      throw .malformed(
        file: file, item: "the dimension count of tensor \(name)", expected: "at most 4",
        found: "\(dimensionCount)")
    }
    var shape: [Int] = []
    for _ in 0..<dimensionCount {
      let dimension: UInt64 = try cursor.integer("a dimension of tensor \(name)")
      guard let size = Int(exactly: dimension), size > 0 else {
        throw .malformed(
          file: file, item: "a dimension of tensor \(name)", expected: "from 1 to \(Int.max)",
          found: "\(dimension)")
      }
      shape.insert(size, at: 0)
    }
    let code: UInt32 = try cursor.integer("the type of tensor \(name)")
    guard let elementType = ElementType(ggml: code) else {
      throw .unsupported(
        file: file, item: "the type of tensor \(name)", found: "ggml type \(code)",
        supported: "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or Q2_K to Q6_K")
    }
    let offset: UInt64 = try cursor.integer("the offset of tensor \(name)")
    guard let offset = Int(exactly: offset) else {
      throw .malformed(
        file: file, item: "the offset of tensor \(name)", expected: "at most \(Int.max)",
        found: "\(offset)")
    }
    (self.name, self.shape, self.elementType, self.offset) = (name, shape, elementType, offset)
  }

  /// Turns offsets from the data section, which begins at the first multiple of `alignment` after
  /// the header, into offsets from the file's start. Checks that every tensor is aligned, ends
  /// within the file, has a name of its own and shares no byte with another.
  static func place(
    _ headers: [GGUFTensor], after headerEnd: Int, alignment: Int, file: MappedFile
  ) throws(ModelFileError) -> [GGUFTensor] {
    let start = (headerEnd + alignment - 1) / alignment * alignment
    var names: Set<String> = []
    var placed = headers
    var extents: [(begin: Int, end: Int, name: String)] = []
    for i in placed.indices {
      let tensor = placed[i]
      guard names.insert(tensor.name).inserted else {
        throw .malformed(
          file: file.path, item: "tensor \(tensor.name)", expected: "every tensor once",
          found: "it twice")
      }
      guard tensor.offset % alignment == 0 else {
        throw .malformed(
          file: file.path, item: "the offset of tensor \(tensor.name)",
          expected: "a multiple of \(alignment)", found: "\(tensor.offset)")
      }
      let size = try TensorEntry.byteCount(
        of: tensor.name, shape: tensor.shape, elementType: tensor.elementType, file: file.path)
      let (begin, overflow) = tensor.offset.addingReportingOverflow(start)
      guard !overflow, begin <= file.bytes.count, size <= file.bytes.count - begin else {
        throw .malformed(
          file: file.path, item: "tensor \(tensor.name)",
          expected: "\(size) bytes at offset \(tensor.offset) of the data section",
          found: "a data section of \(max(0, file.bytes.count - start)) bytes")
      }
      placed[i].offset = begin
      extents.append((begin, begin + size, tensor.name))
    }
    extents.sort { $0.begin < $1.begin }
    for (first, second) in zip(extents, extents.dropFirst()) where first.end > second.begin {
      throw .malformed(
        file: file.path, item: "tensor \(second.name)",
        expected: "to begin after tensor \(first.name) ends, at byte \(first.end)",
        found: "byte \(second.begin)")
    }
    return placed
  }
}
