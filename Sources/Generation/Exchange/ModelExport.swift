import Architectures
import Foundation
import Generators
import ModelFiles
import Runs
import Tokenization

/// Writes a run's backbone as a Hugging Face folder, for other programs: its `config.json`, its weights with low-rank
/// additions merged, and its tokenizer's files. What reads the source is no part of it.
public struct ModelExport {
  /// What came of it.
  public struct Report: Equatable, Sendable {
    public var family: String
    public var tensors: Int
    /// Files of the tokenizer: those of the model that the weights came from or that was named, or else written from
    /// what the run keeps, then without a chat template.
    public var tokenizerFiles: [String]
  }

  private let run: RunFolder
  private let out: String
  private let tokenizer: String?
  private let registries: GeneratorRegistries

  /// - Parameter tokenizer: a model to take the tokenizer's files from; `nil`: the one that the weights came from.
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
    let written = try writtenTokenizer(manifest)
    let files = try tokenizerFiles(written, manifest)
    let replacement = try FolderReplacement(path: out)
    var members: [String: any Encodable] = ["torch_dtype": "float32"]
    for (key, value) in configuration.backbone.huggingFaceMembers { members[key] = value }
    if let end = written.endOfTextID { members["eos_token_id"] = end }
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

  /// The tokenizer of what the generator writes.
  private func writtenTokenizer(_ manifest: RunManifest) throws -> Tokenizer {
    let bytes = try manifest.hasOwnTokenizer ? run.generatorTokenizer() : run.sourceTokenizer()
    return try Tokenizer(serialized: bytes)
  }

  private func tokenizerFiles(
    _ written: Tokenizer, _ manifest: RunManifest
  ) throws -> [(name: String, contents: Data)] {
    if let tokenizer {
      guard let files = try files(of: tokenizer, written) else {
        throw GeneratorError.unsupported(
          item: "the tokenizer of \(tokenizer)",
          advice: "it is another than the generator was trained with")
      }
      return files
    }
    let training = try? JSONSerialization.jsonObject(with: manifest.training) as? [String: Any]
    let design = training?["design"] as? [String: Any]
    // Weights that came from elsewhere may be gone by now.
    if let pretrained = design?["pretrained"] as? String,
      let files = (try? files(of: pretrained, written)) ?? nil
    {
      return files
    }
    return data(written.huggingFaceFiles(jinja: nil))
  }

  /// The files of a model's tokenizer, copied or written from its GGUF file; nil where it is another tokenizer.
  private func files(
    of model: String, _ written: Tokenizer
  ) throws -> [(name: String, contents: Data)]? {
    let folder = try ModelFolder.open(model)
    let tokenizer = try Tokenizer.load(folder)
    guard tokenizer.fingerprint == written.fingerprint else { return nil }
    if let gguf = folder.gguf {
      let template =
        gguf.contains("tokenizer.chat_template")
        ? Array(try gguf.string("tokenizer.chat_template").utf8) : nil
      return data(tokenizer.huggingFaceFiles(jinja: template))
    }
    return Self.tokenizerNames.compactMap { name in
      FileManager.default.contents(atPath: (folder.path as NSString).appendingPathComponent(name))
        .map { (name, $0) }
    }
  }

  private func data(
    _ files: [(name: String, contents: [UInt8])]?
  ) -> [(name: String, contents: Data)] {
    (files ?? []).map { ($0.name, Data($0.contents)) }
  }
}
