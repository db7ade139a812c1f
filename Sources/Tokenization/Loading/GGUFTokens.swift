import ModelFiles

/// The tokens of a GGUF file with their types. Unused ones at the end, which pad the vocabulary to
/// the width of the model's output, are left out.
struct GGUFTokens {
  /// What the numbers of `tokenizer.ggml.token_type` say.
  private enum TokenType: Int64 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// By id, as the file spells them.
  let spellings: [[UInt8]]
  let added: [AddedToken]
  /// The ids of the tokens that stand for a byte each.
  let bytes: Set<Int32>
  /// The ids of tokens that text never becomes: unused ones within the vocabulary.
  let unused: Set<Int32>

  /// - Parameters:
  ///   - kind: the tokenizer's kind, for errors.
  ///   - hasBytes: whether that kind has tokens that stand for a byte.
  init(_ gguf: GGUFFields, kind: String, hasBytes: Bool = false) throws(TokenizerError) {
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
    var added: [AddedToken] = []
    var bytes: Set<Int32> = []
    var unused: Set<Int32> = []
    for (id, spelling) in spellings.enumerated() {
      guard String(validating: spelling, as: UTF8.self) != nil else {
        throw .malformed(
          file: gguf.file, item: "tokenizer.ggml.tokens[\(id)]", expected: "UTF-8",
          found: quoted(spelling))
      }
      switch TokenType(rawValue: types[id]) {
      case .normal, .unknown: break
      case .unused: unused.insert(Int32(id))
      case .byte where hasBytes: bytes.insert(Int32(id))
      case .control:
        added.append(AddedToken(id: Int32(id), content: spelling, isSpecial: true))
      case .userDefined:
        added.append(AddedToken(id: Int32(id), content: spelling, isSpecial: false))
      case .byte, nil:
        throw .unsupported(
          file: gguf.file, item: "tokenizer.ggml.token_type[\(id)]", found: String(types[id]),
          advice: "use a model with a \(kind) tokenizer")
      }
    }
    self.spellings = spellings
    self.added = added
    self.bytes = bytes
    self.unused = unused
  }

  /// The tokens with their ids, as `spell` writes those that are not added.
  func listed(_ spell: ([UInt8]) -> [UInt8]) -> [(spelling: [UInt8], id: Int64)] {
    let addedIDs = Set(added.map(\.id))
    return spellings.enumerated().map { id, spelling in
      (addedIDs.contains(Int32(id)) ? spelling : spell(spelling), Int64(id))
    }
  }
}

extension TokenizerParts {
  /// The id under `key`, nil where the key is absent. What a file names as special is special.
  mutating func special(_ key: String, in gguf: GGUFFields) throws(TokenizerError) -> Int32? {
    guard let number = try gguf.integer(key) else { return nil }
    return try special(number, item: key, in: gguf)
  }

  /// The same for the id `number`, which stands under `key`.
  mutating func special(
    _ number: some BinaryInteger, item key: String, in gguf: GGUFFields
  ) throws(TokenizerError) -> Int32 {
    if let token = addedTokens.first(where: { Int64($0.id) == number }) { return token.id }
    let listed = section.listed
    guard let (spelling, _) = listed.first(where: { $0.id == number }) else {
      let count = max(listed.count, (addedTokens.map { Int($0.id) + 1 }.max() ?? 0))
      throw .malformed(
        file: gguf.file, item: key, expected: "an id below \(count)", found: String(number))
    }
    return try specialID(spelling, file: gguf.file, item: key)
  }

  /// Makes tokens of the vocabulary special, as `special` does one: they may be most of it.
  mutating func addSpecial(_ ids: Set<Int32>) {
    var known = Set(addedTokens.map(\.content))
    for (spelling, number) in section.listed {
      guard let id = Int32(exactly: number), ids.contains(id), known.insert(spelling).inserted
      else { continue }
      addedTokens.append(AddedToken(id: id, content: spelling, isSpecial: true))
    }
  }
}
