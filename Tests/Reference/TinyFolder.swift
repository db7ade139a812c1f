import Architectures
import ModelFiles
import Testing

/// One folder of a small model's vectors: a Hugging Face folder, and what transformers computed with it.
struct TinyFolder {
  /// Every folder of this form.
  static let names = ReferenceFolder.names(with: ["config.json", "expected.safetensors"])
    .filter { !ReferenceFolder.has("\($0)/weights.safetensors") }

  let name: String
  let folder: ModelFolder
  let expected: TensorCatalogue
  /// The rows of `input_ids`.
  let documents: [[Int32]]

  init(_ name: String) throws {
    self.name = name
    folder = try ModelFolder.open(ReferenceFolder.path(name))
    expected = try TensorCatalogue.open(ReferenceFolder.path("\(name)/expected.safetensors"))
    let shape = try #require(expected["input_ids"]).shape
    let ids = try expected.integers("input_ids").map { Int32($0) }
    try #require(shape.count == 2 && shape[0] > 0 && shape[1] > 1)
    documents = (0..<shape[0]).map { Array(ids[$0 * shape[1]..<($0 + 1) * shape[1]]) }
  }

  /// The model's configuration; nil for one that is refused by name, as what no family here computes.
  static func architecture(_ name: String) throws -> (any Architecture)? {
    do {
      return try ModelFolder.open(ReferenceFolder.path(name)).architecture()
    } catch ModelFileError.unsupported {
      return nil
    }
  }

  /// A tensor's part for one document, [tokens, its width].
  func values(_ tensor: String, _ document: Int) throws -> [Float] {
    let all = try expected.floats(tensor)
    let size = all.count / documents.count
    return Array(all[document * size..<(document + 1) * size])
  }
}
