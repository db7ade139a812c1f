import ModelFiles

extension TokenizerParts {
  /// What the bits of `tokenizer.ggml.token_type` say.
  private enum TokenType: Int64 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// Reads a GGUF file's `tokenizer.ggml` metadata.
  ///
  /// GGUF does not store the normaliser: `qwen2` means NFC here, as in Qwen2's `tokenizer.json`,
  /// so that both files of a model give the same ids. (llama.cpp does not normalise.) Unused
  /// tokens at the end, which pad the vocabulary to the width of the model's output, are left out.
  init(gguf: GGUFFile) throws(TokenizerError) {
    let gguf = GGUFFields(gguf: gguf)
    let model = try gguf.string("tokenizer.ggml.model") ?? "absent"
    guard model == "gpt2" else {
      throw .unsupported(
        file: gguf.file, item: "tokenizer.ggml.model", found: quoted(model),
        advice: "use a model with a byte-level BPE tokenizer (\"gpt2\")")
    }
    try Self.refuse("tokenizer.ggml.add_eos_token", in: gguf)
    try Self.refuse("tokenizer.ggml.add_space_prefix", in: gguf)
    let (preTokenizer, normalization) = try Self.preTokenizer(gguf)
    let (listed, added) = try Self.tokens(gguf)
    self.init(
      file: gguf.file, listed: listed, merges: try Self.merges(gguf), preTokenizer: preTokenizer,
      normalization: normalization, addedTokens: added)
    endOfTextID = try special("tokenizer.ggml.eos_token_id", in: gguf)
    for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
      if let id = try special(key, in: gguf) { endIDs.insert(id) }
    }
    if try gguf.bool("tokenizer.ggml.add_bos_token") == true {
      beginID = try special("tokenizer.ggml.bos_token_id", in: gguf)
    }
    jinja = try gguf.string("tokenizer.chat_template").map { Array($0.utf8) }
  }

  private static func refuse(_ key: String, in gguf: GGUFFields) throws(TokenizerError) {
    if try gguf.bool(key) == true {
      throw .unsupported(
        file: gguf.file, item: key, found: "true",
        advice: "use a model whose tokenizer adds nothing but a begin-of-text token")
    }
  }

  private static func preTokenizer(_ gguf: GGUFFields) throws(TokenizerError) -> (
    PreTokenizer, Normalization
  ) {
    let name = try gguf.string("tokenizer.ggml.pre") ?? "absent"
    switch name {
    case "gpt-2": return (.gpt2, .none)
    case "qwen2": return (.qwen2, .nfc)
    case "smollm": return (.smollm, .none)
    default:
      // "default" is not GPT-2's: it splits digits and punctuation in a way of its own.
      throw .unsupported(
        file: gguf.file, item: "tokenizer.ggml.pre", found: quoted(name),
        advice: "use a model whose pre-tokenizer is gpt-2, qwen2 or smollm")
    }
  }

  private static func tokens(
    _ gguf: GGUFFields
  ) throws(TokenizerError) -> (listed: [(spelling: [UInt8], id: Int64)], added: [AddedToken]) {
    var spellings = try gguf.strings("tokenizer.ggml.tokens")
    var types = try gguf.integers("tokenizer.ggml.token_type")
    guard types.count == spellings.count, spellings.count <= Int(Int32.max) else {
      throw .malformed(
        file: gguf.file, item: "tokenizer.ggml.token_type",
        expected: "\(spellings.count) types, one a token", found: String(types.count))
    }
    while types.last == TokenType.unused.rawValue {
      types.removeLast()
      spellings.removeLast()
    }
    var listed: [(spelling: [UInt8], id: Int64)] = []
    var added: [AddedToken] = []
    listed.reserveCapacity(spellings.count)
    for (id, spelling) in spellings.enumerated() {
      guard String(validating: spelling, as: UTF8.self) != nil else {
        throw .malformed(
          file: gguf.file, item: "tokenizer.ggml.tokens[\(id)]", expected: "UTF-8",
          found: quoted(spelling))
      }
      listed.append((spelling, Int64(id)))
      switch TokenType(rawValue: types[id]) {
      case .normal, .unknown, .unused: break
      case .control:
        added.append(AddedToken(id: Int32(id), content: spelling, isSpecial: true))
      case .userDefined:
        added.append(AddedToken(id: Int32(id), content: spelling, isSpecial: false))
      case .byte, nil:
        throw .unsupported(
          file: gguf.file, item: "tokenizer.ggml.token_type[\(id)]", found: String(types[id]),
          advice: "use a model with a byte-level BPE tokenizer")
      }
    }
    return (listed, added)
  }

  private static func merges(_ gguf: GGUFFields) throws(TokenizerError) -> [(
    left: [UInt8], right: [UInt8]
  )] {
    var merges: [(left: [UInt8], right: [UInt8])] = []
    for (rank, line) in try gguf.strings("tokenizer.ggml.merges").enumerated() {
      guard let pair = MergeText.pair(line) else {
        throw .malformed(
          file: gguf.file, item: "tokenizer.ggml.merges[\(rank)]",
          expected: "two tokens with a space between", found: quoted(line))
      }
      merges.append(pair)
    }
    return merges
  }

  /// The id under `key`, nil where the key is absent. What a file names as special is special.
  private mutating func special(_ key: String, in gguf: GGUFFields) throws(TokenizerError) -> Int32?
  {
    guard let number = try gguf.integer(key) else { return nil }
    guard listed.indices.contains(Int(truncatingIfNeeded: number)), number >= 0 else {
      throw .malformed(
        file: gguf.file, item: key, expected: "an id below \(listed.count)", found: String(number))
    }
    return try specialID(listed[Int(number)].spelling, file: gguf.file, item: key)
  }
}
