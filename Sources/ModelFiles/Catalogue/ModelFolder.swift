import Foundation

/// What a model's path names: a Hugging Face folder, one GGUF file, or a folder that holds exactly
/// one GGUF file.
///
/// Opening reads configuration and metadata alone; weights are looked for when `catalogue()` is
/// called, so a folder without them can still be planned for.
public struct ModelFolder: Sendable {
  /// Where a tokenizer is described.
  public enum TokenizerFiles: Sendable {
    /// `tokenizer.json`, with paths to `tokenizer_config.json` and `chat_template.jinja` where the
    /// folder has them.
    case json(tokenizer: String, configuration: String?, chatTemplate: String?)

    /// The metadata of a GGUF file.
    case gguf(GGUFFile)
  }

  private enum Contents {
    case huggingFace(names: Set<String>)
    case gguf(GGUFFile)
  }

  public let path: String

  /// What people call the model: the last part of its path.
  public var name: String { URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent }

  private let contents: Contents

  /// Opens a folder or a `.gguf` file.
  public static func open(_ path: String) throws(ModelFileError) -> ModelFolder {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .unreadable(file: path, reason: "no such file or folder")
    }
    guard isFolder.boolValue else {
      guard path.hasSuffix(".gguf") else {
        throw .unsupported(
          file: path, item: "a model in one file", found: "not a .gguf file",
          supported: "its folder with config.json, or a .gguf file")
      }
      return ModelFolder(path: path, contents: .gguf(try GGUFFile(path: path)))
    }
    let names = try WeightFile.folderContents(path)
    if names.contains("config.json") || names.contains("tokenizer.json") {
      return ModelFolder(path: path, contents: .huggingFace(names: Set(names)))
    }
    if let name = try WeightFile.single(names, ".gguf", in: path) {
      let file = try GGUFFile(path: (path as NSString).appendingPathComponent(name))
      return ModelFolder(path: path, contents: .gguf(file))
    }
    throw .missing(
      file: path, item: "config.json, tokenizer.json or a .gguf file",
      advice: "name a Hugging Face folder or a GGUF file")
  }

  private init(path: String, contents: Contents) {
    self.path = path
    self.contents = contents
  }

  /// The GGUF file, where the model is one.
  public var gguf: GGUFFile? { if case .gguf(let file) = contents { file } else { nil } }

  /// The folder's `config.json`. Throws `missing` when it has none, as a GGUF file has none.
  public func configurationPath() throws(ModelFileError) -> String {
    guard case .huggingFace(let names) = contents, names.contains("config.json") else {
      throw .missing(file: path, item: "config.json", advice: "fetch it with the model")
    }
    return (path as NSString).appendingPathComponent("config.json")
  }

  /// The model's tensors; of a folder that has models of other kinds of input beside it, the text model's. Throws
  /// `missing` when the folder has no weights.
  public func catalogue() throws(ModelFileError) -> TensorCatalogue {
    switch contents {
    case .gguf(let file): try TensorCatalogue(file)
    case .huggingFace: try TensorCatalogue.open(path).textModel()
    }
  }

  /// Where the tokenizer is described. Throws `missing` when the folder has no `tokenizer.json`.
  public var tokenizerFiles: TokenizerFiles {
    get throws(ModelFileError) {
      switch contents {
      case .gguf(let file): return .gguf(file)
      case .huggingFace(let names):
        func find(_ name: String) -> String? {
          names.contains(name) ? (path as NSString).appendingPathComponent(name) : nil
        }
        guard let tokenizer = find("tokenizer.json") else {
          throw .missing(
            file: path, item: "tokenizer.json", advice: "fetch the tokenizer's files too")
        }
        return .json(
          tokenizer: tokenizer, configuration: find("tokenizer_config.json"),
          chatTemplate: find("chat_template.jinja"))
      }
    }
  }
}
