/// A GGUF file (version 2 or 3, little-endian), mapped: its metadata, and where its tensors are.
///
/// Source: the GGUF specification in ggml's `docs/gguf.md`.
public final class GGUFFile: Sendable {
  public let path: String

  /// The format's version, 2 or 3.
  public let version: Int

  /// Key-value pairs; `keys` has the keys in the file's order.
  public let metadata: [String: GGUFValue]
  public let keys: [String]

  /// Tensors under their GGUF names, in the file's order.
  package let tensors: [GGUFTensor]
  let file: MappedFile

  /// Maps the file and reads its header; weights are not touched.
  public convenience init(path: String) throws(ModelFileError) {
    try self.init(MappedFile(path: path))
  }

  init(_ file: MappedFile) throws(ModelFileError) {
    self.file = file
    path = file.path
    var cursor = GGUFCursor(file.bytes, file: path)
    version = try Self.readVersion(&cursor)
    let tensorCount = try cursor.count(of: "the tensor count", size: GGUFTensor.minimumHeaderSize)
    // A key takes at least its length, one byte, its type and a one-byte value.
    let keyCount = try cursor.count(of: "the metadata count", size: 14)

    var metadata: [String: GGUFValue] = [:]
    var keys: [String] = []
    for _ in 0..<keyCount {
      let key = try cursor.name("a metadata key")
      let value = try cursor.value(key)
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw .malformed(
          file: path, item: "metadata key \(key)", expected: "every key once", found: "it twice")
      }
      keys.append(key)
    }
    self.metadata = metadata
    self.keys = keys

    let alignment = try Self.alignment(metadata["general.alignment"], file: path)
    var headers: [GGUFTensor] = []
    for _ in 0..<tensorCount { headers.append(try GGUFTensor(reading: &cursor)) }
    tensors = try GGUFTensor.place(
      headers, after: cursor.position, alignment: alignment, file: file)
  }

  private static func readVersion(_ cursor: inout GGUFCursor) throws(ModelFileError) -> Int {
    let magic: UInt32 = try cursor.integer("the magic number")
    guard magic == 0x4655_4747 else {
      throw .malformed(
        file: cursor.file, item: "the first four bytes", expected: "\"GGUF\"",
        found: withUnsafeBytes(of: magic.littleEndian) {
          "\"\(String(decoding: $0, as: UTF8.self))\""
        })
    }
    let version: UInt32 = try cursor.integer("the version")
    guard version == 2 || version == 3 else {
      let swapped = (2...3).contains(version.byteSwapped)
      throw .unsupported(
        file: cursor.file, item: "the GGUF version",
        found: swapped ? "\(version.byteSwapped), big-endian" : "\(version)",
        supported: "version 2 or 3, little-endian")
    }
    return Int(version)
  }

  private static func alignment(
    _ value: GGUFValue?, file: String
  ) throws(ModelFileError) -> Int {
    guard let value else { return 32 }
    guard case .uint32(let alignment) = value, alignment.nonzeroBitCount == 1,
      alignment <= 1 << 20
    else {
      throw .malformed(
        file: file, item: "metadata key general.alignment",
        expected: "a uint32 power of two up to \(1 << 20)",
        found: "\(value.typeName) \(value)")
    }
    return Int(alignment)
  }
}
