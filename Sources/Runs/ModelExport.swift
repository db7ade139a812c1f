import Architectures
import Foundation
import Generators
import ModelFiles

/// Writes a run's backbone as a Hugging Face folder, for other programs: its `config.json`, its weights with low-rank
/// additions merged, and the tokenizer's files where they can be found. What reads the source is no part of it.
public struct ModelExport {
  /// What came of it.
  public struct Report: Equatable, Sendable {
    public var family: String
    public var tensors: Int
    /// Files of the tokenizer that were copied.
    public var tokenizerFiles: [String]
  }

  private let run: RunFolder
  private let out: String
  private let tokenizer: String?
  private let registries: GeneratorRegistries

  /// - Parameter tokenizer: a folder to take the tokenizer's files from; `nil`: the one that the weights came from.
  public init(
    run: String, out: String, tokenizer: String? = nil,
    registries: GeneratorRegistries = .builtIn
  ) {
    self.run = RunFolder(run)
    self.out = out
    self.tokenizer = tokenizer
    self.registries = registries
  }

  private static let tokenizerNames = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
    "generation_config.json", "vocab.json", "merges.txt", "added_tokens.json", "tokenizer.model",
  ]

  /// Writes the folder, which must not be there.
  public func write() throws -> Report {
    let manifest = try run.manifest()
    guard !FileManager.default.fileExists(atPath: out) else {
      throw GeneratorError.unsupported(
        item: "to write \(out)", advice: "it is there already: name a new folder")
    }
    let generator = try run.generator(run.best, manifest, registries)
    let configuration = generator.configuration
    guard !configuration.conditioning.replacesEmbeddings else {
      throw GeneratorError.unsupported(
        item: "an export of \(configuration.conditioning.name) conditioning",
        advice: "states take the place of token embeddings there, so no model stands on its own")
    }
    let files = try tokenizerFiles(manifest)
    let replacement = try FolderReplacement(path: out)
    var members: [String: any Encodable] = ["torch_dtype": "float32"]
    for (key, value) in configuration.backbone.huggingFaceMembers { members[key] = value }
    try replacement.write("config.json", try JSONText.data(members))
    let merged = generator.mergedTensors()
    let path = replacement.file("model.safetensors")
    try withExtendedLifetime(merged) {
      try readingFiles { () throws(ModelFileError) in
        try SafetensorsWriter.write(
          path: path, tensors: merged.tensors, metadata: ["format": "pt"])
      }
    }
    for (name, contents) in files { try replacement.write(name, contents) }
    try replacement.commit()
    return Report(
      family: configuration.backbone.family, tensors: merged.tensors.count,
      tokenizerFiles: files.map(\.name))
  }

  private func tokenizerFiles(
    _ manifest: RunManifest
  ) throws -> [(name: String, contents: Data)] {
    let training = try? JSONSerialization.jsonObject(with: manifest.training) as? [String: Any]
    let design = training?["design"] as? [String: Any]
    guard let folder = tokenizer ?? design?["pretrained"] as? String else { return [] }
    return Self.tokenizerNames.compactMap { name in
      FileManager.default.contents(atPath: (folder as NSString).appendingPathComponent(name))
        .map { (name, $0) }
    }
  }
}
