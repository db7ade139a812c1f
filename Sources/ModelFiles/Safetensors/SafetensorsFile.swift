/// One safetensors file, mapped: an 8-byte length, a JSON header of that length, then the data.
///
/// The rules are those of the format's reference implementation: a header of at most 100 MB, and
/// tensors that cover the data exactly, without holes or overlap.
struct SafetensorsFile {
  static let maximumHeaderSize = 100_000_000

  let entries: [TensorEntry]

  /// The header's `__metadata__`; empty when there is none.
  let metadata: [String: String]

  init(_ file: MappedFile) throws(ModelFileError) {
    let bytes = file.bytes
    let path = file.path
    guard bytes.count >= 8 else {
      throw .malformed(
        file: path, item: "the header's length", expected: "8 bytes",
        found: "a file of \(bytes.count) bytes")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(min(bytes.count - 8, Self.maximumHeaderSize)) else {
      throw .malformed(
        file: path, item: "the header's length",
        expected: "at most \(min(bytes.count - 8, Self.maximumHeaderSize))", found: "\(length)")
    }
    let dataStart = 8 + Int(length)
    let header = try withExtendedLifetime(file) { () throws(ModelFileError) in
      try JSONParser.parse(UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]), file: path)
    }
    guard case .object(let tensors) = header else {
      throw .malformed(
        file: path, item: "the header", expected: "an object", found: header.kind)
    }
    var entries: [TensorEntry] = []
    var metadata: [String: String] = [:]
    for (name, value) in tensors.members {
      if name == "__metadata__" {
        metadata = try Self.metadata(value, file: path)
      } else {
        entries.append(try Self.entry(name, value, file: file, dataStart: dataStart))
      }
    }
    try Self.checkCoverage(entries, from: dataStart, of: file)
    self.entries = entries
    self.metadata = metadata
  }

  private static func metadata(
    _ value: JSONValue, file: String
  ) throws(ModelFileError) -> [String: String] {
    guard case .object(let object) = value else {
      throw .malformed(
        file: file, item: "__metadata__", expected: "an object of strings", found: value.kind)
    }
    var metadata: [String: String] = [:]
    for (key, value) in object.members {
      guard case .string(let text) = value else {
        throw .malformed(
          file: file, item: "__metadata__ key \(key)", expected: "a string", found: value.kind)
      }
      metadata[key] = text
    }
    return metadata
  }

  private static func entry(
    _ name: String, _ value: JSONValue, file: MappedFile, dataStart: Int
  ) throws(ModelFileError) -> TensorEntry {
    func malformed(_ expected: String, _ found: String) -> ModelFileError {
      .malformed(file: file.path, item: "tensor \(name)", expected: expected, found: found)
    }
    guard case .object(let fields) = value else { throw malformed("an object", value.kind) }
    guard case .string(let typeName)? = fields["dtype"] else {
      throw malformed("a dtype", fields["dtype"]?.kind ?? "none")
    }
    guard let elementType = ElementType(safetensors: typeName) else {
      throw .unsupported(
        file: file.path, item: "the dtype of tensor \(name)", found: "\"\(typeName)\"",
        supported: "F32, F16 or BF16")
    }
    guard let shape = integers(fields["shape"]) else {
      throw malformed("a shape of whole numbers", fields["shape"]?.summary ?? "none")
    }
    guard let offsets = integers(fields["data_offsets"]), offsets.count == 2,
      offsets[0] <= offsets[1], offsets[1] <= file.bytes.count - dataStart
    else {
      throw malformed(
        "data_offsets [begin, end] within \(file.bytes.count - dataStart) bytes of data",
        integers(fields["data_offsets"])?.description ?? fields["data_offsets"]?.kind ?? "none")
    }
    let byteCount = try TensorEntry.byteCount(
      of: name, shape: shape, elementType: elementType, file: file.path)
    guard byteCount == offsets[1] - offsets[0] else {
      throw malformed(
        "\(byteCount) bytes for \(typeName) \(shape)", "\(offsets[1] - offsets[0])")
    }
    return try TensorEntry(
      name: name, storedName: name, shape: shape, elementType: elementType, file: file,
      offset: dataStart + offsets[0])
  }

  /// The elements of an array of whole numbers from zero up.
  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard case .array(let values)? = value else { return nil }
    var integers: [Int] = []
    for value in values {
      guard case .integer(let integer) = value, integer >= 0 else { return nil }
      integers.append(Int(integer))
    }
    return integers
  }

  private static func checkCoverage(
    _ entries: [TensorEntry], from dataStart: Int, of file: MappedFile
  ) throws(ModelFileError) {
    var position = dataStart
    for entry in entries.sorted(by: { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }) {
      guard entry.offset == position else {
        throw .malformed(
          file: file.path, item: "tensor \(entry.name)",
          expected: "to begin at offset \(position - dataStart), where the one before ends",
          found: "offset \(entry.offset - dataStart)")
      }
      position += entry.byteCount
    }
    guard position == file.bytes.count else {
      throw .malformed(
        file: file.path, item: "the data", expected: "\(position - dataStart) bytes",
        found: "\(file.bytes.count - dataStart)")
    }
  }
}
