import Foundation
import Numerics

/// All tensors of a model under their Hugging Face names, whatever files they come from.
public final class TensorCatalogue: Sendable {
  /// The path that was opened.
  public let path: String

  /// The tensors, sorted by the UTF-8 bytes of their names.
  public let entries: [TensorEntry]

  /// Whether tensors are named, and lie, as llama.cpp's converter has them. Those of GGUF files of the llama and
  /// qwen2 architectures are as Hugging Face has them.
  public let isGGUF: Bool

  /// What a safetensors file says of itself (`__metadata__`), or a GGUF file's metadata, every
  /// value on one line.
  public let metadata: [String: String]

  private let index: [String: Int]

  init(
    path: String, entries: [TensorEntry], metadata: [String: String], isGGUF: Bool = false
  ) throws(ModelFileError) {
    self.path = path
    self.isGGUF = isGGUF
    self.entries = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    self.metadata = metadata
    var index: [String: Int] = [:]
    for (place, entry) in self.entries.enumerated() {
      guard index.updateValue(place, forKey: entry.name) == nil else {
        throw .malformed(
          file: path, item: "tensor \(entry.name)", expected: "every tensor once",
          found: "it twice")
      }
    }
    self.index = index
  }

  /// Opens a `.safetensors`, `.safetensors.index.json` or `.gguf` file, or a folder that holds
  /// `model.safetensors`, an index with its shards, or exactly one of either kind.
  public static func open(_ path: String) throws(ModelFileError) -> TensorCatalogue {
    let weights = try WeightFile.find(at: path)
    switch weights {
    case .safetensors(let file):
      let contents = try SafetensorsFile(MappedFile(path: file))
      return try TensorCatalogue(path: path, entries: contents.entries, metadata: contents.metadata)
    case .safetensorsIndex(let file):
      let contents = try SafetensorsIndex(path: file)
      return try TensorCatalogue(path: path, entries: contents.entries, metadata: contents.metadata)
    case .gguf(let file):
      return try TensorCatalogue(GGUFFile(path: file))
    }
  }

  convenience init(_ gguf: GGUFFile) throws(ModelFileError) {
    try self.init(
      path: gguf.path, entries: gguf.entries(), metadata: gguf.metadata.mapValues(\.description),
      isGGUF: !gguf.hasHuggingFaceNames)
  }

  /// The tensors' names, sorted by their UTF-8 bytes.
  public var names: [String] { entries.map(\.name) }

  public subscript(name: String) -> TensorEntry? {
    index[name].map { entries[$0] }
  }

  /// A tensor's elements as float32. Throws `missing`, `mismatch` when `shape` is given and the
  /// tensor's is another, or `unsupported` when its type cannot be read as float32.
  public func floats(
    _ name: String, shape: [Int]? = nil
  ) throws(ModelFileError) -> [Float] {
    let entry = try entry(name, shape: shape)
    var failure: ModelFileError?
    let values = [Float](unsafeUninitializedCapacity: entry.elementCount) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      do throws(ModelFileError) {
        try entry.readFloats(into: base)
        count = entry.elementCount
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return values
  }

  /// Writes a tensor's elements as float32 to `out`, which has room for `shape`'s product.
  /// Throws as `floats`.
  public func read(
    _ name: String, shape: [Int], into out: UnsafeMutablePointer<Float>
  ) throws(ModelFileError) {
    try entry(name, shape: shape).readFloats(into: out)
  }

  /// A weight as small codes, as far as it is stored so; nil where its type is another. Throws as
  /// `floats`.
  public func groupedCodes(
    _ name: String, shape: [Int]
  ) throws(ModelFileError) -> GroupedCodes? {
    try entry(name, shape: shape).groupedCodes()
  }

  /// A table's rows as they are stored. Throws as `floats`.
  public func storedRows(_ name: String, shape: [Int]) throws(ModelFileError) -> StoredRows {
    try StoredRows(entry(name, shape: shape))
  }

  /// The elements of an I64 or I32 tensor. Throws `missing`, or `unsupported` for other types.
  public func integers(_ name: String) throws(ModelFileError) -> [Int64] {
    try entry(name, shape: nil).readIntegers()
  }

  /// The bytes of a U8 tensor. Throws `missing`, or `unsupported` for other types.
  public func bytes(_ name: String) throws(ModelFileError) -> [UInt8] {
    let entry = try entry(name, shape: nil)
    guard entry.elementType == .u8 else {
      throw .unsupported(
        file: path, item: "the type of tensor \(name)", found: entry.elementType.rawValue,
        supported: "U8")
    }
    return entry.withBytes { Array($0) }
  }

  /// The tensor called `name`, with `shape` when that is given.
  private func entry(_ name: String, shape: [Int]?) throws(ModelFileError) -> TensorEntry {
    guard let entry = self[name] else {
      throw .missing(
        file: path, item: "tensor \(name)",
        advice: "check that the weights belong to this model and are complete")
    }
    if let shape, shape != entry.shape {
      throw .mismatch(
        file: path, item: "tensor \(name)", expected: "shape \(shape)",
        found: "shape \(entry.shape)")
    }
    return entry
  }
}
