import ModelFiles

/// The families that a program knows. A value that is handed in; `builtIn` is one of them.
public struct ArchitectureRegistry: Sendable {
  public let families: [any Architecture.Type]

  public init(_ families: [any Architecture.Type]) {
    self.families = families
  }

  public static let builtIn = ArchitectureRegistry([
    Llama.self, Qwen2.self, Qwen3.self, Mistral.self, Gemma2.self, Gemma3.self, Phi3.self,
    GPTNeo.self,
    GPTNeoX.self, GPT2.self, BERT.self,
  ])

  /// The same with more families.
  public func adding(_ more: any Architecture.Type...) -> ArchitectureRegistry {
    ArchitectureRegistry(families + more)
  }

  /// The family of that name, as identities and checkpoints have it.
  public subscript(family: String) -> (any Architecture.Type)? {
    families.first { $0.family == family }
  }

  /// The configuration of a model's folder or file. Throws what is wrong with it, or what it asks that
  /// is not computed here.
  public func configuration(of folder: ModelFolder) throws(ModelFileError) -> any Architecture {
    if let gguf = folder.gguf { return try configuration(gguf: gguf) }
    return try configuration(ConfigurationReader(path: folder.configurationPath()))
  }

  /// The configuration that a `config.json` has.
  public func configuration(
    _ reader: ConfigurationReader
  ) throws(ModelFileError) -> any Architecture {
    guard let modelType = try reader.string("model_type") else {
      throw reader.missing("model_type")
    }
    if let family = families.first(where: { $0.modelType == modelType }) {
      return try family.init(huggingFace: reader)
    }
    for family in families {
      if let outer = family.enclosing.first(where: { $0.modelType == modelType }) {
        return try family.init(huggingFace: outer.text(reader, family))
      }
    }
    let known = families.flatMap { [$0.modelType] + $0.enclosing.map(\.modelType) }
    throw reader.unsupported(
      "model_type", .string(modelType), supported: "model_type " + Self.list(known))
  }

  private func configuration(gguf: GGUFFile) throws(ModelFileError) -> any Architecture {
    let name = try gguf.string("general.architecture")
    guard let family = families.first(where: { $0.ggufName == name }) else {
      throw .unsupported(
        file: gguf.path, item: "general.architecture", found: "\"\(name)\"",
        supported: "the \(Self.list(families.compactMap { $0.ggufName })) architecture")
    }
    return try family.init(gguf: gguf)
  }

  private static func list(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "none" }
    return names.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension ModelFolder {
  /// The model's configuration, of one of the families that are handed in.
  public func architecture(
    _ registry: ArchitectureRegistry = .builtIn
  ) throws(ModelFileError) -> any Architecture {
    try registry.configuration(of: self)
  }
}
