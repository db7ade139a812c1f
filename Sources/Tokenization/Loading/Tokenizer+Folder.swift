import Foundation
import ModelFiles

extension Tokenizer {
  /// The tokenizer of a model, from its `tokenizer.json` or its GGUF metadata.
  public static func load(_ folder: ModelFolder) throws(TokenizerError) -> Tokenizer {
    let files: ModelFolder.TokenizerFiles
    do throws(ModelFileError) { files = try folder.tokenizerFiles } catch { throw .file(error) }
    switch files {
    case .gguf(let file): return try Tokenizer(gguf: file)
    case .json(let tokenizer, let configuration, let chatTemplate):
      return try Tokenizer(
        json: try bytes(tokenizer), configJSON: try configuration.map(bytes),
        chatTemplate: try chatTemplate.map(bytes), file: tokenizer,
        configFile: configuration ?? "tokenizer_config.json")
    }
  }

  private static func bytes(_ path: String) throws(TokenizerError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .file(.unreadable(file: path, reason: "it can't be read"))
    }
    return Array(data)
  }
}
