import ModelFiles

extension Tokenizer {
  /// The tokenizer of a model, from the files that its folder has.
  public static func load(_ folder: ModelFolder) throws(TokenizerError) -> Tokenizer {
    let files = try TokenizerError.wrapping { () throws(ModelFileError) in
      try folder.tokenizerFiles
    }
    switch files {
    case .gguf(let gguf):
      return try Tokenizer(gguf: gguf)
    case .json(let tokenizer, let configuration, let chatTemplate):
      let json = try contents(of: tokenizer)
      let configJSON: [UInt8]? =
        if let configuration { try contents(of: configuration) } else { nil }
      let jinja: [UInt8]? = if let chatTemplate { try contents(of: chatTemplate) } else { nil }
      return try Tokenizer(
        json: json, configJSON: configJSON, chatTemplate: jinja, file: tokenizer,
        configFile: configuration ?? "tokenizer_config.json")
    }
  }

  private static func contents(of path: String) throws(TokenizerError) -> [UInt8] {
    let file = try TokenizerError.wrapping { () throws(ModelFileError) in
      try MappedFile(path: path)
    }
    return withExtendedLifetime(file) { Array(file.bytes) }
  }

  /// The tokenizer of a Hugging Face model.
  ///
  /// - Parameters:
  ///   - json: the contents of `tokenizer.json`.
  ///   - configJSON: the contents of `tokenizer_config.json`, which names the end token and holds
  ///     the chat template. Without it text ends in `<|endoftext|>`.
  ///   - chatTemplate: the contents of `chat_template.jinja`, which comes before the template in
  ///     `tokenizer_config.json`.
  ///   - file, configFile: what errors call the files.
  public init(
    json: [UInt8], configJSON: [UInt8]? = nil, chatTemplate: [UInt8]? = nil,
    file: String = "tokenizer.json", configFile: String = "tokenizer_config.json"
  ) throws(TokenizerError) {
    var parts = try TokenizerParts(json: json, file: file, .builtIn)
    if let configJSON { try parts.apply(configuration: configJSON, file: configFile) }
    if let chatTemplate { parts.jinja = chatTemplate }
    if parts.endOfTextID == nil {
      let spelling = Array("<|endoftext|>".utf8)
      parts.endOfTextID = parts.addedTokens.first { $0.content == spelling }?.id
    }
    try self.init(try parts.definition(), file: file)
  }

  /// The tokenizer in a GGUF file's metadata.
  public init(gguf: GGUFFile) throws(TokenizerError) {
    let fields = GGUFFields(gguf: gguf)
    let kind = try TokenizerRegistry.builtIn.kind(gguf: fields)
    var parts = try kind.parts(fields)
    parts.jinja = try fields.string("tokenizer.chat_template").map { Array($0.utf8) }
    try self.init(try parts.definition(), file: gguf.path)
  }
}
